"""Client secrets that expire, as the credential sources say, or as their age lets expect."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from tests.live_server import Live, Team
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
def team(team: Team) -> Team:
    """It has google, with credentials in a file."""
    team.define("google", GOOGLE)
    team.configure(credentials=[{"file": "credentials.yaml"}])
    return team


def credentials(team: Team, **more: object) -> None:
    team.save("credentials.yaml", {"google": {"client_id": "a", "client_secret": "hush-marker", **more}})


def checked(team: Team, check: str = "expiry") -> list[tuple[str, str, str]]:
    """Account type, result and message of each check of that name."""
    rows = only(team("check", "--format", "json").out)["checks"]
    return [(each["account_type"], each["result"], each["message"]) for each in rows if each["check"] == check]


@pytest.mark.parametrize(
    ("days", "said", "result"),
    [
        (31, "", ""),
        (30, "client_secret expires in 30 days, on ", "warning"),
        (14, "client_secret expires soon: in 14 days, on ", "warning"),
        (3, "client_secret EXPIRES in 3 days, on ", "warning"),
        (0, "client_secret EXPIRES today, on ", "warning"),
        (-1, "client_secret EXPIRED on ", "failed"),
    ],
)
def test_it_is_told_in_time(team: Team, live: Live, days: int, said: str, result: str) -> None:
    credentials(team, client_secret_expires_at=day(days))
    assert team("apply").code == 0
    assert "client_secret_expires_at" not in live.get("google")
    told = team("diff").err
    assert f"warning: google: {said}{day(days)}\n" in told if said else "expire" not in told.lower()
    assert checked(team) == ([("google", result, f"{said}{day(days)}")] if said else [])


def test_the_forms_of_an_end(team: Team, live: Live) -> None:
    for end in (0, "0", 4102444800):
        credentials(team, client_secret_expires_at=end)
        assert "expire" not in team("apply").err.lower(), "never and far away are not told"
    credentials(team, client_secret_expires_at=1000000000)
    assert "warning: google: client_secret EXPIRED on 2001-09-09\n" in team("diff").err
    names = {"CLIENT_ID": "a", "CLIENT_SECRET": "b", "CLIENT_SECRET_EXPIRES_AT": day(1)}
    environment = {f"ACCOUNT_TYPE_GOOGLE_{name}": value for name, value in names.items()}
    done = team.run("diff", "--couch", live.url, "--database", live.database, env=environment)
    assert f"warning: google: client_secret EXPIRES in 1 day, on {day(1)}\n" in done.err


@pytest.mark.parametrize(
    ("end", "date"),
    [("hush-marker", "2027-01-31"), (20280229, "2028-02-29"), ("20280229", "2028-02-29"), (731, "2027-01-31")],
)
def test_what_is_no_time_is_refused_without_its_value(team: Team, live: Live, end: object, date: str) -> None:
    credentials(team, client_secret_expires_at=end)
    done = team("apply")
    assert (done.code, live.exists, "hush" in done.err) == (1, False, False)
    wrong = f"client_secret_expires_at of google is not a time: write a date such as {date}"
    assert wrong in done.err
    live.put("google", {"grant_mode": "secret", "slug": "g", "client_secret_expires_at": end})
    ((_, result, message),) = checked(team)
    assert (result, wrong in message) == ("failed", True)
    no_time = f"client_secret_expires_at is not a time: write a date such as {date}"
    assert ("google", "failed", no_time) in checked(team, "ignored-key")


class TestAge:
    """Without the day of the end: since when the secret is live, and how long the provider lets it live."""

    @pytest.fixture
    def aged(self, team: Team) -> Team:
        """The owner set the client secret 710 days ago, and the provider gives it 730."""
        team.define("google", f"x-client-secret-lifetime: 730 days\n{GOOGLE}")
        credentials(team)
        assert team("apply").code == 0
        self.since(team, day(-710))
        return team

    def since(self, team: Team, date: str) -> None:
        google = team.live.get("google")
        google["provision"]["since"]["client_secret"] = f"{date}T10:00:00Z"
        team.live.put("google", google)

    def test_it_is_told_where_a_secret_is_told_of(self, aged: Team) -> None:
        said = f"client_secret expires in 20 days, on {day(20)} at the latest: it is 710 days old"
        assert f"warning: google: {said}\n" in aged("diff").err
        assert said in aged("list").out
        row = only(aged("list", "--format", "json").out)["account_types"][0]
        assert (row["client_secret_since"], row["client_secret_expires"]) == (day(-710), day(20))
        shown = aged("list", "google").out
        assert f"client_secret: live since {day(-710)}\nclient_secret: until {day(20)}\n" in shown
        assert [message for _, _, message in checked(aged)] == [said]
        page = aged("catalogue", "--catalogue", "account_types", "--html", "-").out
        assert f"<dt>Expiry</dt><dd>{said}</dd>" in page
        assert "<dt>Client secret</dt><dd>expires after 730 days at the latest</dd>" in page
        assert "1 live, 0 without credentials, 1 expiring" in page
        assert "<code>provision apply google --prove</code>" in page

    def test_the_end_fails_a_check(self, aged: Team) -> None:
        self.since(aged, day(-731))
        said = f"client_secret EXPIRED on {day(-1)} at the latest: it is 731 days old"
        assert checked(aged) == [("google", "failed", said)]
        self.since(aged, "9999-12-01")
        assert "client_secret" not in aged("diff").err, "a day beyond all days is none"

    def test_a_new_secret_is_young(self, aged: Team) -> None:
        credentials(aged, client_secret="new-marker")
        for command in ("diff", "apply", "diff"):
            assert "days old" not in aged(command).err

    def test_nobody_knows_the_age_of_what_others_set(self, aged: Team, live: Live) -> None:
        live.put("google", {**live.get("google"), "client_secret": "by-hand"})
        assert "days old" not in aged("diff").err
        row = only(aged("list", "--format", "json").out)["account_types"][0]
        assert (row["client_secret_since"], row["client_secret_expires"]) == (None, None)

    @pytest.mark.parametrize("end", [100, None])
    def test_what_the_source_says_counts(self, aged: Team, end: int | None) -> None:
        credentials(aged, client_secret_expires_at=day(end) if end else 0)
        assert "days old" not in aged("diff").err

    def test_a_lifetime_is_a_number_of_days(self, team: Team) -> None:
        team.define("google", f"x-client-secret-lifetime: 2 years\n{GOOGLE}")
        done = team.run("validate")
        said = "x-client-secret-lifetime must be a number of days, such as 730 days [wrong-value]"
        assert (done.code, said in done.out) == (1, True)
