"""The pods that may be sent requests, from EndpointSlices as the API server gives them."""

from typing import Any

import pytest

from deepseek_serving.gateway.endpoints import Endpoint, Endpoints, read


def piece(
    revision: str | None, *endpoints: dict[str, Any], port: int | None = 8000
) -> dict[str, Any]:
    labels = {} if revision is None else {"serving.deepseek.dev/revision": revision}
    ports = None if port is None else [{"name": "http", "port": port}]
    return {"metadata": {"labels": labels}, "ports": ports, "endpoints": list(endpoints) or None}


def pod(address: str, **conditions: bool | None) -> dict[str, Any]:
    return {
        "addresses": [address],
        "conditions": conditions,
        "targetRef": {"kind": "Pod", "name": f"pod-{address}"},
    }


def by_revision(slices: list[dict[str, Any]]) -> Endpoints:
    """Of slices in which all is as it has to be."""
    found = read(slices)
    assert found.trouble is None
    return found.pods


def test_ready_pods_are_known_by_their_revision() -> None:
    found = by_revision(
        [piece("b", pod("10.0.0.3", ready=True)), piece("a", pod("10.0.0.2"), pod("10.0.0.1"))]
    )

    assert found == {
        "a": (
            Endpoint("10.0.0.1", 8000, "pod-10.0.0.1"),
            Endpoint("10.0.0.2", 8000, "pod-10.0.0.2"),
        ),
        "b": (Endpoint("10.0.0.3", 8000, "pod-10.0.0.3"),),
    }


def test_a_pod_that_is_not_ready_or_on_its_way_out_gets_nothing_new() -> None:
    found = by_revision(
        [
            piece(
                "a",
                pod("10.0.0.1", ready=False),
                pod("10.0.0.2", ready=True, terminating=True),
                pod("10.0.0.3", ready=None, terminating=None),
            )
        ]
    )

    assert [endpoint.address for endpoint in found["a"]] == ["10.0.0.3"]


def test_a_pod_that_is_doubted_stays_while_it_is_listed_and_not_on_its_way_out() -> None:
    known = by_revision([piece("a", *(pod(f"10.0.0.{number}") for number in (1, 2, 3)))])
    said = [
        piece(
            "a",
            pod("10.0.0.1", ready=False),
            pod("10.0.0.2", ready=False, terminating=True),
            pod("10.0.0.4", ready=False),
        )
    ]

    assert [one.address for one in read(said, doubted=known).pods["a"]] == ["10.0.0.1"]
    assert read(said, doubted={"b": known["a"]}).pods["a"] == ()


def test_a_revision_without_pods_is_known() -> None:
    assert by_revision([piece("a"), piece("b", port=None)]) == {"a": (), "b": ()}


def test_a_pod_in_two_slices_is_one() -> None:
    found = by_revision([piece("a", pod("10.0.0.1")), piece("a", pod("10.0.0.1"))])

    assert len(found["a"]) == 1


def test_what_is_not_ours_is_passed_over() -> None:
    assert by_revision([piece(None, pod("10.0.0.1"))]) == {}


@pytest.mark.parametrize(
    ("slices", "said"),
    [
        ([piece("a", pod("10.0.0.1"), port=None)], "a has no port"),
        ([piece("a", pod("10.0.0.1"), port=0)], "a has no port"),
        ([piece("a", pod("10.0.0.1"), port=65_536)], "a has '10.0.0.1' with port 65536"),
        ([piece("a", pod("10.0.0.1"), port=-1)], "with port -1"),
        ([{**piece("a", pod("10.0.0.1")), "ports": [{"port": "http"}]}], "with port 'http'"),
        ([{**piece("a", pod("10.0.0.1")), "ports": [{"port": True}]}], "with port True"),
        ([piece("a", pod("engine.example.com"))], "a has 'engine.example.com' with port 8000"),
        ([piece("a", pod("10.0.0.1/24"))], "10.0.0.1/24"),
        ([piece("a", {"addresses": []})], "a has None"),
        ([piece("a", {})], "a has None"),
        ([piece("a", {"addresses": [7]})], "a has 7"),
        ([piece("a", *(pod(f"x{n}") for n in range(9)))], "'x2' with port 8000 and 6 more"),
    ],
)
def test_what_no_request_can_be_sent_to_is_passed_over_and_named(
    slices: list[dict[str, Any]], said: str
) -> None:
    found = read([*slices, piece("b", pod("10.0.0.9"))])

    assert found.pods == {"a": (), "b": (Endpoint("10.0.0.9", 8000, "pod-10.0.0.9"),)}
    assert found.trouble is not None
    assert said in found.trouble


def test_a_pod_with_an_address_of_each_kind_is_one() -> None:
    four, six = pod("10.0.0.1"), pod("fd00::1")
    four["targetRef"]["name"] = six["targetRef"]["name"] = "engine-0"
    other = pod("fd00::2")

    found = by_revision([piece("a", six, other), piece("a", four)])

    assert [endpoint.address for endpoint in found["a"]] == ["10.0.0.1", "fd00::2"]


def test_pods_without_a_name_are_known_by_their_addresses() -> None:
    nameless = [{"addresses": [f"10.0.0.{n}"]} for n in (1, 2, 2)]

    assert len(by_revision([piece("a", *nameless)])["a"]) == 2


def test_fields_that_are_null_are_none() -> None:
    bare = {"metadata": {"labels": None}, "ports": None, "endpoints": None}
    null = {"addresses": ["10.0.0.1"], "conditions": None, "targetRef": None}

    assert by_revision([bare, piece("a", null)]) == {"a": (Endpoint("10.0.0.1", 8000),)}
