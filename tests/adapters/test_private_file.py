"""Files that only we may read, and folders that others can write."""

import os
import stat
import sys
import threading
from pathlib import Path

import pytest

from provisioner.adapters.files.private_file import (
    locked,
    refuse_foreign_link,
    why_not_writable,
    write_private,
    write_result,
)
from provisioner.adapters.files.saved_files import looks_in
from provisioner.adapters.monitoring import Metrics
from provisioner.core.errors import UsageError
from tests.conftest import make_pipe, write

STRANGER = 54321
"""Some other user."""


class Stranger(type(Path())):  # type: ignore[misc]  # the class of paths of this system
    """Paths in a folder where links belong to another user; only root could make such a link."""

    def lstat(self) -> os.stat_result:
        values = list(super().lstat())
        values[stat.ST_UID] = STRANGER
        return os.stat_result(values)


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(0o1777)
    return folder


def test_a_private_file_is_ours_alone_from_its_first_byte(tmp_path: Path) -> None:
    path = tmp_path / "new/secret"
    write_private(path, "hush")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["secret"]


@pytest.mark.parametrize("place", ["secret", "folder/secret"])
def test_a_link_of_another_user_in_a_shared_folder_is_refused(shared: Path, place: str) -> None:
    target = shared / "of-others"
    target.mkdir()
    os.symlink(target / "x" if place == "secret" else target, shared / place.partition("/")[0])
    with pytest.raises(OSError, match="another user's link") as refused:
        refuse_foreign_link(Stranger(shared / place))
    assert refused.value.filename == str(shared / place.partition("/")[0])
    refuse_foreign_link(shared / place)
    shared.chmod(0o755)
    refuse_foreign_link(Stranger(shared / place))


def test_our_own_link_is_followed_inside_its_folder_only(shared: Path, tmp_path: Path) -> None:
    os.symlink("real", shared / "inside")
    write_private(shared / "inside", "hush")
    assert (shared / "real").read_text("utf-8") == "hush"
    os.symlink(write(tmp_path / "victim", "mine"), shared / "outside")
    with pytest.raises(OSError, match="leads out of its folder"):
        write_private(shared / "outside", "hush")
    assert (tmp_path / "victim").read_text("utf-8") == "mine"


@pytest.mark.parametrize("name", ["loop", "a/b/c", "x" * 300, "file/x"])
def test_a_path_that_cannot_be_written_has_a_reason(tmp_path: Path, name: str) -> None:
    os.symlink("loop", tmp_path / "loop")
    write(tmp_path / "file", "")
    assert bool(why_not_writable(tmp_path / name)) is (name != "a/b/c")


def test_a_pipe_in_the_place_of_a_result_does_not_hold_the_run(shared: Path) -> None:
    make_pipe(shared / "plan.json")
    with pytest.raises(UsageError, match="neither a file nor a folder"):
        write_result(shared / "plan.json", "{}", lambda _: True, force=False)


def test_a_lock_is_ours_alone_and_is_not_waited_for_without_end(tmp_path: Path) -> None:
    path, waited = tmp_path / "new/lock", []
    with locked(path, 0):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        ended = threading.Thread(target=lambda: waited.append(_wait(path)))
        ended.start()
        ended.join()
    assert waited == ["another process has held the lock for more than 0.05 s"]
    with locked(path, 0):
        pass


def _wait(path: Path) -> str:
    try:
        with locked(path, 0.05):
            return "held"
    except TimeoutError as error:
        return str(error.strerror)


def test_a_lock_does_not_follow_a_link(shared: Path, tmp_path: Path) -> None:
    os.symlink(write(tmp_path / "victim", "mine"), shared / "lock")
    with pytest.raises(OSError, match=r"symbolic link|lock"), locked(shared / "lock", 0):
        pass
    assert (tmp_path / "victim").read_text("utf-8") == "mine"


@pytest.mark.parametrize("kind", ["of another user", "that others can write", "pipe", "link to another folder"])
def test_a_state_that_others_could_have_written_is_refused(shared: Path, kind: str) -> None:
    path = shared / "state.json"
    if kind == "pipe":
        make_pipe(path)
    elif kind == "link to another folder":
        write(shared / "of-others/state.json", '{"form": "provision drift 1", "looks": {}}').chmod(0o666)
        path.symlink_to("of-others/state.json")
    else:
        write(path, '{"form": "provision drift 1", "looks": {}}').chmod(0o666 if "write" in kind else 0o600)
    if kind == "of another user":
        if sys.platform == "win32":
            raise NotImplementedError
        if os.getuid() != 0:
            path.chmod(0o666)  # nobody else can give a file away
        else:
            os.chown(path, STRANGER, STRANGER)
    with pytest.raises(UsageError, match=r"cannot be read: (it|other)"):
        looks_in(path)


def test_metrics_are_written_where_no_link_leads(shared: Path, tmp_path: Path) -> None:
    victim = write(tmp_path / "victim", "mine")
    os.symlink(victim, shared / "provision.prom")
    with pytest.raises(UsageError, match="cannot be written"):
        Metrics().write(shared / "provision.prom")
    Metrics().write(shared / "own.prom")
    assert victim.read_text("utf-8") == "mine"
    assert sorted(path.name for path in shared.iterdir()) == ["own.prom", "provision.prom"]
