"""Takes CouchDB's address from the configuration of a cozy-stack.

Source: ``pkg/config/config/config.go`` of the stack: the section ``couchdb`` with ``url``, ``root_ca``,
``client_cert`` and ``client_key``; the file is a Go template in which ``{{.Env.NAME}}`` is an environment variable.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from provisioner.adapters.files.text_files import parse, read_limited
from provisioner.core.definitions.node import MappingNode, to_json
from provisioner.core.definitions.problem import Problem
from provisioner.core.errors import InvalidFile, UsageError
from provisioner.core.targets.target import Target, Tls

_VARIABLE = re.compile(r"\{\{-?\s*\.Env\.([A-Za-z_][A-Za-z0-9_]*)\s*-?\}\}")
_UNSET = re.compile("\ue000(\\w+)\ue000")
"""Stands for a variable without a value: a text that YAML takes anywhere."""

_UNSAFE = ("pinned_key", "insecure_skip_validation")


def read_cozy_config(path: Path, environment: Mapping[str, str]) -> Target:
    """The target that the stack's own configuration names. Raises `UsageError` or `InvalidFile`."""
    shown = path.as_posix()
    try:
        text = read_limited(path).decode()
    except OSError as error:
        raise UsageError(f"{shown} cannot be read: {error.strerror}", "name the stack's cozy.yml") from None
    except UnicodeDecodeError:
        raise UsageError(f"{shown} is not UTF-8", "name the stack's cozy.yml") from None
    filled = _VARIABLE.sub(lambda match: environment.get(match[1], f"\ue000{match[1]}\ue000"), text)
    reading = parse(filled.encode(errors="replace"))
    if reading.node is None or reading.faults:
        raise InvalidFile(tuple(Problem.of(shown, fault) for fault in reading.faults), "name the stack's cozy.yml")
    entry = reading.node.get("couchdb")
    section = to_json(entry.value) if entry and isinstance(entry.value, MappingNode) else {}
    assert isinstance(section, dict)
    for key in _UNSAFE:
        if section.get(key):
            raise UsageError(f"{shown} sets couchdb.{key}, which is not supported", "write a target in provision.yaml")
    given = {key: section.get(key) for key in ("url", "root_ca", "client_cert", "client_key")}
    texts = {key: value for key, value in given.items() if isinstance(value, str) and value}
    for key, value in texts.items():
        if unset := _UNSET.search(value):
            what = f"{shown} takes couchdb.{key} from the environment variable {unset[1]}, which is not set"
            raise UsageError(what, f"set {unset[1]} as for the stack, or name the server with --couch")
    tls = Tls(texts.get("root_ca"), texts.get("client_cert"), texts.get("client_key"))
    return Target(couch=texts.get("url", "http://localhost:5984/"), tls=tls)
