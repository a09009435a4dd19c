"""The endpoints that three independent projects know, by the name each of them uses."""

import json
import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tests.catalogue.static_values import UNKNOWN, classes, member

GRANT_FOLDER = Path(__file__).parent / "sources"
_GRANT = GRANT_FOLDER / "node_modules" / "grant" / "config" / "oauth.json"
_VARIABLE = re.compile(r"\$\{\w+(?::-(?P<default>[^}]*)|[^}]*)\}")
_PLACEHOLDER = re.compile(r"\[\w+\]|\{\w+\}")
_VERSION = re.compile(r"v?(\d+(\.\d+)*|\*)")


class NotInstalledError(Exception):
    pass


@dataclass(frozen=True)
class Endpoint:
    """Host and path of a URL; ``*`` stands for what every tenant has of its own."""

    host: str
    path: tuple[str, ...]

    @classmethod
    def of(cls, url: str) -> "Endpoint":
        """The endpoint of a URL of ours or of a source."""
        text = _VARIABLE.sub(lambda found: found["default"] or UNKNOWN, url)
        text = _PLACEHOLDER.sub(UNKNOWN, text).partition("?")[0]
        host, _, path = text.removeprefix("https://").partition("/")
        return cls(host, tuple(path.split("/")))

    def without_version(self) -> "Endpoint":
        return Endpoint(self.host, tuple(part for part in self.path if not _VERSION.fullmatch(part)))

    def fits(self, other: "Endpoint") -> bool:
        """Whether both can be the same."""
        return (
            _fits(self.host, other.host)
            and len(self.path) == len(other.path)
            and all(_fits(mine, theirs) for mine, theirs in zip(self.path, other.path, strict=True))
        )


@dataclass(frozen=True)
class Endpoints:
    authorize: Endpoint
    token: Endpoint

    @classmethod
    def of(cls, authorize: str, token: str) -> "Endpoints":
        return cls(Endpoint.of(authorize), Endpoint.of(token))

    def agree(self, other: "Endpoints", *, any_version: bool = False) -> bool:
        """Whether both pairs can be the same, any version segment in the path if asked for."""
        mine, theirs = (self, other) if not any_version else (self.without_version(), other.without_version())
        return mine.authorize.fits(theirs.authorize) and mine.token.fits(theirs.token)

    def without_version(self) -> "Endpoints":
        return Endpoints(self.authorize.without_version(), self.token.without_version())


def _fits(mine: str, theirs: str) -> bool:
    return fnmatchcase(mine, theirs) or fnmatchcase(theirs, mine)


def all_sources() -> dict[str, dict[str, Endpoints]]:
    """What each source knows."""
    return {"grant": grant(), "social-auth-core": social_auth_core(), "django-allauth": django_allauth()}


def grant() -> dict[str, Endpoints]:
    """The OAuth 2 providers of grant."""
    if not _GRANT.is_file():
        raise NotInstalledError(f"grant is not installed: run npm ci in {GRANT_FOLDER}")
    providers: dict[str, dict[str, Any]] = json.loads(_GRANT.read_text(encoding="utf-8"))
    return {
        name: Endpoints.of(provider["authorize_url"], provider["access_url"])
        for name, provider in providers.items()
        if provider.get("oauth") == 2
    }


def social_auth_core() -> dict[str, Endpoints]:
    """The OAuth 2 backends of social-auth-core that state their endpoints."""
    known = {}
    for path in sorted((_package("social_core") / "backends").glob("*.py")):
        for names in classes(path):
            authorize, token = member(names, "AUTHORIZATION_URL"), member(names, "ACCESS_TOKEN_URL")
            if UNKNOWN not in {authorize, token, member(names, "name")} and "REQUEST_TOKEN_URL" not in names:
                known[member(names, "name")] = Endpoints.of(authorize, token)
    return known


def django_allauth() -> dict[str, Endpoints]:
    """The OAuth 2 providers of django-allauth, by folder."""
    known = {}
    for path in sorted((_package("allauth") / "socialaccount" / "providers").glob("*/views.py")):
        for names in classes(path):
            authorize, token = member(names, "authorize_url"), member(names, "access_token_url")
            if UNKNOWN not in {authorize, token} and "request_token_url" not in names:
                known[path.parent.name] = Endpoints.of(authorize, token)
    return known


def _package(name: str) -> Path:
    """The folder of an installed package, which is not imported."""
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise NotInstalledError(f"{name} is not installed: run pip install -e '.[dev]'")
    return Path(spec.origin).parent
