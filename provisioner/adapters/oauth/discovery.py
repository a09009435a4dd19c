"""Fetches the metadata that a provider publishes."""

from collections.abc import Sequence
from typing import Any

from provisioner.adapters.http.trouble import NoAnswer, of_provider
from provisioner.adapters.oauth.fetching import fetch
from provisioner.core.errors import ProvisionError
from provisioner.core.outside_json import read_json

LIMIT = 15.0
"""Seconds for each address, all of its answer."""


def fetch_metadata(urls: Sequence[str]) -> dict[str, Any]:
    """The first metadata that one of some addresses gives. Raises `ProvisionError` if none does."""
    troubles = []
    for url in urls:
        try:
            return _fetch(url)
        except NoAnswer as error:
            what, _ = of_provider(error, url)
            troubles.append(what)
        except ValueError as error:
            troubles.append(f"{url} {error}")
    what = "the provider publishes no metadata:"
    raise ProvisionError(what, "name its issuer, or write the definition by hand", (f"  {each}" for each in troubles))


def _fetch(url: str) -> dict[str, Any]:
    answer = fetch("GET", url, {"Accept": "application/json"}, LIMIT)
    if answer.status != 200:
        raise ValueError(f"answers {answer.status}")
    if answer.cut:
        raise ValueError("answers more than 1 MiB")
    try:
        metadata = read_json(answer.body)
    except ValueError:
        metadata = None
    if isinstance(metadata, dict):
        return metadata
    raise ValueError("answers something else than a JSON object")
