"""Fetches the metadata that a provider publishes."""

import json
from collections.abc import Sequence
from typing import Any

import httpx

from provisioner.core.errors import ProvisionError

LIMIT = 15.0
"""Seconds for each address."""

MOST_BYTES = 1024 * 1024


def fetch_metadata(urls: Sequence[str]) -> dict[str, Any]:
    """The first metadata that one of some addresses gives. Raises `ProvisionError` where none does."""
    troubles = []
    with httpx.Client(timeout=LIMIT, headers={"Accept": "application/json"}) as client:
        for url in urls:
            try:
                return _fetch(client, url)
            except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
                troubles.append(f"{url}: {str(error) or type(error).__name__}")
    what = "the provider publishes no metadata:"
    raise ProvisionError(what, "name its issuer, or write the definition by hand", (f"  {each}" for each in troubles))


def _fetch(client: httpx.Client, url: str) -> dict[str, Any]:
    with client.stream("GET", url) as response:
        if response.status_code != httpx.codes.OK:
            raise ValueError(f"it answers {response.status_code}")
        content = b""
        for chunk in response.iter_bytes():
            content += chunk
            if len(content) > MOST_BYTES:
                raise ValueError("it answers more than 1 MiB")
    try:
        metadata = json.loads(content)
    except (ValueError, RecursionError):
        metadata = None
    if isinstance(metadata, dict):
        return metadata
    raise ValueError("it answers no JSON object")
