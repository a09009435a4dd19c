"""Requests to one host take turns, those to others do not wait."""

import threading

import pytest

from provisioner.adapters.oauth.providers import Pace


def entering(pace: Pace, url: str) -> threading.Thread:
    """A thread that ends as soon as it has got its turn."""

    def enter() -> None:
        with pace.turn(url):
            pass

    thread = threading.Thread(target=enter)
    thread.start()
    return thread


def test_one_host_is_asked_by_one_at_a_time() -> None:
    pace = Pace(gap=0)
    with pace.turn("https://a.example/token"):
        same = entering(pace, "https://a.example/authorize")
        entering(pace, "https://b.example/token").join()
        same.join(0.3)
        assert same.is_alive()
    same.join()


def test_a_failed_turn_is_given_back() -> None:
    pace = Pace(gap=0)
    with pytest.raises(ValueError, match="odd"), pace.turn("https://a.example/"):
        raise ValueError("odd")
    entering(pace, "https://a.example/").join()
