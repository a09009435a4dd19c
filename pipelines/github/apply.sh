#!/usr/bin/env bash
# Applies the definitions to a target, and tells of it in the job's summary.
# TARGET: a target of provision.yaml. PLAN: the file of a reviewed plan, or nothing. STRICT: true or false.
set -euo pipefail

options=(--target "$TARGET" --yes)
[ "$STRICT" = true ] && options+=(--strict)
[ -n "$PLAN" ] && options+=(--plan "$PLAN")

code=0
provision apply "${options[@]}" | tee "$RUNNER_TEMP/apply.txt" || code=$?
{
    printf '## Applied to %s\n\n```text\n' "$TARGET"
    cat "$RUNNER_TEMP/apply.txt"
    printf '```\n'
} >>"$GITHUB_STEP_SUMMARY"
exit "$code"
