"""What the tests of faults share."""

from collections.abc import Iterator

import pytest

from tests.faults.proxy import Proxy, in_front_of


@pytest.fixture(scope="module")
def proxy(live_url: str) -> Iterator[Proxy]:
    with in_front_of(live_url) as proxy:
        yield proxy
