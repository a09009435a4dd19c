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

OPTIONS = {
    "--adopt": "use --allow adopt",
    "--allow-mass-delete": "use --allow mass-delete",
    "--allow-public": "use --allow public",
    "validate --couch": "run provision check, for what is live",
    "--curl": "use --print curl, with the URL after it",
    "validate --database": "run provision check, for what is live",
    "--dry-run": "run provision diff, which writes nothing",
    "validate --fix": "run provision fmt --fix",
    "--force-credentials": "use --allow rotated",
    "--header": "use --print header",
    "--make-private": "leave it out: apply asks whether to close a public database, and --allow public writes anyway",
    "--no-color": "set NO_COLOR=1 in the environment",
    "--prune-changed": "use --prune --allow changed",
    "--refresh": "leave it out: provision token refreshes a kept token if that is enough",
    "--refresh-if-expired": "leave it out: provision token refreshes a kept token if that is enough",
    "validate --timeout": "run provision check, for what is live",
    "--unproven": "use --allow unproven",
}
"""What to do in place of an option that does not exist: of one command, or of any."""
