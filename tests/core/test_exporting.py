"""Exported definitions: where each goes, and what it keeps."""

import unicodedata
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from provisioner.adapters.files import shipped
from provisioner.adapters.files.definition_writer import CREDENTIALS, write_catalogue
from provisioner.adapters.files.definitions import read_sources
from provisioner.adapters.files.shipped import DOMAINS
from provisioner.commands import validate
from provisioner.core.definitions.account_type import conceal
from provisioner.core.definitions.schema_check import schema_check
from provisioner.core.errors import SafetyLimit, UsageError
from provisioner.core.importing.exporting import Exported, export
from provisioner.core.plan.store import Live

CHECK = schema_check(shipped.schema())
ODD = ["€", " AC", "Google", "google", "GOOGLE", "con", "COM1", "a.", "a ", "nul.txt", "caf\u00e9", "cafe\u0301", "ß", "ss", "\u017f", "s",
       "K", "\u212a", "a/b", "a/B", "a/b/c", ".hidden", "..", "../x", "%E2%82%AC", "%20AC", "x" * 300, "X" * 300, "account_types",
       "account_types/a", "con/a", "a~b", "a_b", "a%2Eb", "a.b", "-", "~", "a.yaml", "a", "a.yaml/b", "Account_Types/a", "a" * 199, "\u0130", "i\u0307"]  # fmt: skip
IDS = st.sets(st.sampled_from(ODD) | st.text(st.characters(exclude_categories=["Cs"]), min_size=1), max_size=12)


def exported(*ids: str) -> list[Exported]:
    return export((Live(id, "1-a", conceal({"grant_mode": "secret", "slug": "a"})) for id in ids), CHECK)


@given(IDS)
def test_no_two_ids_share_a_file_and_each_comes_back(ids: set[str]) -> None:
    found = exported(*ids)
    paths = {unicodedata.normalize("NFC", each.path).casefold() for each in found}
    assert len(paths) == len(ids)
    folders = {path.rpartition("/")[0] for path in paths}
    assert not folders & paths
    for each in found:
        parts = each.path.removesuffix(".yaml").split("/")
        assert len(parts) <= 2
        assert each.path.isascii()
        for part in parts:
            assert not part.startswith(".")
            assert not part.endswith((".", " "))
            assert part.partition(".")[0].casefold() not in ("con", "prn", "aux", "nul", "com1")
            assert len(part) <= 200


@settings(max_examples=30)
@example(ids=set(ODD))
@given(IDS.filter(bool))
def test_what_is_exported_is_read_back_with_the_same_ids(ids: set[str]) -> None:
    with TemporaryDirectory() as folder:
        write_catalogue(Path(folder), exported(*ids), with_secrets=False, force=False)
        sources = read_sources([Path(folder)])
    read = validate.run(sources, CHECK, dict[str, str]().get, need_values=False, domains=DOMAINS)
    assert {definition.id for definition in read.definitions} == ids


def test_an_unknown_live_field_is_named_and_its_value_is_not_written(tmp_path: Path) -> None:
    live = Live("a", "1-a", conceal({"grant_mode": "secret", "slug": "a", "clientSecret": "hush"}))
    found = export([live], CHECK)
    (path,) = write_catalogue(tmp_path, found, with_secrets=False, force=False)
    assert "clientSecret" in path.read_text()
    assert "hush" not in path.read_text()


def leads_out(folder: Path) -> None:
    (folder.parent / "outside").mkdir()
    (folder / "foobar").symlink_to(folder.parent / "outside")


def leads_to_a_file(folder: Path) -> None:
    (folder.parent / "victim").write_text("before")
    (folder / "google.yaml").symlink_to(folder.parent / "victim")


def leads_nowhere(folder: Path) -> None:
    (folder / "google.yaml").symlink_to(folder / "nothing")


def goes_round(folder: Path) -> None:
    (folder / "google.yaml").symlink_to(folder / "google.yaml")


def credentials_lead_out(folder: Path) -> None:
    (folder / CREDENTIALS).symlink_to(folder.parent / "stolen")


@pytest.mark.parametrize("link", [leads_out, leads_to_a_file, leads_nowhere, goes_round, credentials_lead_out])
@pytest.mark.parametrize("force", [True, False])
def test_nothing_is_written_through_a_link_that_leads_out_or_nowhere(tmp_path: Path, link: object, force: bool) -> None:
    folder = tmp_path / "catalogue"
    folder.mkdir()
    assert callable(link)
    link(folder)
    before = {path: path.read_text() for path in tmp_path.rglob("*") if path.is_file()}
    fields = conceal({"grant_mode": "secret", "slug": "a", "secret": "hush"})
    found = export([Live(id, "1-a", fields) for id in ("apple", "google", "foobar/google")], CHECK)
    with pytest.raises(UsageError if force or link is leads_out else SafetyLimit):
        write_catalogue(folder, found, with_secrets=True, force=force)
    assert {path: path.read_text() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_number_that_no_file_can_hold_is_left_out() -> None:
    fields = conceal({"grant_mode": "secret", "slug": "a", "secret": {"x": [1, float("-inf")]}})
    (exported,) = export([Live("a", "1-a", fields)], CHECK, with_secrets=True)
    assert not exported.credentials
    assert exported.warnings == ("left out: secret is a value with a number that JSON does not have",)


def test_credentials_can_be_read_by_nobody_else(tmp_path: Path) -> None:
    fields = conceal({"grant_mode": "secret", "slug": "a", "secret": "hush"})
    write_catalogue(tmp_path, export([Live("a", "1-a", fields)], CHECK), with_secrets=True, force=False)
    assert (tmp_path / CREDENTIALS).stat().st_mode & 0o777 == 0o600
