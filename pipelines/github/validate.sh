#!/usr/bin/env bash
# Checks the definitions: annotations at their lines, and a SARIF file for code scanning.
# STRICT: true treats warnings as errors. Output: sarif, the file.
set -euo pipefail

options=()
[ "$STRICT" = true ] && options+=(--strict)
report=$RUNNER_TEMP/provision.sarif

provision validate "${options[@]}" --format sarif >"$report" || true # the next run tells whether there are problems
[ -s "$report" ] && echo "sarif=$report" >>"$GITHUB_OUTPUT"
provision validate "${options[@]}" --format github
