"""A fetch that is killed again and again ends with the same bytes, and fetches hardly more."""

import random
import time
from pathlib import Path

import pytest

from tests.hub.hub import Hub
from tests.hub.rules import Rule
from tests.weights.fetchers import Fetchers, fetching, model_files, until

SEED = 20261124
POINTS = 20
MOST_REFETCHED = 1.2

# What the hub has sent and a killed process never read is lost with its connection. At the pace of a
# network that is little; at the loopback's pace it may be much of so small a model. The pace leaves
# a process that is not scheduled for 30 ms within the bound: total / kills * (bound - 1) bytes a kill.
MIB_PER_SECOND = {"hf": 1, "s3": 4, "oras": 4, "modelcar": 4}
"""Of each connection."""


def source_of(kind: str, hub: Hub) -> tuple[str, dict[str, str]]:
    """The source of a kind and what the environment says of it."""
    return {
        "hf": ("hf://test/model", {}),
        "s3": ("s3://models/test/model", {"AWS_ENDPOINT_URL": hub.store_url}),
        "oras": (f"oci://{hub.registry}/oras/test/model", {}),
        "modelcar": (f"oci://{hub.registry}/modelcar/test/model", {}),
    }[kind]


def kill_at(fetchers: Fetchers, size: int) -> None:
    """Run a process until so much lies in the volume, and kill it."""
    fetcher = fetchers.start()
    until(
        lambda: fetchers.present_bytes() >= size or fetcher.process.poll() is not None,
        f"{size} bytes fetched",
    )
    fetcher.kill()


@pytest.mark.parametrize(
    ("kind", "points"),
    [("hf", POINTS), ("s3", 4), ("oras", 4), ("modelcar", 4)],
    ids=str,
)
def test_killed_at_any_point_it_goes_on_where_it_stopped(
    kind: str, points: int, hub: Hub, tmp_path: Path, content: dict[str, bytes]
) -> None:
    source, environment = source_of(kind, hub)
    total = sum(len(text) for text in content.values())
    dice = random.Random(SEED)
    sizes = sorted(dice.randrange(total) for _ in range(points))
    hub.add(Rule("slow", rate=MIB_PER_SECOND[kind] * 2**20, times=None))
    with fetching(hub, source, tmp_path, **environment) as fetchers:
        for size in sizes:
            kill_at(fetchers, size)
            assert not (fetchers.target / ".complete.json").exists()

        last = fetchers.run()

        assert last.process.returncode == 0, last.err
        assert model_files(fetchers.target) == content
        sent = hub.log.sent(r"/cdn/|/blobs/|safetensors$|json$")
        assert total <= sent < total * MOST_REFETCHED
        assert last.result["fetchedBytes"] < total


def test_killed_at_any_moment_of_the_clock_it_ends_with_the_same_bytes(
    hub: Hub, tmp_path: Path, content: dict[str, bytes]
) -> None:
    """Also while it starts, lists, verifies, names and marks."""
    dice = random.Random(SEED)
    with fetching(hub, "hf://test/model", tmp_path) as fetchers:
        for _ in range(8):
            fetcher = fetchers.start()
            moment = time.monotonic() + dice.uniform(0.2, 1.2)
            until(
                lambda moment=moment: time.monotonic() >= moment,  # type: ignore[misc]
                "a moment",
            )
            fetcher.kill()
            if (fetchers.target / ".complete.json").exists():
                assert model_files(fetchers.target) == content

        assert fetchers.run().process.returncode == 0
        assert model_files(fetchers.target) == content


def test_a_server_that_ignores_ranges_costs_bytes_and_not_the_model(
    hub: Hub, tmp_path: Path, content: dict[str, bytes]
) -> None:
    hub.add(Rule("ignore-ranges", times=None))
    with fetching(hub, "hf://test/model", tmp_path) as fetchers:
        kill_at(fetchers, 8 * 2**20)

        last = fetchers.run()

        assert last.process.returncode == 0, last.err
        assert model_files(fetchers.target) == content
        assert "ignores ranges" in last.err


def test_a_complete_model_is_left_alone(
    hub: Hub, tmp_path: Path, content: dict[str, bytes]
) -> None:
    with fetching(hub, "hf://test/model", tmp_path) as fetchers:
        assert fetchers.run().process.returncode == 0
        hub.log.clear()

        again = fetchers.run(environment={"HF_ENDPOINT": "http://127.0.0.1:1"})

        assert again.process.returncode == 0, again.err
        assert again.result == {
            "files": len(content),
            "bytes": sum(len(text) for text in content.values()),
            "seconds": again.result["seconds"],
            "fetchedBytes": 0,
        }
        assert hub.log.read() == []
