"""Names of databases: which are valid, and which are a typing mistake for another."""

import pytest

from provisioner.core.targets.target import similar_databases
from tests.conftest import Run

USUAL = "secrets/io-cozy-account_types"


@pytest.mark.parametrize(
    ("name", "other", "alike"),
    [
        (USUAL, "secret/io-cozy-account_types", True),
        (USUAL, "secrets/io-cozy-account-types", True),
        (USUAL, "secrets/io-cozy-account_type", True),
        (USUAL, "secrets/io-cozy-acccount_types", True),
        (USUAL, "secrets/io-cozy-acocunt_types", True),
        (USUAL, "secrest/io-cozy-account_types", True),
        (USUAL, "sacrets/io-cozy-account_types", True),
        (USUAL, "secrets%2Fio-cozy-account_types", True),
        (USUAL, "secrets-io-cozy-account_types", True),
        (USUAL, "secrets_io_cozy_account_types", True),
        ("staging1/io-cozy-account_types", "staging2/io-cozy-account_types", False),
        ("staging/io-cozy-account_types", "staging2/io-cozy-account_types", False),
        ("x1", "x10", False),
        ("x1", "x2", False),
        ("test-1/io-cozy-account_types", "test-12/io-cozy-account_types", False),
        ("eu/io-cozy-account_types", "us/io-cozy-account_types", False),
        ("dev/io-cozy-account_types", "prod/io-cozy-account_types", False),
        (USUAL, "secrets/io-cozy-accounts", False),
        (USUAL, "_users", False),
        (USUAL, USUAL, False),
    ],
)
def test_a_name_that_a_typing_mistake_makes_is_similar(name: str, other: str, alike: bool) -> None:
    assert bool(similar_databases(name, [other])) is alike
    assert bool(similar_databases(other, [name])) is alike


@pytest.mark.parametrize("command", ["diff", "apply", "list", "check", "undo --list"])
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Secrets/io", "Secrets/io cannot be the name of a database"),
        ("1st", "1st cannot be the name of a database"),
        ("a b", "a b cannot be the name of a database"),
        ("secrets%2Fio-cozy-account_types", f"next: write --database {USUAL}"),
    ],
)
def test_an_invalid_name_fails_before_anything_is_asked(run: Run, command: str, name: str, said: str) -> None:
    done = run(*command.split(), "--couch", "http://127.0.0.1:9", "--database", name)
    assert (done.code, said in done.err) == (2, True)
