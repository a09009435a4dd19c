"""Rules about remote secrets: what the stack does not find, and what breaks its requests."""

import re
from collections.abc import Iterator

from provisioner.core.definitions.problem import Severity
from provisioner.core.definitions.remote_secret import NAME, REMOTE_SECRET
from provisioner.core.rules.rule import AccountTypeView, Finding, rule
from provisioner.core.secret import revealed

_DOCTYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@rule("remote-doctype", Severity.ERROR, ignorable=False, kind=REMOTE_SECRET)
def _doctype(view: AccountTypeView) -> Iterator[Finding]:
    if not _DOCTYPE.fullmatch(view.id):
        message = f"the id {view.id} is not a doctype: use letters, digits, dots, - and _, as in cc.cozycloud.dacc"
        yield Finding(message, ("_id",))


@rule("remote-secret-name", Severity.ERROR, ignorable=False, kind=REMOTE_SECRET)
def _name(view: AccountTypeView) -> Iterator[Finding]:
    for name in view.definition.document:
        if not NAME.fullmatch(name):
            yield Finding(f"no template can ask for {name}: a name has letters, digits and _ alone", (name,))


@rule("remote-secret-no-text", Severity.ERROR, ignorable=False, kind=REMOTE_SECRET)
def _no_text(view: AccountTypeView) -> Iterator[Finding]:
    for name, value in view.definition.document.items():
        if not isinstance(revealed(value), str):
            message = f"{name} is not text: the stack answers 400 to a request that asks for it"
            yield Finding(message, (name,))
