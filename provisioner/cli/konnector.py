"""The konnector in the current folder: the scope that it requests, and where its token goes."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated

import typer
from msgspec import Struct

from provisioner.adapters.files.konnector_files import (
    back_up,
    check_writable,
    is_stream,
    read_manifests,
    read_object,
    write_object,
)
from provisioner.cli import output
from provisioner.core.definitions.node import MappingNode
from provisioner.core.errors import InvalidFile
from provisioner.core.oauth.answers import Token
from provisioner.core.oauth.kept_token import KeptToken
from provisioner.core.oauth.konnector import (
    CONFIG,
    IMPORTED,
    NEW_CONFIG,
    ManifestRequest,
    has_field,
    manifest_request,
    with_account,
    with_token,
)
from provisioner.core.secret import Json, Secret
from provisioner.core.text import listed, printable
from provisioner.render.tokens import TokenFormat, as_format, as_userinfo

MANIFEST = Path("manifest.konnector")


@dataclass
class Konnector:
    """The files of a konnector; with `imported_data`, also those of a standalone konnector."""

    config: Path
    imported_data: bool

    def check(self) -> None:
        """Check that the token can be written, before the user signs in for it. Raises `ProvisionError`."""
        check_writable(self.config)
        empty = Secret("")
        nothing = Token(empty)
        with_token(read_object(self.config, NEW_CONFIG).content, nothing, refresh_token=False, secret=empty)
        if self.imported_data:
            check_writable(Path(IMPORTED))
            with_account(read_object(Path(IMPORTED), {}).content, nothing, None)

    @property
    def to_stdout(self) -> bool:
        """Whether the configuration is printed to stdout."""
        return is_stream(self.config)

    def holds(self, access_token: str) -> bool:
        """Whether the configuration holds this access token. Raises `ProvisionError`."""
        fields = read_object(self.config, {}).content.get("fields")
        return isinstance(fields, dict) and fields.get("access_token") == access_token

    def requested(self, id: str) -> ManifestRequest | None:
        """What the manifest requests of an account type; none if there is no manifest, or one for another."""
        requested = manifest_request(self._manifest) if self._manifest else None
        if requested is None:
            return None
        if requested.account_type != id.rpartition("/")[2]:
            text = f"{MANIFEST} is for the account type {printable(requested.account_type)}: its scope is not used"
            output.warn(text)
            return None
        return requested

    def write(self, kept: KeptToken, secret: "Secret | None") -> list[str]:
        """Write the token, and return each file with the places that were set. Raises `ProvisionError`."""
        found = read_object(self.config, NEW_CONFIG)
        refresh_token = self._manifest is not None and has_field(self._manifest, "refresh_token")
        content, places = with_token(found.content, kept.token, refresh_token=refresh_token, secret=secret)
        self._write(self.config, content, found.commented)
        lines = [f"{self.config.as_posix()}: {listed(places)}"]
        if self.imported_data:
            path = Path(IMPORTED)
            imported = read_object(path, {})
            self._write(path, with_account(imported.content, kept.token, kept.expires_at), imported.commented)
            lines.append(f"{path.as_posix()}: oauth of the first account")
        return lines

    @cached_property
    def _manifest(self) -> MappingNode | None:
        if not MANIFEST.exists():
            return None
        (source,) = read_manifests([MANIFEST])
        if source.node is None:
            raise InvalidFile(source.problems)
        return source.node

    def _write(self, path: Path, content: "dict[str, Json]", commented: str | None) -> None:
        copy = None if commented is None else back_up(path, commented)
        write_object(path, content)
        if copy is not None:
            what = f"{path.as_posix()} was rewritten as plain JSON; {copy.as_posix()} is a copy with the comments"
            output.warn(what)


class Destination(Struct, frozen=True):
    """Where the token goes."""

    config_file: Annotated[
        Path,
        typer.Option("--out", metavar="FILE", help="The konnector's configuration file to write; - for stdout."),
    ] = Path(CONFIG)
    imported_data: Annotated[bool, typer.Option("--imported-data", help="Also write data/importedData.json.")] = False
    format: Annotated[
        TokenFormat | None,
        typer.Option(
            "--print",
            help="Print the token instead of writing files. A refresh still replaces the old token in a file.",
        ),
    ] = None
    test: Annotated[
        bool, typer.Option("--test", help="Print the answer of the provider's userinfo endpoint for the token.")
    ] = False

    @property
    def elsewhere(self) -> bool:
        """Whether the token is printed or tried, and not written into the konnector's files."""
        return self.test or self.format is not None


class Delivery(Struct, frozen=True):
    """Puts a token where it is wanted. `secret` is what the konnector gets beside it."""

    konnector: Konnector
    destination: Destination
    secret: Secret | None
    userinfo: Callable[[KeptToken], bytes]

    def deliver(self, kept: KeptToken, before: KeptToken | None = None) -> str:
        """Write, print or try a token, which may replace another. Returns where it is, in a sentence."""
        if self.destination.elsewhere and before is not None and kept != before:
            self._update(kept, before)
        if self.destination.test:
            output.result(as_userinfo(self.userinfo(kept)))
        elif self.destination.format is not None:
            output.result(as_format(kept, self.destination.format))
        else:
            return self._into_files(kept)
        return "It is shown in the terminal."

    def _update(self, kept: KeptToken, before: KeptToken) -> None:
        """Write a token into the files if they hold the one that it replaces."""
        if self.konnector.holds(str(before.token.access_token.reveal())):
            for line in self.konnector.write(kept, self.secret):
                output.message(f"updated {line}")

    def _into_files(self, kept: KeptToken) -> str:
        say = output.message if self.konnector.to_stdout else output.result
        say("\n".join(self.konnector.write(kept, self.secret)))
        if kept.expires_at is not None:
            output.message(f"the token expires at {kept.expires_at.isoformat(timespec='seconds')}")
        if kept.token.refresh_token is None:
            what = "the provider sent no refresh token: the stack passes client_id and client_secret to the konnector; "
            output.message(f"{what}to get one, see provision catalogue {printable(kept.id)}")
        return f"It is in {self.konnector.config.as_posix()}."
