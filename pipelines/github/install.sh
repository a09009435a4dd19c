#!/usr/bin/env bash
# Installs provision from the action's own commit, with the versions that its tests ran with, each by its hash.
set -euo pipefail

cd "$RUNNER_TEMP" # nothing of the checkout is imported or run
python -I -m venv provision
provision/bin/python -I -m pip install --quiet --disable-pip-version-check \
    --require-hashes --requirement "$GITHUB_ACTION_PATH/provisioner/templates/requirements.txt"
provision/bin/python -I -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps "$GITHUB_ACTION_PATH"
echo "$RUNNER_TEMP/provision/bin" >>"$GITHUB_PATH"
