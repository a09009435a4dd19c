#!/usr/bin/env bash
# Installs provision from the action's own commit, with the versions that its tests ran with.
set -euo pipefail

python -m venv "$RUNNER_TEMP/provision"
"$RUNNER_TEMP/provision/bin/python" -m pip install --quiet --disable-pip-version-check \
    --constraint "$GITHUB_ACTION_PATH/tests/constraints.txt" "${GITHUB_ACTION_PATH}[age]"
echo "$RUNNER_TEMP/provision/bin" >>"$GITHUB_PATH"
