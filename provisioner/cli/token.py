"""``provision token``."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from provisioner.adapters.oauth.pacing import Pace
from provisioner.adapters.oauth.probes import RealProviders
from provisioner.adapters.oauth.token_endpoint import Sender
from provisioner.adapters.oauth.token_store import TokenFolder
from provisioner.cli import completion, options, output
from provisioner.cli.connecting import Connecting, SignInOptions, sender
from provisioner.cli.grouping import grouped
from provisioner.cli.konnector import Konnector
from provisioner.cli.one_account_type import account_type, requires_scope
from provisioner.cli.wiring import Wiring, log_requests
from provisioner.commands import token as command
from provisioner.core.definitions.account_type import konnector_secret
from provisioner.core.errors import UsageError
from provisioner.core.oauth.answer import Token
from provisioner.core.oauth.dev_config import CONFIG
from provisioner.core.oauth.discovery_check import published_by
from provisioner.core.oauth.go_json import write
from provisioner.core.oauth.kept_token import (
    Binding,
    KeptToken,
    granted_scope,
    missing_scope,
    shown_values,
)
from provisioner.core.oauth.requests import Client, check_flow
from provisioner.core.secret import Secret
from provisioner.core.text import printable
from provisioner.render import tokens as render


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the account type comes from."""

    couch: Annotated[
        str | None, typer.Option(metavar="URL", help="Read the account type from this CouchDB server.")
    ] = None
    target: options.OneTarget = None
    catalogue: options.CatalogueFolder = None
    sets: options.Sets = None
    config: options.ConfigFile = None
    database: options.Database = None
    insecure_http: options.InsecureHttp = False


@dataclass(frozen=True, slots=True)
class Destination:
    """Where the token goes."""

    config_file: Annotated[
        Path,
        typer.Option("--out", metavar="FILE", help="The konnector's configuration file to write; - for stdout."),
    ] = Path(CONFIG)
    imported_data: Annotated[bool, typer.Option("--imported-data", help="Also write data/importedData.json.")] = False
    show: Annotated[
        bool,
        typer.Option(
            "--print",
            help="Print the token as JSON, without writing files. A refresh still replaces the old token in a file.",
        ),
    ] = False
    header: Annotated[bool, typer.Option("--header", help="Print the kept token as an Authorization header.")] = False
    test: Annotated[
        bool, typer.Option("--test", help="Print what the provider's userinfo endpoint returns for the kept token.")
    ] = False
    curl: Annotated[
        str | None, typer.Option(metavar="URL", help="Print a curl command that requests URL with the kept token.")
    ] = None

    @property
    def of_kept(self) -> bool:
        """Whether to show or try the kept token instead of getting a new one."""
        return self.header or self.test or self.curl is not None


@dataclass(frozen=True, slots=True)
class Kept:
    """What to do with kept tokens."""

    account: Annotated[
        str, typer.Option(metavar="NAME", help="Keep the token under NAME, to have several for one account type.")
    ] = ""
    refresh: Annotated[bool, typer.Option("--refresh", help="Refresh the kept token.")] = False
    refresh_if_expired: Annotated[
        bool, typer.Option("--refresh-if-expired", help="Refresh the kept token if it has expired.")
    ] = False
    list_: Annotated[bool, typer.Option("--list", help="List the kept tokens.")] = False
    forget: Annotated[bool, typer.Option("--forget", help="Delete the kept token of ID, or all kept tokens.")] = False
    revoke: Annotated[
        bool, typer.Option("--revoke", help="With --forget ID: revoke the token at the provider first.")
    ] = False


@grouped
def token(
    origin: Origin,
    sign_in: SignInOptions,
    destination: Destination,
    keeping: Kept,
    speech: options.Speech,
    id: Annotated[
        str,
        typer.Argument(
            metavar="ID",
            autocompletion=completion.ids,
            help="The account type, such as google or foobar/google.",
            show_default=False,
        ),
    ] = "",
) -> None:
    """Get a token for developing a konnector, with exactly the requests that cozy-stack makes."""
    _check_options(sign_in, destination, keeping)
    store = TokenFolder()
    if keeping.list_:
        found = [each for each in store.every() if id in ("", each.id)]
        output.result(render.as_table(found, datetime.now(UTC)) if found else "no kept token found")
        return
    if keeping.forget and not keeping.revoke:
        gone = store.forget(id or None, keeping.account)
        output.result("\n".join(f"deleted {path}" for path in gone) or "no kept token found")
        return
    if not id:
        raise UsageError("no account type given", "name one, as in provision token google")
    if speech.verbose:
        log_requests()
    _get(id, origin, sign_in, destination, keeping, speech)


def _check_options(sign_in: SignInOptions, destination: Destination, keeping: Kept) -> None:
    """Raises `UsageError` for options that exclude each other."""
    refreshes = keeping.refresh or keeping.refresh_if_expired
    if sum((refreshes, keeping.forget, keeping.list_, sign_in.paste)) > 1:
        raise UsageError("--refresh, --forget, --list and --paste cannot be combined", "give only one of them")
    if sum((destination.show, destination.header, destination.test, destination.curl is not None)) > 1:
        raise UsageError("--print, --header, --test and --curl cannot be combined", "give only one of them")
    if keeping.revoke and not keeping.forget:
        raise UsageError("--revoke requires --forget", "add --forget")


def _get(
    id: str, origin: Origin, sign_in: SignInOptions, destination: Destination, keeping: Kept, speech: options.Speech
) -> None:
    konnector = Konnector(destination.config_file, destination.imported_data, speech.no_color)
    elsewhere = destination.show or destination.of_kept
    if not elsewhere and not keeping.revoke:
        konnector.check()
    databases = options.Databases(
        couch=origin.couch,
        target=origin.target,
        config=origin.config,
        database=origin.database,
        insecure_http=origin.insecure_http,
    )
    wiring = Wiring(databases, speech)
    document = account_type(wiring, id, origin.catalogue, origin.sets)
    client = Client.of(id, document)
    if keeping.revoke:
        _revoke(client, keeping.account, sender(sign_in, speech.no_color, client))
        return
    check_flow(client)
    scope = konnector.scope(id) if sign_in.scope is None else sign_in.scope
    writing = Writing(konnector, konnector_secret(document), destination, keeping.account, scope)
    if keeping.refresh or keeping.refresh_if_expired or destination.of_kept:
        wanted = command.Wanted(client, keeping.account, scope, only_if_expired=not keeping.refresh)
        send = sender(sign_in, speech.no_color, client)
        refreshed = command.refresh(wanted, TokenFolder(on_wait=_waiting), send, lambda: datetime.now(UTC))
        writing.refreshed(refreshed, lambda: command.userinfo(client, refreshed.kept, _published, send))
        return
    if not elsewhere:
        TokenFolder().check(id, keeping.account)
    if not scope and requires_scope(wiring, id, origin.catalogue):
        output.warn(f"{printable(id)} requires a scope, and none is sent: give one with --scope", speech.no_color)
    Connecting(client, scope, sign_in, speech.no_color).run(lambda token: writing.new(client, token))


def _published(client: Client) -> Mapping[str, object] | None:
    """What the provider publishes about itself."""
    return published_by(client, RealProviders(Pace()).metadata)


def _revoke(client: Client, account: str, send: Sender) -> None:
    """Revoke the kept token at its provider, then delete it here. Raises `ProvisionError`."""
    store = TokenFolder()
    place = command.revoke(client, store.kept(client.id, account), _published, send)
    output.message(f"revoked the token at {place}")
    output.result("\n".join(f"deleted {path}" for path in store.forget(client.id, account)))


def _waiting(id: str) -> None:
    output.message(f"waiting for another run that is refreshing the token of {printable(id)}")


@dataclass(frozen=True, slots=True)
class Writing:
    """Where a token goes: into the konnector's files, or to stdout."""

    konnector: Konnector
    secret: Secret | None
    destination: Destination
    account: str
    scope: str | None

    def new(self, client: Client, token: Token) -> str:
        """Keep and write a new token. Returns what was done, in a sentence."""
        now = datetime.now(UTC)
        kept = KeptToken.of(client.id, Binding.of(client, self.scope), token, now)
        kept = replace(kept, account=self.account, folder=str(Path.cwd()))
        if missing := missing_scope(self.scope, granted_scope(token)):
            output.warn(f"the provider did not grant {printable(', '.join(missing))}", self.konnector.no_color)
        if self.destination.show:
            output.result(write(shown_values(kept), indent=2))
            return "It is shown in the terminal."
        TokenFolder().keep(kept)
        return self._into_files(kept)

    def refreshed(self, refreshed: command.Refreshed, userinfo: Callable[[], bytes]) -> None:
        """Write, print or try a kept token. Files that hold the previous token always get the new one."""
        kept, before = refreshed.kept, refreshed.before
        if self.destination.header:
            text = render.as_header(kept)
        elif self.destination.curl is not None:
            text = render.as_curl(kept, self.destination.curl)
        elif self.destination.show or self.destination.test:
            text = write(shown_values(kept), indent=2)
        else:
            self._into_files(kept)
            return
        if kept != before and self.konnector.holds(str(before.token.access_token.reveal())):
            lines = self.konnector.write(kept, self.secret)
            self._say([f"updated {line}" for line in lines], output.message)
        output.result(render.as_userinfo(userinfo()) if self.destination.test else text)

    def _into_files(self, kept: KeptToken) -> str:
        to = output.message if self.konnector.to_stdout else output.result
        self._say(self.konnector.write(kept, self.secret), to)
        if kept.expires_at is not None:
            output.message(f"the token expires at {kept.expires_at.isoformat(timespec='seconds')}")
        if kept.token.refresh_token is None:
            output.message("the provider sent no refresh token")
        return f"It is in {self.konnector.config.as_posix()}."

    @staticmethod
    def _say(lines: Sequence[str], to: Callable[[str], None]) -> None:
        to("\n".join(lines))
