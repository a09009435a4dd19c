"""``provision import``."""

from pathlib import Path
from typing import Annotated

import typer

from provisioner.adapters.files.text_files import read_limited
from provisioner.cli import export
from provisioner.cli.grouping import grouped
from provisioner.core.definitions.reading import MAX_BYTES
from provisioner.core.errors import ProvisionError, UsageError
from provisioner.core.plan.importing import Unreadable, documents_in
from provisioner.core.plan.store import Live


@grouped
def import_(
    folder: export.Folder,
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="JSON, a listing, or a script with curl.")],
) -> None:
    """Write documents that are kept in files as definitions, as export does for a live database.

    A file holds a document in JSON, the output of _all_docs?include_docs=true, or a shell script with curl -X PUT and
    -d. Nothing of a script is run. Secrets are left out, unless you add --with-secrets.
    """
    found: dict[str, tuple[Path, Live]] = {}
    for path in files:
        for live in _documents(path):
            first, _ = found.setdefault(live.id, (path, live))
            if found[live.id][1] is not live:
                what = f"{live.id} is in {first.as_posix()} and in {path.as_posix()}"
                raise ProvisionError(what, "leave one of them out")
    export.write([live for _, live in found.values()], folder)


def _documents(path: Path) -> list[Live]:
    shown = path.as_posix()

    def read(name: str) -> str:
        return _text(path.parent / name)

    try:
        return documents_in(_text(path), path.stem, read)
    except Unreadable as error:
        raise ProvisionError(f"{shown}: {error}", "fix the file, or leave it out") from None
    except OSError as error:
        raise UsageError(f"{shown} cannot be read: {error.strerror}", "name another file") from None


def _text(path: Path) -> str:
    content = read_limited(path)
    if len(content) > MAX_BYTES:
        raise ProvisionError(f"{path.as_posix()} is larger than 1 MiB", "split it")
    return content.decode("utf-8-sig", errors="replace")
