"""Where drift is reported beside the terminal: a webhook, and metrics for Prometheus."""

import json
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from provisioner.adapters.files.private_file import write_whole
from provisioner.adapters.http.client import Budget, Call, HttpClient, read_url
from provisioner.adapters.http.trouble import NoAnswer, Trouble
from provisioner.core.errors import ProvisionError, UsageError, explained

if TYPE_CHECKING:  # 60 ms, and only metrics need it
    from prometheus_client import Gauge


class Metrics:
    """The gauges of all targets that are followed."""

    def __init__(self) -> None:
        """Nothing is known yet."""
        from prometheus_client import CollectorRegistry  # as above

        self._registry = CollectorRegistry()
        self._up = self._gauge("provision_up", "Whether the last look at the target succeeded.", "target")
        self._drift = _Series(self._gauge("provision_drift", "Documents that someone else changed.", "target", "id"))
        self._last = self._gauge(
            "provision_last_apply_timestamp_seconds", "When the owner last wrote to the target.", "target"
        )
        self._expiry = _Series(
            self._gauge(
                "provision_credential_expiry_timestamp_seconds", "When a client secret expires.", "target", "id"
            )
        )
        self._failed = _Series(
            self._gauge("provision_check_failed", "Checks of the database that failed.", "target", "check")
        )
        self._writing = threading.Lock()

    def _gauge(self, name: str, help: str, *labels: str) -> "Gauge":
        from prometheus_client import Gauge  # as above

        return Gauge(name, help, labels, registry=self._registry)

    def looked(self, target: str, *, up: bool, drift: Iterable[str], last_apply: float) -> None:
        """What the last look found: the account types that others changed, and when the owner wrote last (0: unknown).

        An empty id stands for the database itself. Those that are in order have no value.
        """
        self._up.labels(target).set(up)
        self._drift.replace(target, dict.fromkeys(drift, 1.0))
        if last_apply:
            self._last.labels(target).set(last_apply)

    def checked(self, target: str, ends: Mapping[str, float], failed: Mapping[str, float]) -> None:
        """When client secrets expire, by account type, and how many results of each check failed."""
        self._expiry.replace(target, ends)
        self._failed.replace(target, failed)

    def serve(self, host: str, port: int) -> int:
        """Serve ``/metrics`` in the background, and return the port. Raises `UsageError` if it is taken."""
        from prometheus_client import start_http_server  # as above

        with explained(f"--metrics {host}:{port} cannot be served", "choose another port"):
            server, _ = start_http_server(port, host, self._registry)
        return int(server.server_port)

    def write(self, path: Path) -> None:
        """Write them into a file, whole or not at all. Raises `UsageError`."""
        from prometheus_client import generate_latest  # as above

        with explained(f"{path} cannot be written", "choose another file with --textfile"), self._writing:
            write_whole(path, generate_latest(self._registry).decode())


class _Series:
    """A gauge with one value for each name of a target: what a target no longer has, it forgets."""

    def __init__(self, gauge: "Gauge") -> None:
        self._gauge = gauge
        self._names: dict[str, set[str]] = defaultdict(set)

    def replace(self, target: str, values: Mapping[str, float]) -> None:
        for name in self._names[target] - values.keys():
            self._gauge.remove(target, name)
        self._names[target] = set(values)
        for name, value in values.items():
            self._gauge.labels(target, name).set(value)


PAUSES = (0.0, 1.0, 2.0, 4.0)
"""Seconds before each try."""

_STATUS_ONLY = Budget(0, cut=True)


class Webhook:
    """One address, which is a secret but for its host, and the seconds that a message has with all its tries."""

    def __init__(self, url: str, timeout: float) -> None:
        """Raises `UsageError` for a text that is not an address."""
        read = read_url(url)
        if read is None:
            raise UsageError("webhook in provision.yaml is not a URL", "write it as https://…, or set its variable")
        self._url, self._timeout = read, timeout
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
                trouble = error.trouble.name.lower().replace("_", " ")
                why = "it does not answer in time" if error.trouble is Trouble.TIME else f"no answer ({trouble})"
                continue
            if 200 <= status < 300:
                return
            why = f"it answers {status}"
            if status < 500 and status != 429:
                break
        what = f"a message could not be posted to the webhook at {self._url.hostname}: {why}"
        raise ProvisionError(what, "the next check reports it again")
