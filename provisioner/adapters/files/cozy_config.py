"""Names the CouchDB that a cozy-stack uses, as the stack's own configuration says.

Source: ``pkg/config/config/config.go`` of the stack. ``Setup``: each file is a Go template, then YAML; ``FILE.local``
is merged over ``FILE``; ``COZY_COUCHDB_…`` in the environment wins; keys have no case. ``makeCouch``: the section
``couchdb``.
"""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from provisioner.adapters.files.text_files import exists, parse, read_limited
from provisioner.core.definitions import go_url
from provisioner.core.definitions.problem import Severity
from provisioner.core.errors import InvalidFile, UsageError, explained
from provisioner.core.targets.target import Target, Tls

_NEXT = "pass the stack's cozy.yml"
_KEYS = ("url", "root_ca", "client_cert", "client_key", "pinned_key", "insecure_skip_validation")
_ACTION = re.compile(r"\{\{(?P<left>-(?=\s)|)(?P<action>.*?)(?P<right>(?<=\s)-|)\}\}", re.DOTALL)
_WORD = re.compile(r'"(?:\\.|[^"\\])*"|`[^`]*`|[^\s"`]+')
_HELD_BACK = re.compile("\ue000(\\d+)\ue000")
"""Stands for an action without a value: a text that YAML takes anywhere. The number is its place among all."""


def read_cozy_config(path: Path, environment: Mapping[str, str]) -> Target:
    """The target that the stack's own configuration names. Raises `UsageError` or `InvalidFile`."""
    local = path.with_name(f"{path.name}.local")
    paths = [path, local] if exists(local) else [path]
    shown = " and ".join(each.as_posix() for each in paths)
    template = _Template(environment)
    section: dict[str, Any] = {}
    for each in paths:
        section |= _section(each, template)
    given = {key: environment.get(f"COZY_COUCHDB_{key.upper()}") for key in _KEYS}
    section |= {key: value for key, value in given.items() if value}
    for key in (*_KEYS, "clusters"):
        template.check(f"couchdb.{key}", section.get(key))
    for key in ("pinned_key", "insecure_skip_validation"):
        if str(section.get(key) or "").lower() not in ("", "0", "f", "false"):
            raise UsageError(f"{shown} sets couchdb.{key}, which is not supported", "write a target in provision.yaml")
    if not (url := section.get("url")):
        what = f"{shown} has no server: couchdb.url is missing, and COZY_COUCHDB_URL is not set"
        raise UsageError(what, "pass the file that the stack reads, or --couch URL")
    clusters = section.get("clusters")
    others = [each.get("url") for each in clusters if isinstance(each, dict)] if isinstance(clusters, list) else []
    return Target(
        couch=_couch(shown, "couchdb.url", url),
        tls=Tls(*(str(section[key]) if section.get(key) else None for key in ("root_ca", "client_cert", "client_key"))),
        clusters=tuple(_couch(shown, "couchdb.clusters", each) for each in others),
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

    They are translated to a template of Jinja. Values that only the stack can tell are held back, and are an error
    where they are needed.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._path = ""
        self._actions: list[tuple[str, str, str]] = []  # the file of each, its text, and the variable that it is

    def render(self, path: str, text: str) -> str:
        """The text of a file with its actions done. Raises `UsageError` for one that cannot be done here."""
        if "{{" not in text:
            return text
        from jinja2 import Environment, TemplateSyntaxError  # 25 ms, and few files are templates

        self._path = path
        jinja = Environment(
            block_start_string="\ue001",
            block_end_string="\ue002",
            comment_start_string="\ue003",
            autoescape=False,  # noqa: S701  # it is no HTML
            keep_trailing_newline=True,
            finalize=lambda value: str(value).lower() if isinstance(value, bool) else value,
        )
        try:
            template = jinja.from_string(_ACTION.sub(self._as_jinja, text))
        except TemplateSyntaxError:
            raise self._impossible("if") from None
        return template.render(env=lambda name: self._environment.get(name, ""), refuse=self._refuse)

    def _as_jinja(self, match: re.Match[str]) -> str:
        left, action, right = match["left"], match["action"].strip(), match["right"]
        words = [] if action.startswith("/*") else _WORD.findall(action)
        number = len(self._actions)
        self._actions.append((self._path, action, _variable(words) or ""))
        match words:
            case []:
                return f"{{{{{left} '' {right}}}}}"
            case ["if", *condition]:
                block = f"if {_expression(condition) or f'refuse({number})'}"
            case ["else", "if", *condition]:
                block = f"elif {_expression(condition) or f'refuse({number})'}"
            case ["else"] | ["end"]:
                block = "else" if words == ["else"] else "endif"
            case ["else" | "end" | "range" | "with" | "define" | "block" | "template" | "break", *_]:
                raise self._impossible(action)
            case _:
                known, held_back = _expression(words), f"'\ue000{number}\ue000'"
                value = f"{known} or {held_back}" if known and _variable(words) else known or held_back
                return f"{{{{{left} {value} {right}}}}}"
        return f"\ue001{left} {block} {right}\ue002"

    def check(self, key: str, value: object) -> None:
        """Raise `UsageError` if a value holds something that is held back."""
        if (found := _HELD_BACK.search(json.dumps(value, ensure_ascii=False))) is None:
            return
        path, action, name = self._actions[int(found[1])]
        if name:
            what = f"{path} reads {key} from the environment variable {name}, which is not set"
            raise UsageError(what, f"set {name} as for the stack, or pass --couch URL")
        raise UsageError(f"{path} reads {key} from {{{{{action}}}}}, which only the stack can render", _OTHERWISE)

    def _refuse(self, number: int) -> None:
        raise self._impossible(self._actions[number][1])

    def _impossible(self, action: str) -> UsageError:
        return UsageError(f"{self._path} contains {{{{{action}}}}}, which only the stack can render", _OTHERWISE)


_OTHERWISE = "pass --couch URL, or add a target to provision.yaml"


def _expression(words: Sequence[str]) -> str | None:
    """An expression of Go in the words of Jinja; none if only the stack can tell its value."""
    match words:
        case ["not", one]:
            value = _expression([one])
            return value and f"not {value}"
        case ["or" | "and" | "eq" | "ne" as word, *rest] if len(rest) > 1:
            values = [value for each in rest if (value := _expression([each]))]
            if len(values) < len(rest):
                return None
            if word in ("or", "and"):
                return f"({f' {word} '.join(values)})"
            return f"{values[0]} {'in' if word == 'eq' else 'not in'} ({', '.join(values[1:])},)"
        case [text] if text[:1] in ('"', "`"):
            return repr(text[1:-1]) if "\\" not in text else None
        case _:
            name = _variable(words)
            return None if name is None else f"env({name!r})"


def _variable(words: Sequence[str]) -> str | None:
    """The environment variable that an expression is."""
    match words:
        case [name] if name.startswith(".Env."):
            return name.removeprefix(".Env.")
        case ["index", ".Env", name]:
            return name.strip('"`')
        case _:
            return None
