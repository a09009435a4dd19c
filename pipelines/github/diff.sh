#!/usr/bin/env bash
# Shows what an apply would change: in the job's summary, and in one comment on the pull request.
# TARGET: a target of provision.yaml. PLAN: where to save the plan. STRICT, COMMENT: true or false.
# Outputs: differs (true or false), plan (the file). It reads the database, and never writes to it.
set -euo pipefail

options=(--target "$TARGET")
[ "$STRICT" = true ] && options+=(--strict)
plan=${PLAN:-$RUNNER_TEMP/plan-$TARGET.json}
report=$RUNNER_TEMP/diff-$TARGET.md

code=0
provision diff "${options[@]}" --out "$plan" --exit-code --format markdown >"$report" || code=$?
if [ "$code" != 0 ] && [ "$code" != 3 ]; then
    exit "$code"
fi
differs=$([ "$code" = 3 ] && echo true || echo false)
printf 'differs=%s\nplan=%s\n' "$differs" "$plan" >>"$GITHUB_OUTPUT"
printf '## Target %s\n\n' "$TARGET" | cat - "$report" >>"$GITHUB_STEP_SUMMARY"

if [ "$COMMENT" = true ] && [ "$GITHUB_EVENT_NAME" = pull_request ]; then
    "$(dirname "$(command -v provision)")/python" -I "$GITHUB_ACTION_PATH/pipelines/comment.py" github "$TARGET" <"$report"
fi
