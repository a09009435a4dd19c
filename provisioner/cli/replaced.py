"""Words of a command line that name no command or option, and what to use in their place."""

COMMANDS = {
    "export": "run provision import --out DIR with --couch or --target",
    "history": "run provision undo --list",
    "impact": "run provision list ID --accounts",
    "rotate": "run provision apply ID --prove",
    "show": "run provision list ID",
    "targets": "run provision check --all-targets",
    "watch": "run provision drift --follow",
}
"""What to run in place of a command that does not exist."""

_KEPT = "leave it out: provision token refreshes a kept token if it has expired; --new signs in again"
_LIVE = "run provision check, for what is live"

OPTIONS = {
    "apply --adopt": "use --allow adopt",
    "apply --allow-mass-delete": "use --allow mass-delete",
    "apply --allow-public": "use --allow public",
    "apply --dry-run": "run provision diff, which writes nothing",
    "apply --force-credentials": "use --allow rotated",
    "apply --prune-changed": "use --prune --allow changed",
    "apply --unproven": "use --allow unproven",
    "diff --force-credentials": "leave it out: provision apply --allow rotated overwrites what someone else replaced",
    "explain --format": "leave it out: docs/rules.md is the page of all rules",
    "schema --format": "leave it out: docs/configuration.md is the page about provision.yaml",
    "token --curl": "use --print curl, and add the URL to the command that it prints",
    "token --header": "use --print header",
    "token --refresh": _KEPT,
    "token --refresh-if-expired": _KEPT,
    "validate --couch": _LIVE,
    "validate --database": _LIVE,
    "validate --fix": "run provision fmt --fix",
    "validate --timeout": _LIVE,
    "--no-color": "set NO_COLOR=1 in the environment",
}
"""What to do in place of an option that does not exist: of one command, or of any."""
