"""The konnector in the current folder: the scope that it requests, and where its token goes."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from msgspec import Struct

from provisioner.adapters.files.definitions import read_manifests
from provisioner.adapters.files.private_file import check_writable, is_stream, read_object, write_object
from provisioner.cli import output
from provisioner.core.definitions.content import Content
from provisioner.core.errors import InvalidFile
from provisioner.core.oauth.answers import KeptToken, Token, shown_values
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
from provisioner.core.secret import Secret
from provisioner.core.text import listed, printable
from provisioner.render.tokens import TokenFormat, as_format, as_userinfo

MANIFEST = Path("manifest.konnector")


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

    def check(self) -> None:
        """Check that the token can be written, before the user signs in for it. Raises `ProvisionError`."""
        check_writable(self.config_file)
        empty, content = Secret(""), read_object(self.config_file, NEW_CONFIG)[0]
        with_token(content, Token(empty), refresh_token=False, secret=empty)
        if self.imported_data:
            check_writable(Path(IMPORTED))
            with_account(read_object(Path(IMPORTED), {})[0], {})

    def deliver(
        self,
        kept: KeptToken,
        secret: Secret | None,
        userinfo: Callable[[KeptToken], bytes],
        before: KeptToken | None = None,
    ) -> str:
        """Write, print or try a token, which may replace another. Returns where it is, in a sentence.

        `secret` is what the konnector gets beside it.
        """
        if not self.elsewhere:
            say = output.message if is_stream(self.config_file) else output.result
            say("\n".join(self._write(kept, secret)))
            if kept.expires_at is not None:
                output.message(f"the token expires at {kept.expires_at.isoformat(timespec='seconds')}")
            if kept.refresh_token is None:
                what = (
                    "the provider sent no refresh token: the stack passes client_id and client_secret to the konnector"
                )
                output.message(f"{what}; to get one, see provision catalogue {printable(kept.id)}")
            return f"It is in {self.config_file.as_posix()}."
        if before is not None and kept != before:
            fields = read_object(self.config_file, {})[0].get("fields")
            if isinstance(fields, dict) and fields.get("access_token") == before.access_token.reveal():
                for line in self._write(kept, secret):
                    output.message(f"updated {line}")
        output.result(as_userinfo(userinfo(kept)) if self.format is None else as_format(kept, self.format))
        return "It is shown in the terminal."

    def _write(self, kept: KeptToken, secret: Secret | None) -> list[str]:
        """Write the token into files, and return each with the places that were set. Raises `ProvisionError`."""
        content, commented = read_object(self.config_file, NEW_CONFIG)
        manifest = _manifest()
        refresh_token = manifest is not None and has_field(manifest, "refresh_token")
        content, places = with_token(content, kept, refresh_token=refresh_token, secret=secret)
        files = [(self.config_file, content, commented, listed(places))]
        if self.imported_data:
            path = Path(IMPORTED)
            imported, commented = read_object(path, {})
            files.append((path, with_account(imported, shown_values(kept)), commented, "oauth of the first account"))
        for path, content, commented, _ in files:
            if copy := write_object(path, content, commented):
                what = f"{path.as_posix()} was rewritten as plain JSON; {copy.as_posix()} is a copy with the comments"
                output.warn(what)
        return [f"{path.as_posix()}: {what}" for path, _, _, what in files]


def requested_of(id: str) -> ManifestRequest | None:
    """What the manifest requests of an account type; none if there is no manifest, or one for another."""
    manifest = _manifest()
    found = manifest_request(manifest) if manifest else None
    if found is not None and found.account_type != id.rpartition("/")[2]:
        output.warn(f"{MANIFEST} is for the account type {printable(found.account_type)}: its scope is not used")
        found = None
    return found


def _manifest() -> Content | None:
    if not MANIFEST.exists():
        return None
    (source,) = read_manifests([MANIFEST])
    if source.content is None:
        raise InvalidFile(source.problems)
    return source.content
