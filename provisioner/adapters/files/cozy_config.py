"""Names the CouchDB that a cozy-stack uses, as the stack's own configuration says.

Source: ``pkg/config/config/config.go`` of the stack. ``Setup``: each file is a Go template, then YAML; ``FILE.local``
is merged over ``FILE``; ``COZY_COUCHDB_…`` in the environment wins; keys have no case. ``makeCouch``: the section
``couchdb``.
"""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from provisioner.adapters.files.text_files import exists, parse, read_limited
from provisioner.core.definitions import go_url
from provisioner.core.definitions.problem import Severity
from provisioner.core.errors import InvalidFile, UsageError, explained
from provisioner.core.targets.target import Target, Tls

_NEXT = "pass the stack's cozy.yml"
_KEYS = ("url", "root_ca", "client_cert", "client_key", "pinned_key", "insecure_skip_validation")
_ACTION = re.compile(r"(?:\s*\{\{-(?=\s)|\{\{)(.*?)(?:(?<=\s)-\}\}\s*|\}\})", re.DOTALL)
_WORD = re.compile(r'"(?:\\.|[^"\\])*"|`[^`]*`|[^\s"`]+')
_HELD_BACK = re.compile("\ue000(\\d+)\ue000")
"""Stands for an action without a value: a text that YAML takes anywhere. The number is its place among all."""

_Value: TypeAlias = str | bool | None
"""The value of an expression; none if only the stack can tell."""


def read_cozy_config(path: Path, environment: Mapping[str, str]) -> Target:
    """The target that the stack's own configuration names. Raises `UsageError` or `InvalidFile`."""
    local = path.with_name(f"{path.name}.local")
    paths = [path, local] if exists(local) else [path]
    template = _Template(environment)
    section: dict[str, Any] = {}
    for each in paths:
        section |= _section(each, template)
    given = {key: environment.get(f"COZY_COUCHDB_{key.upper()}") for key in _KEYS}
    section |= {key: value for key, value in given.items() if value}
    for key in (*_KEYS, "clusters"):
        template.check(f"couchdb.{key}", section.get(key))
    shown = " and ".join(each.as_posix() for each in paths)
    for key in ("pinned_key", "insecure_skip_validation"):
        if str(section.get(key) or "").lower() not in ("", "0", "f", "false"):
            raise UsageError(f"{shown} sets couchdb.{key}, which is not supported", "write a target in provision.yaml")
    if not (url := section.get("url")):
        what = f"{shown} has no server: couchdb.url is missing, and COZY_COUCHDB_URL is not set"
        raise UsageError(what, "pass the file that the stack reads, or --couch URL")
    clusters = section.get("clusters")
    others = [each for each in clusters if isinstance(each, dict)] if isinstance(clusters, list) else []
    tls = Tls(*(str(section[key]) if section.get(key) else None for key in ("root_ca", "client_cert", "client_key")))
    return Target(
        couch=_couch(shown, "couchdb.url", url),
        tls=tls,
        clusters=tuple(_couch(shown, "couchdb.clusters", each.get("url")) for each in others),
    )


def _section(path: Path, template: "_Template") -> dict[str, Any]:
    """The section ``couchdb`` of a file, with keys in lower case."""
    shown = path.as_posix()
    try:
        with explained(f"{shown} cannot be read", _NEXT):
            text = read_limited(path).decode()
    except UnicodeDecodeError:
        raise UsageError(f"{shown} is not UTF-8", _NEXT) from None
    reading = parse(template.render(shown, text).encode(errors="replace"), json=".json" in path.suffixes[-2:])
    faults = [fault for fault in reading.faults if fault.severity is Severity.ERROR]
    if reading.content is None or faults:
        raise InvalidFile(tuple(fault.in_file(shown) for fault in faults), _NEXT)
    section: dict[str, Any] = {}
    for name, value in reading.content.values.items():
        if name.lower() == "couchdb" and isinstance(value, dict):
            section |= {key.lower(): each for key, each in value.items()}
        elif name.lower().startswith("couchdb."):
            section[name.lower().partition(".")[2]] = value
    return section


def _couch(shown: str, key: str, value: object) -> str:
    """A URL as Go reads it, with what is special escaped: its last @ ends user and password."""
    try:
        url = go_url.parse(str(value or ""))
    except go_url.UrlError as error:
        raise UsageError(f"{key} of {shown} cannot be read as a URL: {error.reason}", "correct it there") from None
    if url.scheme not in ("http", "https") or not url.host:
        raise UsageError(f"{key} of {shown} is not the URL of a server", "write http://user:password@host:5984 there")
    return url.text()


class _Template:
    """Renders what configurations of the stack have of Go's templates: variables of the environment, and ``if``.

    Other values are held back, and are an error where they are needed.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._path = ""
        self._environment = environment
        self._held_back: list[tuple[str, str]] = []

    def render(self, path: str, text: str) -> str:
        """The text of a file with its actions done. Raises `UsageError` for one that cannot be done here."""
        self._path = path
        done: list[str] = []
        open_ifs: list[bool | None] = []  # true: what follows is wanted; none: a branch before it was
        for index, part in enumerate(_ACTION.split(text)):
            action, is_text = part.strip(), index % 2 == 0
            words = [] if is_text or action.startswith("/*") else _WORD.findall(action)
            match words:
                case []:
                    done += [part] if is_text and all(open_ifs) else []
                case ["if", *condition]:
                    open_ifs.append(self._is_true(action, condition) if all(open_ifs) else None)
                case ["else", *rest] if open_ifs and (not rest or rest[0] == "if"):
                    wanted = open_ifs.pop()
                    outer = all(open_ifs)
                    wanted = None if wanted is not False or not outer else not rest or self._is_true(action, rest[1:])
                    open_ifs.append(wanted)
                case ["end"] if open_ifs:
                    open_ifs.pop()
                case ["if" | "else" | "end" | "range" | "with" | "define" | "block" | "template" | "break", *_]:
                    raise self._impossible(action)
                case _ if all(open_ifs):
                    done.append(self._shown(action, words))
        if open_ifs:
            raise self._impossible("if")
        return "".join(done)

    def check(self, key: str, value: object) -> None:
        """Raise `UsageError` if a value holds something that is held back."""
        if (found := _HELD_BACK.search(json.dumps(value, ensure_ascii=False))) is None:
            return
        self._path, action = self._held_back[int(found[1])]
        if name := _variable(_WORD.findall(action)):
            what = f"{self._path} reads {key} from the environment variable {name}, which is not set"
            raise UsageError(what, f"set {name} as for the stack, or pass --couch URL")
        raise UsageError(f"{self._path} reads {key} from {{{{{action}}}}}, which only the stack can render", self._next)

    _next = "pass --couch URL, or add a target to provision.yaml"

    def _impossible(self, action: str) -> UsageError:
        return UsageError(f"{self._path} contains {{{{{action}}}}}, which only the stack can render", self._next)

    def _shown(self, action: str, words: Sequence[str]) -> str:
        value = self._value(words)
        if value is None or (value == "" and _variable(words)):
            self._held_back.append((self._path, action))
            return f"\ue000{len(self._held_back) - 1}\ue000"
        return str(value).lower() if isinstance(value, bool) else value

    def _is_true(self, action: str, words: Sequence[str]) -> bool:
        value = self._value(words)
        if value is None:
            raise self._impossible(action)
        return bool(value)

    def _value(self, words: Sequence[str]) -> _Value:
        if (name := _variable(words)) is not None:
            return self._environment.get(name, "")
        match words:
            case [text] if text[:1] in ('"', "`"):
                return text[1:-1] if "\\" not in text else None
            case ["not", one]:
                value = self._value([one])
                return None if value is None else not value
            case ["or" | "and" | "eq" | "ne" as word, *rest] if len(rest) > 1:
                values = [self._value([each]) for each in rest]
                if None in values:
                    return None
                if word in ("eq", "ne"):
                    return (values[0] in values[1:]) == (word == "eq")
                return next((each for each in values if bool(each) == (word == "or")), values[-1])
            case _:
                return None


def _variable(words: Sequence[str]) -> str | None:
    """The environment variable that an expression is."""
    match words:
        case [name] if name.startswith(".Env."):
            return name.removeprefix(".Env.")
        case ["index", ".Env", name]:
            return name.strip('"`')
        case _:
            return None
