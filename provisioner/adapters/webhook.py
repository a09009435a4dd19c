"""Posts messages to a webhook."""

import json
import time
from urllib.parse import SplitResult, urlsplit

from provisioner.adapters.http.client import Budget, Call, HttpClient
from provisioner.adapters.http.trouble import NoAnswer, Trouble
from provisioner.core.definitions.domains import unusable_host
from provisioner.core.errors import ProvisionError, UsageError
from provisioner.core.text import unseen

PAUSES = (0.0, 1.0, 2.0, 4.0)
"""Seconds before each try."""

_STATUS_ONLY = Budget(0, cut=True)


class Webhook:
    """One address, which is a secret but for its host, and the seconds that a message has with all its tries."""

    def __init__(self, url: str, timeout: float) -> None:
        """Raises `UsageError` for a text that is not an address."""
        self._url = _read(url)
        self._timeout = timeout
        self._client = HttpClient(connections=8)

    def post(self, message: object) -> None:
        """Post a message (JSON). Raises `ProvisionError` unless it is accepted."""
        end = time.monotonic() + self._timeout
        call = Call.to("POST", self._url, [(b"User-Agent", b"provision")], json.dumps(message).encode())
        why = "it does not answer in time"
        for pause in PAUSES:
            if time.monotonic() + pause >= end:
                break
            time.sleep(pause)
            try:
                status = self._client.send(call, lambda: end - time.monotonic(), _STATUS_ONLY).status
            except NoAnswer as error:
                why = "it does not answer in time" if error.trouble is Trouble.TIME else f"no answer ({error.trouble})"
                continue
            if 200 <= status < 300:
                return
            why = f"it answers {status}"
            if status < 500 and status != 429:
                break
        what = f"a message could not be posted to the webhook at {self._url.hostname}: {why}"
        raise ProvisionError(what, "the next check reports it again")


def _read(text: str) -> SplitResult:
    """The parts of an address. Raises `UsageError`."""
    try:
        url = urlsplit(text)
        host = Call.to("POST", url, (), None).host
    except (ValueError, UnicodeError):
        url, host = urlsplit(""), ""
    if url.scheme not in ("http", "https") or not host or unseen(text) or (":" not in host and unusable_host(host)):
        raise UsageError("webhook in provision.yaml is not a URL", "write it as https://…, or set its variable")
    return url
