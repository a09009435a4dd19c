"""The page with exit codes, variables and files: ``python -m tests.docs.reference_page > docs/reference.md``."""

import re
from pathlib import Path

from pipelines.man import EXIT_CODES
from provisioner.adapters.oauth.token_store import folder
from provisioner.core.definitions.kinds import KINDS
from provisioner.core.definitions.variables import PREFIX

PACKAGE = Path(__file__).parents[2] / "provisioner"

HEAD = """\
# Exit codes, variables and files

<!-- Generated: python -m tests.docs.reference_page > docs/reference.md -->

The options of each command are in its man page, in `provision COMMAND --help`, and on the site.
"""

VARIABLES = {
    "PROVISION_COUCH": "the CouchDB server, if no option or target states one",
    "COUCHDB_USER": "who signs in, if the run has one target",
    "COUCHDB_PASSWORD": "the password of that user",
    "COUCHDB_USER_<TARGET>": "who signs in to a target, such as `COUCHDB_USER_PRODUCTION`",
    "COUCHDB_PASSWORD_<TARGET>": "the password of that user",
    "NETRC": "the netrc file with users and passwords; default: `~/.netrc`",
    "COZY_COUCHDB_URL": "with `--cozy-config`: the server of cozy-stack; also `COZY_COUCHDB_ROOT_CA` and similar ones",
    f"{PREFIX}<name>": "the value of the variable `<name>` in definitions",
    "ACCOUNT_TYPE_<ID>_<KEY>": "a credential, such as `ACCOUNT_TYPE_GOOGLE_CLIENT_SECRET`; targets choose their prefix",
    "ACCOUNT_TYPE_<ID>_CLIENT_SECRET_EXPIRES_AT": "the date on which that client secret expires",
    "REMOTE_SECRET_<DOCTYPE>_<NAME>": "a remote secret, such as `REMOTE_SECRET_CC_COZYCLOUD_DACC_TOKEN`",
    "PROVISION_PORT": "the port where `token` waits for the provider's answer; default: 8484",
    "BROWSER": "the program that opens the login page for `token`; `DISPLAY` and `WAYLAND_DISPLAY` show that there is one",
    "HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY": "the proxy, and the hosts that need none",
    "SSL_CERT_FILE": "certificate authorities to trust, in PEM",
    "SSL_CERT_DIR": "a directory of such files",
    "NO_COLOR": "print no colours",
    "FORCE_COLOR": "print colours even if the output is not a terminal",
    "COLUMNS": "the width of the terminal",
    "PROVISION_SOURCE": "in the pipelines that `init` writes: the `provision` to install",
}
"""Environment variables, and what they are for."""

READ = {
    "`provision.yaml`": "the [configuration](configuration.md), in the current folder or a parent of it",
    "`account_types/`": "the [definitions](definitions.md); `catalogue:` lists other folders",
    "`remote_secrets/`": "the [definitions of remote secrets](definitions.md#remote-secrets)",
    "`manifest.konnector`": "the manifest of a konnector, for `manifest` and `token`",
    "`/etc/cozy/cozy.yml`, or another one": "the configuration of cozy-stack and its `.local` file, for `--cozy-config`",
    "credential sources": "[files, directories and age files](credentials.md#where-credentials-come-from) of a target",
}

WRITTEN = {
    "`account_types/ID.yaml`": "by `new`, `import`, `fmt` and `drift --accept`",
    "`account_types/.credentials.yaml`": "secrets, by `import --with-secrets` (mode 0600)",
    "the file of `diff --out`": "a plan without secrets, for `apply --plan` (mode 0600); `provision schema plan`",
    "`TARGET-NNNNNN.jsonl` in `backup.folder`": "a backup per run, for `undo` (mode 0600); `provision schema backup`",
    "the file of `drift --state`": "the last look, without values (mode 0600)",
    "the file of `drift --textfile`": "metrics for the node exporter",
    "the file of `catalogue --html`, `diff --format html`": "a page without links to other hosts",
    "`konnector-dev-config.json`, `data/importedData.json`": "a token for a konnector (mode 0600)",
    "STATE": "kept tokens (mode 0600), until `token --forget`",
    "the files of a repository": "by `init`, which keeps each file that exists",
}

STATE = {
    "Linux": "`~/.local/state/{}`, or below `XDG_STATE_HOME`",
    "macOS": "`~/Library/Application Support/{}`",
    "Windows": "`%LOCALAPPDATA%\\{}`",
}
"""The state folder of a user on each system."""


def page() -> str:
    """The whole page."""
    tokens = "/".join(folder().parts[-2:])
    places = "; ".join(f"{system}: {place.format(tokens)}" for system, place in STATE.items())
    codes = {f"`{code}`": meaning for code, meaning in EXIT_CODES.items()}
    variables = {", ".join(f"`{each}`" for each in name.split(", ")): use for name, use in VARIABLES.items()}
    written = {name.replace("STATE", places): use for name, use in WRITTEN.items()}
    parts = [HEAD, "## Exit codes\n", _table("exit code", codes), "## Environment variables\n"]
    parts += [
        "A variable that starts with `PROVISION_` must not be empty.\n",
        _table("variable", variables),
        "## Files\n",
    ]
    parts += [_table("file that is read", READ), _table("file that is written", written)]
    databases = " and ".join(f"`{kind.database}`" for kind in KINDS)
    return "\n".join([*parts, f"`provision` writes to no databases but {databases}, or those of the target.\n"])


def _table(what: str, rows: dict[str, str]) -> str:
    lines = (f"| {name} | {meaning} |" for name, meaning in rows.items())
    return "\n".join([f"| {what} | meaning |", "|---|---|", *lines, ""])


def asked() -> set[str]:
    """The environment variables that the package looks up by a fixed name."""
    texts = [path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py")]
    found = re.findall(r'(?:environ|environment)(?:\.get\(|\[)"([A-Z_]+)"', "\n".join(texts))
    return set(found) - {"HOME", "PATH", "TERM"}


if __name__ == "__main__":
    print(page(), end="")
