"""What a command reads on this machine: the configuration, the definitions, and what they are checked with."""

import os
import threading
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path

from provisioner.adapters.files import shipped
from provisioner.adapters.files.config import find_config, holds_a_password, is_of_another_program, read_config
from provisioner.adapters.files.definitions import Catalogue, catalogue_of, kinds_of_ids
from provisioner.cli import options, output
from provisioner.core.definitions.custom_rules import with_custom_rules
from provisioner.core.definitions.definition import Selection, Source
from provisioner.core.definitions.kinds import ACCOUNT_TYPE, Kind, kind_named
from provisioner.core.definitions.schema_check import Check
from provisioner.core.definitions.variables import PREFIX, Lookup, variable_lookup
from provisioner.core.errors import InvalidFile
from provisioner.core.rules.checking import Policy, check_policy
from provisioner.core.targets.filling import Asked
from provisioner.core.targets.target import Config, Target


class Repository:
    """The files of one command: the options say which. Nothing is read before it is needed."""

    def __init__(self, databases: options.Databases) -> None:
        """Read nothing yet."""
        self._databases = databases
        self._warned: set[str] = set()
        self._kind = kind_named(databases.kind) if databases.kind else None
        self._kinds: tuple[Kind, ...] | None = None
        self._catalogue: Catalogue | None = None
        self._sources: dict[Catalogue, list[Source]] = {}
        self._reading = threading.Lock()

    @cached_property
    def configuration(self) -> Config:
        """What ``provision.yaml`` says, or the defaults if there is none."""
        given = self._databases
        optional = given.couch is not None and not given.target
        path = find_config(given.config, warn=output.warn if optional else None)
        if path is None:
            return Config()
        found_above = path.is_absolute() and given.config is None
        try:
            config = read_config(path, shipped.check("provision"), output.warn)
        except InvalidFile:
            needed = given.target or given.all_targets
            if needed or not found_above or not is_of_another_program(path, shipped.schema("provision")["properties"]):
                raise
            output.warn(f"{path.as_posix()} is another program's: it has no key of ours, and is not used")
            return Config()
        if found_above:
            output.message(f"using {path.as_posix()}")
        if holds_a_password(path, config):
            shown = path.as_posix()
            output.warn(f"other users can read the password in {shown}: remove it, and change it; or chmod 600 {shown}")
        return config

    def catalogue(
        self, paths: Sequence[Path] | None, only: Sequence[str] | None = None, exclude: Sequence[str] | None = None
    ) -> Catalogue:
        """The definitions that are named, configured or the default; globs choose some of them by their ids.

        From here on, the run is about the kinds of documents that they are.
        """
        self._catalogue = catalogue_of(self.configuration, paths, Selection.of(None, only, exclude), self._kind)
        self._kinds = self._catalogue.kinds
        return self._catalogue

    def read(self, catalogue: Catalogue) -> list[Source]:
        """The definitions of a catalogue, read once, whichever target or kind of documents asks first."""
        with self._reading:
            if catalogue not in self._sources:
                self._sources[catalogue] = catalogue.read()
            return self._sources[catalogue]

    def read_again(self) -> None:
        """Read definitions anew from here on, for a run that goes on while they change."""
        with self._reading:
            self._sources.clear()

    def read_catalogue(self, paths: Sequence[Path] | None = None) -> list[Source]:
        """The account types named, else those of the configuration or the default folder, else the shipped ones."""
        found = catalogue_of(self.configuration, paths, kind=ACCOUNT_TYPE)
        return self.read(Catalogue((shipped.folder("account_types"),), whole=False) if found.absent else found)

    def asked(self, kind: Kind) -> Asked:
        """What the definitions of a kind ask credential sources for."""
        if kind is ACCOUNT_TYPE:
            sources = self.read_catalogue()
        else:
            catalogue = catalogue_of(self.configuration, None, kind=kind)
            sources = [] if catalogue.absent else self.read(catalogue)
        return {source.document_id: kind.asked(source.fields) for source in sources if source.content}

    def asked_by_others(self, kind: Kind) -> Asked:
        """What the definitions of other kinds ask for: what a source has for them is not strange."""
        every = [catalogue_of(self.configuration, None), *([self._catalogue] if self._catalogue else [])]
        found = [each for one in every if not one.absent for each in self.read(one) if each.kind is not kind]
        return {each.document_id: (*each.kind.asked(each.fields), *each.kind.facts) for each in found}

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The kinds of documents that the run is about: the one that is named, else those of the catalogue."""
        if self._kinds is None:
            self._kinds = catalogue_of(self.configuration, None, kind=self._kind).kinds
        return self._kinds

    def limit_to(self, kinds: Iterable[Kind]) -> None:
        """Be about these kinds of documents alone, whatever the catalogue holds."""
        self._kinds = tuple(kinds)

    def limit_to_kinds_of(self, ids: Sequence[str]) -> None:
        """Be about the kinds of some definitions alone, if any are named, and no kind is."""
        if ids and not self._kind:
            self.limit_to(kinds_of_ids(self.configuration, ids))

    def lookup(self, given: Mapping[str, str], target: Target | None = None) -> Lookup:
        """The values of variables; `given` are those of ``--set``. Warns of one that is missing by a hair."""
        known = variable_lookup(os.environ, self.configuration.environment, target.variables if target else {}, given)

        def look_up(name: str) -> str | None:
            value = known(name)
            if value is None:
                wanted = f"{PREFIX}{name}"
                similar = {each.upper(): each for each in os.environ if each.upper().startswith(PREFIX)}
                for near in get_close_matches(wanted.upper(), similar, n=1, cutoff=0.9):
                    what = f"{wanted} is not in the environment, and {similar[near]} is: did you mean that?"
                    self.warn_once(what)
            return value

        return look_up

    def definition_check(self, kind: Kind = ACCOUNT_TYPE) -> Check:
        """The check of definitions by the schema of their kind; the custom rules are for account types."""
        if kind is not ACCOUNT_TYPE:
            return shipped.check(kind.name)
        return with_custom_rules(shipped.check(), self.configuration.require)

    def rules(self, *targets: Target) -> Policy:
        """The severities that the configuration gives to rules, with those of a single target. Raises `UsageError`."""
        for rules in (self.configuration.rules, *(each.rules for each in targets)):
            check_policy(rules, self.configuration.path or "")
        alone = len({each.name for each in targets}) == 1
        return {**self.configuration.rules, **(targets[0].rules if alone else {})}

    def warn_once(self, text: str) -> None:
        """Write a warning, unless this run did."""
        if text not in self._warned:
            self._warned.add(text)
            output.warn(text)
