"""What is found while files are read, by the JSON schema, or by a command: explained here, and not to be ignored."""

from provisioner.core.definitions.problem import Severity
from provisioner.core.rules.rule import Rule

_DECODE = "the stack decodes the whole document or nothing of it (`model/account/type.go`)"


def _error(id: str, finds: str, why: str, fix: str) -> Rule:
    return Rule(id=id, severity=Severity.ERROR, finds=finds, why=why, fix=fix, ignorable=False)


def _warning(id: str, finds: str, why: str, fix: str) -> Rule:
    return Rule(id=id, severity=Severity.WARNING, finds=finds, why=why, fix=fix, ignorable=False)


_FILES = (
    _error(
        "unreadable",
        "A file or folder that cannot be opened, or that is not a regular file.",
        "A catalogue that is read only in part would be applied only in part.",
        "Correct the path or its permissions.",
    ),
    _error(
        "empty-folder",
        "A folder without any definition.",
        "An empty catalogue is nearly always a wrong path, and must never read as “remove everything”.",
        "Name the folder that holds the definitions.",
    ),
    _error(
        "file-name",
        "A file that is not `.yaml`, `.yml` or `.json`, or that lies deeper than `<context>/<id>.yaml`.",
        "The path of a file is the id of its account type, and an id has one context at most.",
        "Rename or move the file, or state its `_id` in a file that lies right.",
    ),
    _error(
        "empty-file",
        "A file without content, or with comments only.",
        "An empty document is not an account type.",
        "Write the definition, or delete the file.",
    ),
    _error(
        "too-large",
        "A file of more than 1 MiB, or of more than 10 000 values once its aliases are written out.",
        "No account type is that large; some YAML files are made to exhaust memory.",
        "Remove what does not belong there.",
    ),
    _error(
        "not-utf-8",
        "A file in another encoding than UTF-8.",
        "YAML and JSON are UTF-8 here, so that every reader finds the same characters.",
        "Save the file as UTF-8.",
    ),
    _error(
        "same-id",
        "Two files with the same id, by their paths or by `_id`.",
        "They would overwrite each other at each apply.",
        "Delete or rename one of them.",
    ),
)

_MANIFESTS = (
    _error(
        "manifest-no-account-type",
        "A manifest whose account type is neither in the catalogue nor, with `--couch`, in the database.",
        "The stack answers “not found” when the flow starts (`web/accounts/oauth.go`, `start`).",
        "Write the definition (`provision new`), or correct `oauth.account_type`: by default it is the slug.",
    ),
    _error(
        "manifest-scope-array",
        "An array of several scopes in `oauth.scope`.",
        "The client joins an array with a literal `%2B`, which is encoded once more: the provider receives `a+b`.",
        'Write one string, with the provider\'s delimiter: `"a b"`.',
    ),
    _error(
        "manifest-no-scope",
        "No scope for a provider that wants one (`x-scope-required` in its definition).",
        "The provider refuses the authorization request, or grants nothing.",
        "Write `oauth.scope`.",
    ),
    _warning(
        "manifest-scope-delimiter",
        "Scopes that are separated by another character than the provider's (`x-scope-delimiter` in its definition).",
        "The provider takes the whole string for one scope that it does not know.",
        "Separate them as the provider does.",
    ),
    _warning(
        "manifest-old-key",
        "`oauth: true` with `oauth_scope`, or `fields.account.account_type`.",
        "Today's client reads `oauth.scope` and `oauth.account_type`.",
        'Write `"oauth": {"scope": …, "account_type": …}`.',
    ),
)

_SYNTAX = (
    _error(
        "syntax",
        "A text that is not YAML, or not JSON in a `.json` file.",
        "Nothing of it can be read.",
        "Correct it at the place that is named; a tab cannot indent YAML.",
    ),
    _error(
        "not-a-mapping",
        "A file whose top level is a list or a single value.",
        "An account type is a JSON object (`model/account/type.go`).",
        "Write `key: value` lines.",
    ),
    _error(
        "several-documents",
        "A second YAML document (`---`) in one file.",
        "The file's name is the id of one account type.",
        "Make a file of each.",
    ),
    _error(
        "duplicate-key",
        "A key that stands twice in one mapping.",
        "Readers disagree on which one counts.",
        "Keep one of them.",
    ),
    _error(
        "key-not-a-string",
        "A key that YAML reads as a number, a boolean or nothing, such as `no:` or `1:`.",
        "JSON has only strings as keys.",
        "Quote the key.",
    ),
    _error(
        "merge-key",
        "A merge key, `<<: *anchor`.",
        "YAML 1.2 has none, and what it means depends on the reader.",
        "Write the keys out.",
    ),
    _error(
        "tag",
        "A tag, such as `!!python/object` or `!secret`.",
        "Tags may create things other than plain values, and JSON knows none.",
        "Write a plain value; for what comes from elsewhere, a variable.",
    ),
    _error(
        "too-deep",
        "Values nested more than 50 levels deep.",
        "No account type is that deep.",
        "Remove what does not belong there.",
    ),
    _error(
        "not-json",
        "A number that JSON does not have: `.nan`, `.inf`, or one too large.",
        "CouchDB stores JSON.",
        "Quote it.",
    ),
)

_VARIABLES = (
    _error(
        "variable-syntax",
        "A `$` that starts no variable, or a `${` without its `}`.",
        "It may be a mistyped variable or a piece of a secret; to guess would send the wrong one.",
        "Write `${name}` for a variable and `$$` for a dollar.",
    ),
    _error(
        "missing-variable",
        "A variable without a value. `provision validate` needs none; `diff` and `apply` do.",
        "The text `${name}` itself would go to the provider.",
        "Set it with `--set name=value`, in the target's `vars`, or as `PROVISION_VAR_name`; or write `${name:-…}`.",
    ),
    Rule(
        id="unused-variable",
        severity=Severity.WARNING,
        finds="A variable that `--set` gives and that no definition uses.",
        why="A mistyped name leaves the variable that was meant with its default or its value from the environment.",
        fix="Correct the name, or omit the option.",
        ignorable=False,
    ),
)

_SCHEMA = (
    _error(
        "unknown-key",
        "A key that no version of today's stack reads, such as the `redirect_url` of the public tutorial.",
        "The stack drops it in silence (`model/account/type.go`), so what it says never happens.",
        "Correct its name; a note for people starts with `x-`.",
    ),
    _error(
        "missing-key",
        "No `grant_mode` (nor `fcm_credentials`), or a key that the `grant_mode` needs.",
        "The flow cannot start (`model/account/type.go`), or the secret finds no konnector "
        "(`worker/exec/konnector.go`).",
        "Add the key. Credentials may be left out: they may come from elsewhere.",
    ),
    _error(
        "wrong-type",
        "A value of another JSON type, such as a number or `no` where text belongs, or a key without a value.",
        f"With a wrong type, {_DECODE}.",
        "Quote text that looks like a number or a boolean; write `true` and `false` without quotes.",
    ),
    _error(
        "wrong-value",
        "A value that is not allowed, an endpoint that is not an `http(s)` URL, or an impossible `_id`.",
        "The stack answers “Wrong account type” or builds a URL that leads nowhere (`model/account/type.go`).",
        "Use one of the values that are named. In YAML, `|` keeps a newline: write a URL on one line.",
    ),
    _error(
        "house-rule",
        "A definition that does not fit a part of a JSON schema under `require` of `provision.yaml`.",
        "The stack would work with it; your team does not want it.",
        "Change the definition as the message says, or the house rule.",
    ),
    _error(
        "bad-id",
        "An id, or its context, that starts with `_`.",
        "CouchDB keeps such ids for itself.",
        "Rename the file.",
    ),
    _error(
        "undecodable",
        "In the database: a key of the wrong JSON type, also one that is spelled in other cases (`Client_ID`), and a "
        "number in `secret` that no double holds. In a file this is `wrong-type`, `extras-not-strings` or "
        "`unknown-key`.",
        f"With a wrong type, {_DECODE}: logins and refreshes answer 500. An overload that cannot be decoded does not "
        "fall back to the global account type, and a document of any context takes the secret from all konnectors of "
        "its `slug` (`worker/exec/konnector.go`).",
        "Apply a definition that states the key, or correct the document by hand.",
    ),
    _warning(
        "key-in-other-case",
        "In the database: a key that differs from a field of the stack only by case, such as `CLIENT_ID` (or by U+017F "
        "for `s` and U+212A for `k`). In a file this is `unknown-key`.",
        "The stack takes it for that field (Go's `encoding/json`), and of several the last one counts; `slug` is the "
        "exception, for which CouchDB's index is asked. A reader of the document does not see that.",
        "Write the key in lower case. Apply takes the other one away if the definition states the field.",
    ),
)

RULES = (
    *_FILES,
    *_MANIFESTS,
    *_SYNTAX,
    *_VARIABLES,
    *_SCHEMA,
    Rule(
        id="unused-ignore",
        severity=Severity.WARNING,
        finds=(
            "A comment `# provision: ignore[…]` that names no rule, that names one that cannot be ignored, or that "
            "silences nothing."
        ),
        why="It reads as if something were wrong here, and would hide it the day that something is.",
        fix="Remove it; or put it at the end of its line, or before the first key for the whole file.",
        ignorable=False,
    ),
)
