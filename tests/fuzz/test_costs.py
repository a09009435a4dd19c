"""No text from outside costs more than linear time, or ends in an exception: see `costs`."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROUNDS = "200" if os.environ.get("FAULTS") == "full" else "1"


@pytest.mark.parametrize("arguments", [["--named"], ["1", ROUNDS]], ids=["named", "by chance"])
def test_a_text_of_any_shape_is_read_in_bounded_time_and_memory(arguments: list[str]) -> None:
    command = [sys.executable, "-m", "tests.fuzz.costs", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr[-3000:]
