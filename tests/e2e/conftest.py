"""The line as the demo walks it, on the embedded cluster, for the tests below in their order."""

from collections.abc import Iterator

import pytest

from dev.cluster import __main__ as cluster
from dev.cluster import layout, status
from dev.demo import __main__ as demo
from dev.demo import target
from tests.e2e.line import Line


@pytest.fixture(scope="session")
def line() -> Iterator[Line]:
    """The cluster with the operator installed and the demo's object served."""
    place = layout.named("dev")
    was_running = status.observe(place).healthy
    chosen = target.embedded()
    demo.run(chosen)
    yield Line(chosen)
    if not was_running:
        cluster.take_down(place)
