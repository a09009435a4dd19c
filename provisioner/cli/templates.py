"""``provision manifest --doctypes``: the secrets that requests of doctypes ask for, beside those that there are."""

import sys
from collections.abc import Sequence
from pathlib import Path

from provisioner.adapters.files.definitions import catalogue_of
from provisioner.adapters.files.konnector_files import read_requests
from provisioner.cli import output
from provisioner.cli.boundary import ExitCode
from provisioner.cli.wiring import Wiring
from provisioner.core.definitions.remote_secret import REMOTE_SECRET
from provisioner.core.rules.remote_secrets import Templates, check_templates
from provisioner.render import problems
from provisioner.render.formats import Formats, row
from provisioner.render.layout import Paint, table

_HEAD = ("DOCTYPE", "SECRET", "ASKED FOR", "IN FILES", "LIVE")
_WORDS = {None: "-", True: "yes", False: "no"}


def _text(found: Templates, paint: Paint) -> str:
    rows = [(each.doctype, each.secret, *map(_WORDS.get, (each.needed, each.files, each.live))) for each in found.rows]
    parts = [table(_HEAD, [[str(cell) for cell in each] for each in rows], paint), ""] if rows else []
    return "\n".join([*parts, problems.as_text(found.validation, paint)])


def _values(found: Templates) -> dict[str, object]:
    rows = [row(each, "doctype", "secret", "needed", "files", "live") for each in found.rows]
    return {"manifests": [], "doctypes": rows, **problems.values(found.validation)}


FORMATS: Formats[Templates] = Formats(_text, _values, github=lambda found: problems.as_annotations(found.validation))


def templates(wiring: Wiring, folder: Path, catalogue: Sequence[Path] | None, format: str, *, strict: bool) -> ExitCode:
    """Compare the requests in a folder with the definitions, and with the database if one is named."""
    files = catalogue_of(wiring.configuration, catalogue, kind=REMOTE_SECRET)
    live = None
    if wiring.live:
        with wiring.store(wiring.target_of_kinds((REMOTE_SECRET,))[0]) as store:
            live = {live.id: live.document for live in store.read_all().documents.values()}
    found = check_templates(read_requests(folder), [] if files.absent else files.read(), live)
    found = found.strict() if strict else found
    output.result(FORMATS.render(format, found, output.paint(sys.stdout)))
    return ExitCode.PROBLEMS if found.validation.errors else ExitCode.DONE
