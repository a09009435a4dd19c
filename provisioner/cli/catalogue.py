"""Loads a catalogue for the commands that need one without problems."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from provisioner.cli import output
from provisioner.cli.options import variables

if TYPE_CHECKING:
    from provisioner.core.validation import Validation


def load(paths: Sequence[Path] | None, sets: Sequence[str] | None, *, need_values: bool) -> "Validation":
    """Read and check a catalogue."""
    from provisioner.adapters import shipped
    from provisioner.adapters.definition_files import read_sources
    from provisioner.commands import validate
    from provisioner.core.schema_check import schema_check

    check = schema_check(shipped.schema())
    return validate.run(read_sources(paths or ()), check, variables(sets), need_values=need_values)


def load_valid(paths: Sequence[Path] | None, sets: Sequence[str] | None, no_color: bool) -> "Validation | None":
    """Read a catalogue whose definitions are to be compared or applied; ``None`` after reporting its errors."""
    from provisioner.render import problems

    validation = load(paths, sets, need_values=True)
    if validation.problems:
        output.message(problems.as_text(validation, output.paint(sys.stderr, no_color)))
    if not validation.errors:
        return validation
    output.message("nothing was read from or written to CouchDB: mend the errors first")
    return None
