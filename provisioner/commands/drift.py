"""Looks at databases, once or again and again, and reports what others did, or brings it into the definition files.

Nothing depends on what happens between them: a look that is missed, slow or refused delays a report and loses none.
Each receiver has its own last look that it accepted, and gets the difference to the newest one. The look that all of
them accepted is kept, and the next run goes on from it.
"""

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeAlias

from msgspec import Struct

from provisioner.commands.planning import Inputs
from provisioner.core.definitions.account_type import CREDENTIAL_FIELDS, FIELDS
from provisioner.core.definitions.content import Content, Reading
from provisioner.core.definitions.definition import Source
from provisioner.core.definitions.editing import CannotEditError, with_values
from provisioner.core.definitions.variables import Expansion, Lookup, escaped
from provisioner.core.errors import ProvisionError, SignInRefused
from provisioner.core.plan.live import UNSEEN, Drift, DriftKind, Event, Look, events
from provisioner.core.plan.store import Live
from provisioner.core.secret import Json, Secret, is_secret, same_json
from provisioner.core.targets.target import Target

TICK = 0.5
"""Seconds between two looks at whether a signal came."""

SHORTEST = 2.0
"""Seconds from one look to the next, at least."""

LONGEST_SIGN_IN_PAUSE = 600.0
"""Seconds after a refused password, at most: CouchDB locks an account after five refusals in five minutes."""

_LOG = logging.getLogger("provisioner.follow")


Receiver: TypeAlias = Callable[["Follower", Sequence[Event], Look], None]
"""Accepts a report of what happened, which may be empty. Raises `ProvisionError` if it has to be given again."""


class CannotReportError(Exception):
    """A receiver cannot take another report, which ends the run; its cause says why."""


Changes: TypeAlias = Callable[[str | None, float], str | None]
"""Waits until something changes after a position, for some seconds at most, and returns the new one.

Without a position it returns that of the last change; ``None`` if it cannot be known. It is a hint: it may be wrong.
"""


class Follower:
    """One database that is followed; `label` is its name for people."""

    def __init__(
        self,
        target: Target,
        label: str,
        look: Callable[[Look], Look],
        receivers: Sequence[Receiver],
        known: Look = UNSEEN,
        keep: Callable[[Look], None] | None = None,
    ) -> None:
        """Go on from the look that is `known`; each that every receiver accepted is kept.

        `look` looks at the database, given what is known of it. Both functions raise `ProvisionError`.
        """
        self.target, self.label, self.look = target, label, look
        self.reporting = threading.Lock()
        self.known = self._kept = known
        self._receivers, self._keep = receivers, keep
        self._accepted = [known for _ in receivers]

    def run(self) -> list[ProvisionError]:
        """Look once, report, and keep the look if everybody accepted it; what failed of that."""
        errors: list[ProvisionError] = []
        try:
            self.known = self.look(self.known)
        except Exception as failed:  # noqa: BLE001  # whatever it is must not end the following in silence
            error = failed if isinstance(failed, ProvisionError) else None
            if error is None:
                _LOG.debug("a defect", exc_info=failed)
                error = ProvisionError(f"a bug in provision stopped the check: {type(failed).__name__}", "report it")
            errors.append(error)
            self.known = self.known.failed(error.what)
        with self.reporting:
            accepted = True
            for index, receiver in enumerate(self._receivers):
                try:
                    receiver(self, [*events(self._accepted[index], self.known)], self.known)
                    self._accepted[index] = self.known
                except ProvisionError as error:
                    accepted = False
                    errors.append(error)
            if accepted and self._keep is not None and self.known != self._kept:
                try:
                    self._keep(self.known)
                    self._kept = self.known
                except ProvisionError as error:
                    errors.append(error)
        return errors


Warn: TypeAlias = Callable[[Follower, ProvisionError], None]


def follow(followed: Sequence[tuple[Follower, Changes]], interval: float, grace: float, warn: Warn) -> None:
    """Look at databases until something stops it, such as `KeyboardInterrupt`; a report under way has some seconds.

    `warn` gets each failure once, until a look succeeds again.
    """
    stopped = threading.Event()
    ends: list[BaseException] = []

    def run(follower: Follower, changes: Changes) -> None:
        try:
            watch(follower, changes, interval, warn, stopped)
        except BaseException as error:  # noqa: BLE001  # raised again where the program waits
            ends.append(error)
            stopped.set()

    try:
        for each in followed:
            threading.Thread(target=run, args=each, daemon=True).start()
        while not stopped.wait(TICK):  # a signal that another thread of the process gets wakes nobody
            pass
    finally:
        stopped.set()
        until = time.monotonic() + grace
        for follower, _ in followed:
            follower.reporting.acquire(timeout=max(0.0, until - time.monotonic()))
    raise ends[0]


def watch(follower: Follower, changes: Changes, interval: float, warn: Warn, stopped: threading.Event) -> None:
    """Look, then wait for a change or for the interval; after a failure, for a pause that doubles."""
    position: str | None = None
    pause = SHORTEST
    said: set[str] = set()
    while not stopped.is_set():
        began = time.monotonic()
        errors = follower.run()
        for error in errors:
            if error.what not in said:
                warn(follower, error)
        said = {error.what for error in errors}
        woken = False
        if not errors:
            waited = position is not None
            position = changes(position, interval)  # what changes before one is known is seen by the next look
            woken = waited and position is not None
        stopped.wait(SHORTEST - (time.monotonic() - began) if woken else pause)
        if woken:
            pause = SHORTEST
        elif any(isinstance(error, SignInRefused) for error in errors):
            pause = min(max(2 * pause, interval), LONGEST_SIGN_IN_PAUSE)
        elif errors or position is None:
            pause = min(2 * pause, interval)


class FileEdit(Struct, frozen=True):
    """The text of a definition file before and after; `left` are the fields that are not accepted: credentials."""

    path: str
    before: str
    after: str
    left: tuple[str, ...]


_NOT_ACCEPTED: Mapping[DriftKind, tuple[str, str]] = {
    DriftKind.DELETED: ("someone deleted it", "delete its definition, or run provision apply to write it again"),
    DriftKind.NEW: ("no definition mentions it", "run provision import to write one"),
    DriftKind.FOREIGN: ("another owner owns it", "agree with the other owner who keeps it"),
    DriftKind.BROKEN: ("its key provision cannot be read", "see who wrote it"),
    DriftKind.GONE: ("the database does not exist", "run provision apply to create it"),
}


def edits_of(
    look: Look, inputs: Inputs, target: Target, text_of: Callable[[str], str], read: Callable[[str], Reading]
) -> tuple[list[FileEdit], list[ProvisionError]]:
    """The edits that bring what a look found into the files, and why there are none for some account types."""
    sources = {source.document_id: source for source in inputs.sources()}
    lookup = inputs.lookup(target)
    live = inputs.store(target).read([each.id for each in look.drift if each.id is not None]).documents
    edits: list[FileEdit] = []
    failed: list[ProvisionError] = []
    for each in look.drift:
        try:
            id = each.id or ""
            edits.append(_edit_of(each, sources.get(id), live.get(id), lookup, text_of, read))
        except ProvisionError as error:
            failed.append(error)
    return [edit for edit in edits if edit.before != edit.after or edit.left], failed


def _edit_of(
    drift: Drift,
    source: Source | None,
    live: Live | None,
    lookup: Lookup,
    text_of: Callable[[str], str],
    read: Callable[[str], Reading],
) -> FileEdit:
    """The edit that brings one account type into its file. Raises `ProvisionError` if there can be none."""
    if drift.kind in _NOT_ACCEPTED:
        what, next = _NOT_ACCEPTED[drift.kind]
        raise ProvisionError(f"{drift.id or 'it'} cannot be accepted: {what}", next)
    if source is None or source.content is None or live is None:
        raise ProvisionError(f"{drift.id} has no definition that can be edited", "run provision import to write one")
    changed = drift.fields if drift.kind is DriftKind.EDITED else {*source.fields, *live.document} - {"_id"}
    fields = [name for name in FIELDS if name in changed]
    left = tuple(name for name in fields if name in CREDENTIAL_FIELDS or isinstance(live.document.get(name), Secret))
    values = dict(_values(source.content, live, [name for name in fields if name not in left], lookup))
    before = text_of(source.path)
    try:
        if source.path.lower().endswith(".json"):
            merged = {**source.fields, **values}.items()
            kept = {key: value for key, value in merged if value is not None or key not in values}
            after = json.dumps(kept, indent=2, ensure_ascii=False) + "\n"
        else:
            after = with_values(before, read, values)
    except CannotEditError:
        what = f"{source.path} cannot be edited: its form is unusual"
        raise ProvisionError(what, "run provision fmt, or write the fields by hand") from None
    return FileEdit(source.path, before, after, left)


def _values(content: Content, live: Live, fields: Sequence[str], lookup: Lookup) -> Iterator[tuple[str, Json]]:
    """The new values of some fields as they are to stand in the file: what has not changed keeps its variables."""
    expansion = Expansion(lookup)
    expanded = expansion.definition(content)
    for name in fields:
        written, now = content.values.get(name), live.document.get(name)
        if expanded.has_gap((name,)):
            raise ProvisionError(f"a variable in {name} of {live.id} has no value", "set it with --set NAME=VALUE")
        value = _merged(written, expanded.values.get(name), None if isinstance(now, Secret) else now)
        if name not in content.values or not same_json(written, value):
            yield name, value


def _merged(written: Json, meant: Json, now: Json) -> Json:
    if same_json(meant, now):
        return written
    if not isinstance(now, dict):
        return escaped(now)
    old = written if isinstance(written, dict) else {}
    known = meant if isinstance(meant, dict) else {}
    secret = {key: item for key, item in old.items() if is_secret(key, item)}
    public = {key: _merged(old.get(key), known.get(key), item) for key, item in now.items() if not is_secret(key, item)}
    return {**{key: None for key in old if key in public or key in secret}, **public, **secret}
