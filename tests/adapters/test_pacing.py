"""Requests to one host take turns, those to others do not wait."""

import threading

import pytest

from provisioner.adapters.oauth.providers import Pace


def entering(pace: Pace, url: str) -> threading.Event:
    """Set as soon as a thread of its own has got its turn."""
    entered = threading.Event()

    def enter() -> None:
        with pace.turn(url):
            entered.set()

    threading.Thread(target=enter, daemon=True).start()
    return entered


def test_one_host_is_asked_by_one_at_a_time() -> None:
    pace = Pace(gap=0)
    with pace.turn("https://a.example/token"):
        same = entering(pace, "https://a.example/authorize")
        other = entering(pace, "https://b.example/token")
        assert other.wait(10)
        assert not same.wait(0.3)
    assert same.wait(10)


def test_a_failed_turn_is_given_back() -> None:
    pace = Pace(gap=0)
    with pytest.raises(ValueError, match="odd"), pace.turn("https://a.example/"):
        raise ValueError("odd")
    assert entering(pace, "https://a.example/").wait(10)
