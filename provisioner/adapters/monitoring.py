"""Where drift is reported beside the terminal: a webhook, and metrics for Prometheus."""

import json
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, cast

from provisioner.adapters.files.private_file import write_whole
from provisioner.adapters.http.client import Budget, Call, HttpClient, read_url
from provisioner.adapters.http.trouble import NoAnswer, Trouble
from provisioner.core.errors import ProvisionError, UsageError, explained

if TYPE_CHECKING:  # 60 ms, and only metrics need it
    from prometheus_client.core import Metric
    from prometheus_client.registry import Collector


_GAUGES: dict[str, tuple[str, ...]] = {
    "provision_up": ("Whether the last look at the target succeeded.",),
    "provision_drift": ("Documents that someone else changed.", "id"),
    "provision_last_apply_timestamp_seconds": ("When the owner last wrote to the target.",),
    "provision_credential_expiry_timestamp_seconds": ("When a client secret expires.", "id"),
    "provision_check_failed": ("Checks of the database that failed.", "check"),
}
"""What each gauge says, and its label beside the target."""


class Metrics:
    """The gauges of all targets that are followed: what a target no longer has, they forget."""

    def __init__(self) -> None:
        """Nothing is known yet."""
        from prometheus_client import CollectorRegistry  # as above

        self._values: dict[tuple[str, str], Mapping[str, float]] = {}
        self._registry = CollectorRegistry()
        self._registry.register(cast("Collector", self))
        self._writing = threading.Lock()

    def collect(self) -> Iterator["Metric"]:
        """All gauges, as the library asks for them."""
        from prometheus_client.core import GaugeMetricFamily  # as above

        for name, (help, *label) in _GAUGES.items():
            family = GaugeMetricFamily(name, help, labels=["target", *label])
            for (gauge, target), values in list(self._values.items()):
                for key, value in values.items() if gauge == name else ():
                    family.add_metric([target, *([key] if label else ())], value)
            yield family

    def looked(self, target: str, *, up: bool, drift: Iterable[str], last_apply: float) -> None:
        """What the last look found: the account types that others changed, and when the owner wrote last (0: unknown).

        An empty id stands for the database itself. Those that are in order have no value.
        """
        self._values["provision_up", target] = {"": up}
        self._values["provision_drift", target] = dict.fromkeys(drift, 1.0)
        if last_apply:
            self._values["provision_last_apply_timestamp_seconds", target] = {"": last_apply}

    def checked(self, target: str, ends: Mapping[str, float], failed: Mapping[str, float]) -> None:
        """When client secrets expire, by account type, and how many results of each check failed."""
        self._values["provision_credential_expiry_timestamp_seconds", target] = ends
        self._values["provision_check_failed", target] = failed

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
