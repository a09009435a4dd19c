"""Where the token of ``provision token`` goes: into the files of the konnector, or to stdout."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from provisioner.adapters.oauth.token_store import TokenFolder
from provisioner.cli import output
from provisioner.cli.konnector import Konnector
from provisioner.commands import token as command
from provisioner.core.oauth.answer import Token
from provisioner.core.oauth.dev_config import CONFIG
from provisioner.core.oauth.go_json import write
from provisioner.core.oauth.kept_token import Binding, KeptToken, granted_scope, missing_scope, shown_values
from provisioner.core.oauth.requests import Client
from provisioner.core.secret import Secret
from provisioner.core.text import printable
from provisioner.render import tokens as render


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
            output.warn(f"the provider did not grant {printable(', '.join(missing))}")
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
