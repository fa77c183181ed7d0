"""The pods that may be sent requests, from EndpointSlices as the API server gives them."""

from typing import Any

from deepseek_serving.gateway.endpoints import Endpoint, by_revision


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


def test_a_revision_without_pods_is_known() -> None:
    assert by_revision([piece("a"), piece("b", pod("10.0.0.1"), port=None)]) == {"a": (), "b": ()}


def test_a_pod_in_two_slices_is_one() -> None:
    found = by_revision([piece("a", pod("10.0.0.1")), piece("a", pod("10.0.0.1"))])

    assert len(found["a"]) == 1


def test_what_is_not_ours_is_passed_over() -> None:
    assert by_revision([piece(None, pod("10.0.0.1"))]) == {}
