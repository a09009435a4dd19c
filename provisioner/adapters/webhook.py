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
        self._url, self._port = _read(url)
        self._timeout = timeout
        self._client = HttpClient(connections=8)

    def post(self, message: object) -> None:
        """Post a message (JSON). Raises `ProvisionError` unless it is accepted."""
        end = time.monotonic() + self._timeout
        call = self._call(json.dumps(message).encode())
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

    def _call(self, body: bytes) -> Call:
        url = self._url
        host = url.hostname or ""
        shown = f"[{host}]" if ":" in host else host
        headers = [
            (b"Host", (f"{shown}:{url.port}" if url.port else shown).encode()),
            (b"Content-Type", b"application/json"),
            (b"Content-Length", str(len(body)).encode()),
            (b"User-Agent", b"provision"),
        ]
        target = (url.path or "/") + (f"?{url.query}" if url.query else "")
        return Call("POST", url.scheme, host, self._port, target.encode(), headers, body)


def _read(text: str) -> tuple[SplitResult, int]:
    """The parts of an address and its port. Raises `UsageError`."""
    try:
        url = urlsplit(text)
        host = (url.hostname or "").encode("idna").decode()
        port = url.port or (443 if url.scheme == "https" else 80)
        (url.path + url.query).encode("ascii")
    except (ValueError, UnicodeError):
        url, host, port = urlsplit(""), "", 0
    if url.scheme not in ("http", "https") or not host or unseen(text) or (":" not in host and unusable_host(host)):
        raise UsageError("webhook in provision.yaml is not a URL", "write it as https://…, or set its variable")
    return url, port
