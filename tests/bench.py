"""Times the commands that people wait for: ``python -m tests.bench``. The median of several runs, never a verdict."""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RUNS = 9
DEFINITION = """\
grant_mode: authorization_code
auth_endpoint: https://provider{number}.example/authorize
token_endpoint: https://provider{number}.example/token
token_mode: basic
redirect_uri: https://oauthcallback.${{domain}}/accounts/provider{number}/redirect
extras:
  access_type: offline
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        catalogue = Path(folder, "account_types")
        catalogue.mkdir()
        for number in range(1000):
            (catalogue / f"provider{number}.yaml").write_text(DEFINITION.format(number=number))
        measure("provision --version", ["--version"], folder, 0.15)
        measure("provision validate, 1000 files", ["validate"], folder, 0.8)


def measure(name: str, arguments: list[str], folder: str, wanted: float) -> None:
    command = [str(Path(sys.executable).with_name("provision")), *arguments]
    seconds = [timed(command, folder) for _ in range(RUNS + 1)][1:]  # the first run warms up
    print(f"{name:32} {statistics.median(seconds):.3f} s (at most {wanted} s wanted)")


def timed(command: list[str], folder: str) -> float:
    started = time.perf_counter()
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
