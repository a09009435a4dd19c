"""Metrics for Prometheus: served on a loopback address, or in a file for the node exporter."""

import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge, generate_latest, start_http_server

from provisioner.adapters.files.private_file import write_whole
from provisioner.core.errors import explained


class Metrics:
    """The gauges of all targets that are followed."""

    def __init__(self) -> None:
        """Nothing is known yet."""
        self._registry = CollectorRegistry()
        self._up = self._gauge("provision_up", "Whether the last look at the target succeeded.", "target")
        self._drift = _Series(
            self._gauge("provision_drift", "Account types that someone else changed.", "target", "id")
        )
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

    def _gauge(self, name: str, help: str, *labels: str) -> Gauge:
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
        with explained(f"--metrics {host}:{port} cannot be served", "choose another port"):
            server, _ = start_http_server(port, host, self._registry)
        return int(server.server_port)

    def write(self, path: Path) -> None:
        """Write them into a file, whole or not at all. Raises `UsageError`."""
        with explained(f"{path} cannot be written", "choose another file with --textfile"), self._writing:
            write_whole(path, generate_latest(self._registry).decode())


class _Series:
    """A gauge with one value for each name of a target: what a target no longer has, it forgets."""

    def __init__(self, gauge: Gauge) -> None:
        self._gauge = gauge
        self._names: dict[str, set[str]] = defaultdict(set)

    def replace(self, target: str, values: Mapping[str, float]) -> None:
        for name in self._names[target] - values.keys():
            self._gauge.remove(target, name)
        self._names[target] = set(values)
        for name, value in values.items():
            self._gauge.labels(target, name).set(value)
