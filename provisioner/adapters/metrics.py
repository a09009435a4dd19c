"""Metrics for Prometheus: served on a loopback address, or in a file for the node exporter."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge, start_http_server, write_to_textfile

from provisioner.core.errors import UsageError


class Metrics:
    """The gauges of all targets that are watched."""

    def __init__(self) -> None:
        """Nothing is known yet."""
        self._registry = CollectorRegistry()
        self._up = self._gauge("provision_up", "Whether the changes of the target are followed.", "target")
        self._drift = self._gauge("provision_drift", "Account types that others changed.", "target", "id")
        self._last = self._gauge(
            "provision_last_apply_timestamp_seconds", "When the owner last wrote to the target.", "target"
        )
        self._expiry = self._gauge(
            "provision_credential_expiry_timestamp_seconds", "When a client secret expires.", "target", "id"
        )
        self._failed = self._gauge("provision_check_failed", "Checks of the database that failed.", "target", "check")

    def _gauge(self, name: str, help: str, *labels: str) -> Gauge:
        return Gauge(name, help, labels, registry=self._registry)

    def up(self, label: str, up: bool) -> None:
        """Whether a target can be followed."""
        self._up.labels(label).set(up)

    def drift(self, label: str, ids: Iterable[str]) -> None:
        """The account types that others changed; those that are in order have no value."""
        _replace(self._drift, label, dict.fromkeys(ids, 1.0))

    def last_apply(self, label: str, at: float) -> None:
        """When the owner wrote last, in seconds since 1970."""
        self._last.labels(label).set(at)

    def expiry(self, label: str, ends: Mapping[str, float]) -> None:
        """When client secrets expire, by account type, in seconds since 1970."""
        _replace(self._expiry, label, ends)

    def failed(self, label: str, checks: Mapping[str, float]) -> None:
        """How many results of each check failed."""
        _replace(self._failed, label, checks)

    def serve(self, host: str, port: int) -> int:
        """Serve ``/metrics`` in the background, and return the port. Raises `UsageError` if it is taken."""
        try:
            server, _ = start_http_server(port, host, self._registry)
        except OSError as error:
            raise UsageError(
                f"--metrics {host}:{port} cannot be served: {error.strerror}", "choose another port"
            ) from None
        return int(server.server_port)

    def write(self, path: Path) -> None:
        """Write them into a file, whole or not at all. Raises `UsageError`."""
        try:
            write_to_textfile(str(path), self._registry)
        except OSError as error:
            raise UsageError(
                f"{path} cannot be written: {error.strerror}", "name another file with --textfile"
            ) from None


def _replace(gauge: Gauge, target: str, values: Mapping[str, float]) -> None:
    """Set the values of one target, and forget those that are no longer there."""
    for labels in [each.labels for metric in gauge.collect() for each in metric.samples]:
        first, second = labels.values()
        if first == target and second not in values:
            gauge.remove(first, second)
    for name, value in values.items():
        gauge.labels(target, name).set(value)
