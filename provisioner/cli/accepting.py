"""``provision drift --accept``: shows how the definition files change, asks, and writes them."""

import sys
from contextlib import ExitStack
from difflib import unified_diff

from provisioner.adapters.files import text_edits
from provisioner.adapters.files.definitions import id_of
from provisioner.cli import options, output
from provisioner.cli.exit_code import ExitCode
from provisioner.cli.surroundings import planning_of
from provisioner.cli.wiring import Wiring
from provisioner.commands.accept import FileEdit, edit_of
from provisioner.core.errors import ProvisionError, SafetyLimit
from provisioner.core.plan.drift import Look
from provisioner.core.text import counted, listed


def accept_drift(wiring: Wiring, definitions: options.Definitions, owner: str, look: Look, *, yes: bool) -> ExitCode:
    """Bring what a look found into the files, one after the other; what cannot be is an error of its own."""
    edits, failed = _edits(wiring, definitions, owner, look)
    for edit in edits:
        output.result(_shown(edit))
        if edit.left:
            output.warn(f"{edit.path}: {listed(edit.left)} stays as it is: credentials are never written into a file")
    for error in failed:
        output.report(error)
    if edits:
        _confirm(len(edits), yes=yes)
    for edit in edits:
        text_edits.replace_text(edit.path, edit.after)
    if edits:
        output.message(f"{counted(len(edits), 'file')} changed: commit them, then run provision apply")
    elif not failed:
        output.message("nothing to accept")
    return ExitCode.PROBLEMS if failed else ExitCode.DONE


def _edits(
    wiring: Wiring, definitions: options.Definitions, owner: str, look: Look
) -> tuple[list[FileEdit], list[ProvisionError]]:
    target = wiring.target()
    edits: list[FileEdit] = []
    failed: list[ProvisionError] = []
    with ExitStack() as stack:
        _, around = planning_of(wiring, stack, definitions, owner=owner, optional=True)
        sources = {id_of(source): source for source in around.sources()}
        lookup = around.lookup(target)
        live = around.store(target).read([each.id for each in look.drift if each.id is not None]).documents
        for each in look.drift:
            try:
                edits.append(edit_of(each, sources.get(each.id or ""), live.get(each.id or ""), lookup, text_edits))
            except ProvisionError as error:
                failed.append(error)
    return [edit for edit in edits if edit.before != edit.after or edit.left], failed


def _shown(edit: FileEdit) -> str:
    """The lines that change, without those around them, which may hold anything."""
    before, after = edit.before.splitlines(), edit.after.splitlines()
    return "\n".join(unified_diff(before, after, edit.path, edit.path, n=0, lineterm=""))


def _confirm(files: int, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise SafetyLimit("the files are not changed, and there is no terminal to ask on", "add --yes to confirm")
    if not output.confirm(f"Write {counted(files, 'file')}?"):
        raise SafetyLimit("nothing was written", "run it again to accept")
