"""Fetches the metadata that a provider publishes."""

import json
from collections.abc import Sequence
from typing import Any

import httpx

from provisioner.adapters.oauth.limited_http import fetch
from provisioner.core.errors import ProvisionError

LIMIT = 15.0
"""Seconds for each address, all of its answer."""


def fetch_metadata(urls: Sequence[str]) -> dict[str, Any]:
    """The first metadata that one of some addresses gives. Raises `ProvisionError` if none does."""
    troubles = []
    for url in urls:
        try:
            return _fetch(url)
        except TimeoutError:
            troubles.append(f"{url}: no answer within {LIMIT:g} s")
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            troubles.append(f"{url}: {str(error) or type(error).__name__}")
    what = "the provider publishes no metadata:"
    raise ProvisionError(what, "name its issuer, or write the definition by hand", (f"  {each}" for each in troubles))


def _fetch(url: str) -> dict[str, Any]:
    answer = fetch("GET", url, {"Accept": "application/json"}, LIMIT)
    if answer.status != httpx.codes.OK:
        raise ValueError(f"it answers {answer.status}")
    if answer.cut:
        raise ValueError("it answers more than 1 MiB")
    try:
        metadata = json.loads(answer.body)
    except (ValueError, RecursionError):
        metadata = None
    if isinstance(metadata, dict):
        return metadata
    raise ValueError("it answers no JSON object")
