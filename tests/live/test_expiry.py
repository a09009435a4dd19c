"""Client secrets that expire, as the credential sources say."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from tests.conftest import Run, write
from tests.live_server import Live
from tests.outputs import only

GOOGLE = """\
grant_mode: authorization_code
auth_endpoint: https://a.example/authorize
token_endpoint: https://a.example/token
"""


@pytest.fixture(autouse=True)
def one_day() -> None:
    """No test begins at the end of a day and ends on the next one."""
    while (now := datetime.now(UTC)).hour == 23 and now.minute == 59:
        time.sleep(1)


def day(offset: int) -> str:
    return (datetime.now(UTC).date() + timedelta(days=offset)).isoformat()


@pytest.fixture
def place(folder: Path, live: Live) -> Path:
    write(folder / "account_types/google.yaml", GOOGLE)
    row = {"couch": live.url, "database": live.database, "credentials": [{"file": "credentials.yaml"}]}
    write(folder / "provision.yaml", yaml.safe_dump({"targets": {"one": row}}))
    return folder


def credentials(folder: Path, end: object) -> None:
    google = {"client_id": "a", "client_secret": "hush-marker", "client_secret_expires_at": end}
    write(folder / "credentials.yaml", yaml.safe_dump({"google": google})).chmod(0o600)


@pytest.mark.parametrize(
    ("days", "said", "code"),
    [
        (31, "", 0),
        (30, "client_secret expires in 30 days, on ", 0),
        (14, "client_secret expires soon: in 14 days, on ", 0),
        (3, "client_secret EXPIRES in 3 days, on ", 0),
        (0, "client_secret EXPIRES today, on ", 0),
        (-1, "client_secret EXPIRED on ", 1),
    ],
)
def test_it_is_told_in_time(place: Path, live: Live, run: Run, days: int, said: str, code: int) -> None:
    credentials(place, day(days))
    done = run("apply", "--target", "one")
    assert done.code == 0
    assert "client_secret_expires_at" not in live.get("google")
    told = run("diff", "--target", "one").err
    assert f"warning: google: {said}{day(days)}\n" in told if said else "expire" not in told.lower()
    live.http.put(f"{live.path}/_security", json={"members": {"roles": ["_admin"]}}).raise_for_status()
    checks = only(run("check", "--target", "one", "--format", "json").out)["checks"]
    found = [(each["account_type"], each["result"], each["message"]) for each in checks if each["check"] == "expiry"]
    result = "failed" if code else "warning"
    assert found == ([("google", result, f"{said}{day(days)}")] if said else [])


@pytest.mark.parametrize("end", [0, "0", 4102444800])
def test_never_and_far_away_are_not_told(place: Path, run: Run, end: object) -> None:
    credentials(place, end)
    assert "expire" not in run("apply", "--target", "one").err.lower()


def test_seconds_are_read_too(place: Path, run: Run) -> None:
    credentials(place, 1000000000)
    assert "warning: google: client_secret EXPIRED on 2001-09-09\n" in run("diff", "--target", "one").err


def test_the_environment_says_it_too(folder: Path, live: Live, run: Run) -> None:
    write(folder / "account_types/google.yaml", GOOGLE)
    names = {"CLIENT_ID": "a", "CLIENT_SECRET": "b", "CLIENT_SECRET_EXPIRES_AT": day(1)}
    environment = {f"ACCOUNT_TYPE_GOOGLE_{name}": value for name, value in names.items()}
    done = run("apply", "--couch", live.url, "--database", live.database, env=environment)
    assert f"warning: google: client_secret EXPIRES in 1 day, on {day(1)}\n" in done.err
    assert live.get("google").keys() >= {"client_id", "client_secret"}


@pytest.mark.parametrize(
    ("end", "date"),
    [("hush-marker", "2027-01-31"), (20280229, "2028-02-29"), ("20280229", "2028-02-29"), (731, "2027-01-31")],
)
def test_what_is_no_time_is_refused_without_its_value(
    place: Path, live: Live, run: Run, end: object, date: str
) -> None:
    credentials(place, end)
    done = run("apply", "--target", "one")
    assert done.code == 1
    assert f"client_secret_expires_at of google is not a time: write a date such as {date}" in done.err
    assert "hush" not in done.err
    assert not live.exists
    live.put("google", {"grant_mode": "secret", "slug": "g", "client_secret_expires_at": end})
    checks = only(run("check", "--target", "one", "--format", "json").out)["checks"]
    failed = {each["check"]: each["message"] for each in checks if each["result"] == "failed"}
    assert f"client_secret_expires_at of google is not a time: write a date such as {date}" in failed["expiry"]
    assert failed["ignored-key"] == f"client_secret_expires_at is not a time: write a date such as {date}"


class TestAge:
    """Without the day of the end: since when the secret is live, and how long the provider lets it live."""

    @pytest.fixture
    def aged(self, place: Path, live: Live, run: Run) -> Path:
        """A client secret that the owner set 710 days ago, at a provider that gives it 730."""
        write(place / "account_types/google.yaml", f"x-client-secret-lifetime: 730 days\n{GOOGLE}")
        config = yaml.safe_load((place / "provision.yaml").read_text())
        write(place / "provision.yaml", yaml.safe_dump({**config, "owner": "team"}))
        self.set(place, "hush-marker")
        assert run("apply", "--target", "one").code == 0
        self.age(live, 710)
        return place

    def set(self, place: Path, secret: str) -> None:
        rows = {"google": {"client_id": "a", "client_secret": secret}}
        write(place / "credentials.yaml", yaml.safe_dump(rows)).chmod(0o600)

    def age(self, live: Live, days: int) -> None:
        google = live.get("google")
        google["provision"]["since"]["client_secret"] = f"{day(-days)}T10:00:00Z"
        live.put("google", google)

    def test_it_is_told_where_a_secret_is_told_of(self, aged: Path, run: Run) -> None:
        said = f"client_secret expires in 20 days, on {day(20)} at the latest: it is 710 days old"
        assert f"warning: google: {said}\n" in run("diff", "--target", "one").err
        assert said in run("list", "--target", "one").out
        row = only(run("list", "--target", "one", "--format", "json").out)["account_types"][0]
        assert (row["client_secret_since"], row["client_secret_expires"]) == (day(-710), day(20))
        shown = run("list", "google", "--target", "one").out
        assert f"client_secret: live since {day(-710)}\nclient_secret: until {day(20)}\n" in shown
        checks = only(run("check", "--target", "one", "--format", "json").out)["checks"]
        assert [each["message"] for each in checks if each["check"] == "expiry"] == [said]
        page = run("catalogue", "--catalogue", "account_types", "--html", "-", "--target", "one").out
        assert f"<dt>Expiry</dt><dd>{said}</dd>" in page
        assert "<dt>Client secret</dt><dd>expires after 730 days at the latest</dd>" in page
        assert "1 live, 0 without credentials, 1 expiring" in page
        assert "<code>provision apply google --prove</code>" in page

    def test_the_end_fails_a_check(self, aged: Path, live: Live, run: Run) -> None:
        self.age(live, 731)
        checks = only(run("check", "--target", "one", "--format", "json").out)["checks"]
        (found,) = [each for each in checks if each["check"] == "expiry"]
        assert found["result"] == "failed"
        assert found["message"] == f"client_secret EXPIRED on {day(-1)} at the latest: it is 731 days old"

    def test_a_new_secret_is_young(self, aged: Path, run: Run) -> None:
        self.set(aged, "new-marker")
        for command in ("diff", "apply", "diff"):
            assert "days old" not in run(command, "--target", "one").err

    def test_nobody_knows_the_age_of_what_others_set(self, aged: Path, live: Live, run: Run) -> None:
        live.put("google", {**live.get("google"), "client_secret": "by-hand"})
        assert "days old" not in run("diff", "--target", "one").err
        row = only(run("list", "--target", "one", "--format", "json").out)["account_types"][0]
        assert (row["client_secret_since"], row["client_secret_expires"]) == (None, None)

    def test_a_day_beyond_all_days_is_none(self, aged: Path, live: Live, run: Run) -> None:
        google = live.get("google")
        google["provision"]["since"]["client_secret"] = "9999-12-01T00:00:00Z"
        live.put("google", google)
        assert "client_secret" not in run("diff", "--target", "one").err

    @pytest.mark.parametrize("end", [day(100), 0])
    def test_what_the_source_says_counts(self, aged: Path, run: Run, end: object) -> None:
        credentials(aged, end)
        assert "days old" not in run("diff", "--target", "one").err

    def test_a_lifetime_is_a_number_of_days(self, place: Path, run: Run) -> None:
        write(place / "account_types/google.yaml", f"x-client-secret-lifetime: 2 years\n{GOOGLE}")
        done = run("validate")
        assert done.code == 1
        assert "x-client-secret-lifetime must be a number of days, such as 730 days [wrong-value]" in done.out
