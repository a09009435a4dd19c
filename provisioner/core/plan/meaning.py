"""What a change of an account type means for the accounts that are connected through it, in sentences."""

from collections.abc import Iterator

from provisioner.core.definitions.account_type import is_missing
from provisioner.core.plan.changes import Change, FieldChange, Update
from provisioner.core.text import shown


def meaning(change: Change) -> tuple[str, ...]:
    """One sentence for each field whose change matters to users; nothing for a new account type.

    Source: the refresh of the stack (``model/account/type.go``) sends the client of the account type and the refresh
    token of the account to token_endpoint; without one, ``web/accounts/oauth.go`` copies the secret into each account.
    """
    if not isinstance(change, Update):
        return ()
    copied = is_missing(change.before.get("token_endpoint"))
    return tuple(sentence for field in change.fields for sentence in _of(field, copied=copied))


def _of(field: FieldChange, *, copied: bool) -> Iterator[str]:
    if field.old is None:  # nothing worked with it before
        return
    match field.name:
        case "client_id":
            yield "client_id changes: every connected account must be connected again"
        case "client_secret":
            yield "client_secret changes: connected accounts stay connected"
            if copied:
                yield "there was no token_endpoint: each connected account keeps a copy of the old client_secret"
        case "redirect_uri":
            yield f"redirect_uri changes: register {shown(field.new)} with the provider first"
        case "token_endpoint":
            yield "token_endpoint changes: connected accounts are refreshed at another address"
        case "grant_mode":
            yield f"grant_mode changes: new accounts are connected with {shown(field.new)}"
        case _:
            pass
