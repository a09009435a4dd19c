"""What makes an account type fail inside cozy-stack, rule by rule; rules.md explains each."""

from provisioner.core.definitions.problem import Severity
from provisioner.core.rules import credentials, endpoints, extras, ids, remote_secrets, secrets
from provisioner.core.rules.rule import Rule, rules_in

_SEVERITIES = {
    "extras-not-strings": Severity.ERROR,
    "unreadable": Severity.ERROR,
    "empty-folder": Severity.ERROR,
    "file-name": Severity.ERROR,
    "empty-file": Severity.ERROR,
    "too-large": Severity.ERROR,
    "not-utf-8": Severity.ERROR,
    "same-id": Severity.ERROR,
    "manifest-no-account-type": Severity.ERROR,
    "template-refused": Severity.ERROR,
    "template-without-secret": Severity.ERROR,
    "secret-without-template": Severity.WARNING,
    "manifest-scope-array": Severity.ERROR,
    "manifest-no-scope": Severity.ERROR,
    "manifest-scope-delimiter": Severity.WARNING,
    "manifest-old-key": Severity.WARNING,
    "syntax": Severity.ERROR,
    "not-a-mapping": Severity.ERROR,
    "several-documents": Severity.ERROR,
    "duplicate-key": Severity.ERROR,
    "key-not-a-string": Severity.ERROR,
    "merge-key": Severity.ERROR,
    "tag": Severity.ERROR,
    "too-deep": Severity.ERROR,
    "ambiguous-value": Severity.ERROR,
    "not-json": Severity.ERROR,
    "variable-in-host": Severity.ERROR,
    "variable-syntax": Severity.ERROR,
    "missing-variable": Severity.ERROR,
    "unused-variable": Severity.WARNING,
    "unknown-key": Severity.ERROR,
    "missing-key": Severity.ERROR,
    "wrong-type": Severity.ERROR,
    "wrong-value": Severity.ERROR,
    "custom-rule": Severity.ERROR,
    "bad-id": Severity.ERROR,
    "undecodable": Severity.ERROR,
    "key-in-other-case": Severity.WARNING,
    "unused-ignore": Severity.WARNING,
}
"""The rules whose findings come from elsewhere: reading files, the JSON schema, or a command."""

_FOUND_ELSEWHERE = (
    *(Rule(id, severity, ignorable=False) for id, severity in _SEVERITIES.items()),
    Rule("secret-in-source", Severity.WARNING),
    Rule("commented-credential", Severity.WARNING),
    Rule("folded-credential", Severity.WARNING),
)
_CHECKED = (
    rule for module in (endpoints, extras, secrets, credentials, ids, remote_secrets) for rule in rules_in(module)
)

RULES: tuple[Rule, ...] = tuple(sorted((*_FOUND_ELSEWHERE, *_CHECKED), key=lambda rule: rule.id))
"""Every rule, by its id: also those that are found elsewhere and only explained here."""

BY_ID = {rule.id: rule for rule in RULES}
