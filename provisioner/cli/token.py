"""``provision token``."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from provisioner.cli import options, output
from provisioner.cli.reach import Reach, log_requests
from provisioner.core.errors import ProvisionError, UsageError
from provisioner.core.oauth.dev_config import CONFIG

if TYPE_CHECKING:
    from provisioner.cli.konnector import Konnector
    from provisioner.core.oauth.answer import Token
    from provisioner.core.oauth.kept_token import KeptToken
    from provisioner.core.oauth.requests import Client
    from provisioner.core.secret import Secret


def token(
    id: Annotated[
        str, typer.Argument(metavar="ID", help="The account type, such as google or foobar/google.", show_default=False)
    ] = "",
    couch: Annotated[str | None, typer.Option(metavar="URL", help="Take the account type from this CouchDB.")] = None,
    target: options.OneTarget = None,
    catalogue: options.CatalogueFolder = None,
    sets: options.Sets = None,
    scope: Annotated[
        str | None, typer.Option(metavar="SCOPE", help="Default: what manifest.konnector here asks for.")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(metavar="PORT", min=0, max=65535, help="Listen here for the answer. Default: a free port."),
    ] = None,
    redirect_uri: Annotated[
        str | None,
        typer.Option(metavar="URI", help="The registered one. Default: http://localhost:PORT/oauth2callback."),
    ] = None,
    paste: Annotated[bool, typer.Option("--paste", help="Ask for the address of the page reached.")] = False,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Open no browser.")] = False,
    timeout: Annotated[float, typer.Option(metavar="SECONDS", min=0.1, help="Wait so long for the answer.")] = 300.0,
    config_file: Annotated[
        Path, typer.Option("--out", metavar="FILE", help="The konnector's configuration, which takes the token.")
    ] = Path(CONFIG),
    imported_data: Annotated[bool, typer.Option("--imported-data", help="Write data/importedData.json too.")] = False,
    show: Annotated[
        bool,
        typer.Option("--print", help="Print JSON, and write nothing; a refreshed token is kept."),
    ] = False,
    refresh: Annotated[bool, typer.Option("--refresh", help="Refresh the token of the last time.")] = False,
    refresh_if_expired: Annotated[
        bool, typer.Option("--refresh-if-expired", help="The same, where it has expired.")
    ] = False,
    forget: Annotated[bool, typer.Option("--forget", help="Delete the kept token of ID, or all.")] = False,
    config: options.ConfigFile = None,
    database: options.Database = None,
    verbose: options.Verbose = False,
    no_color: options.NoColor = False,
) -> None:
    """Get a token for developing a konnector, by exactly the requests that cozy-stack makes."""
    if sum((refresh or refresh_if_expired, forget, paste)) > 1:
        raise UsageError("--refresh, --forget and --paste exclude each other", "give one of them")
    if forget:
        _forget(id)
        return
    if not id:
        raise UsageError("the account type is missing", "name it, as in provision token google")
    from provisioner.cli.connecting import Connecting
    from provisioner.cli.konnector import Konnector
    from provisioner.cli.one_account_type import account_type
    from provisioner.core.definitions.account_type import konnector_secret
    from provisioner.core.oauth.requests import Client, check_flow

    if verbose:
        log_requests()
    konnector = Konnector(config_file, imported_data, no_color)
    if not show:
        konnector.check()
    reach = Reach(couch, database, target, False, config, None, verbose=verbose, no_color=no_color)
    document = account_type(reach, id, catalogue, sets)
    client = Client.of(id, document)
    check_flow(client)
    writing = Writing(konnector, konnector_secret(document), show)
    if refresh or refresh_if_expired:
        writing.put(_refreshed(client, only_if_expired=not refresh))
        return
    wanted = konnector.scope(id) if scope is None else scope
    connecting = Connecting(client, wanted, redirect_uri, port, not no_browser, timeout, no_color)

    def finish(token: "Token") -> str:
        return writing.new(client, token)

    if paste:
        connecting.by_paste(client.redirect_uri, finish)
    else:
        connecting.by_callback(finish)


@dataclass(frozen=True, slots=True)
class Writing:
    """Where a token goes: into the konnector's files, or to stdout."""

    konnector: "Konnector"
    secret: "Secret | None"
    show: bool

    def new(self, client: "Client", token: "Token") -> str:
        """Keep and write a token that has just come; what was done, in a sentence."""
        from provisioner.adapters.oauth import token_store
        from provisioner.core.oauth.kept_token import KeptToken

        kept = KeptToken.of(client.id, client.client_id, token, datetime.now(UTC))
        if not self.show:
            token_store.keep(kept)
        return self.put(kept)

    def put(self, kept: "KeptToken") -> str:
        """Write or print a token; what was done, in a sentence."""
        import json

        from provisioner.core.oauth.kept_token import shown_values

        if self.show:
            output.result(json.dumps(shown_values(kept), indent=2, ensure_ascii=False))
            return "The terminal shows it."
        output.result("\n".join(self.konnector.write(kept, self.secret)))
        if kept.expires_at is not None:
            output.message(f"the token expires at {kept.expires_at.isoformat(timespec='seconds')}")
        if kept.token.refresh_token is None:
            output.message("no refresh token came with it")
        return f"It is in {self.konnector.config.as_posix()}."


def _refreshed(client: "Client", *, only_if_expired: bool) -> "KeptToken":
    """The kept token, refreshed and kept again. Raises `ProvisionError`."""
    from provisioner.adapters.oauth import token_store
    from provisioner.adapters.oauth.token_endpoint import send
    from provisioner.commands import connect

    kept = token_store.kept(client.id)
    again = f"connect again: provision token {client.id}"
    if kept.client_id != client.client_id:
        raise ProvisionError(f"the kept token of {client.id} was given to another client_id", again)
    if only_if_expired and not kept.expired(datetime.now(UTC)):
        return kept
    if kept.token.refresh_token is None:
        what = (
            f"no refresh token of {client.id} was given: the stack hands client_id and client_secret to the konnector"
        )
        raise ProvisionError(what, f"see what makes the provider give one: provision catalogue {client.id}; {again}")
    token = connect.refreshed(client, str(kept.token.refresh_token.reveal()), send)
    kept = kept.refreshed(token, datetime.now(UTC))
    token_store.keep(kept)
    return kept


def _forget(id: str) -> None:
    from provisioner.adapters.oauth import token_store

    gone = token_store.forget(id or None)
    output.result("\n".join(f"deleted {path}" for path in gone) or "no token is kept")
