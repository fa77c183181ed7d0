"""What is read of pods in trouble: logs and events, one pod of each revision."""

import pytest

from deepseek_operator.complaints import MOST_KEPT
from deepseek_operator.observe import observe
from tests.unit import test_warming as warming
from tests.unit.samples import Manifest, deepseek
from tests.unit.test_observe import EVENTS, LABELS, PODS, STORED, put_event, with_pods, words

ENDED: Manifest = {"state": {}, "lastState": {"terminated": {"exitCode": 1}}}
RECOVERED: Manifest = {**ENDED, "state": {"running": {}}, "ready": True}
RUNS: Manifest = {"state": {"running": {}}}


def crashed(
    name: str, *, revision: str = "a", created: str = "1", status: Manifest = ENDED, **more: str
) -> Manifest:
    """A pod of a revision, whose engine ended unless its status says otherwise."""
    labels = {**LABELS, "serving.deepseek.dev/revision": revision}
    return {
        "kind": "Pod",
        "metadata": {
            "name": name, "uid": f"uid-of-{name}", "labels": labels, "creationTimestamp": created, **more,
        },
        "spec": {"nodeName": "n"},
        "status": {"containerStatuses": [{"name": "engine", **status}]},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("pods", "read"),
    [
        pytest.param([crashed("newer", created="2"), crashed("older")], ["older"], id="the-oldest"),
        pytest.param(
            [crashed("gone", deletionTimestamp="3"), crashed("later", created="2")],
            ["later"],
            id="none-on-its-way-out",
        ),
        pytest.param(
            [crashed("one"), crashed("other", revision="b")], ["one", "other"], id="each-revision"
        ),
        pytest.param(
            [crashed("a", status=RECOVERED), crashed("b", created="2")], ["b"], id="not-ready"
        ),
        pytest.param([crashed("a", status=RUNS)], [], id="nothing-failed"),
    ],
)
async def test_logs_and_events_are_read_of_the_pod_that_is_told_of(
    pods: list[Manifest], read: list[str]
) -> None:
    api = await with_pods(*pods)

    observed = await observe(api.kube(), deepseek(), stored=STORED)

    assert sorted(observed.logs) == sorted(observed.complaints) == read


async def test_a_pod_that_is_over_gives_way_to_the_one_in_its_place() -> None:
    over = crashed("over")
    over["status"]["phase"] = "Failed"
    api = await with_pods(over, crashed("living", created="2"))

    assert list((await observe(api.kube(), deepseek(), stored=STORED)).logs) == ["living"]


async def test_events_of_a_pod_that_is_over_are_not_read() -> None:
    over = crashed("over")
    over["status"]["phase"] = "Failed"
    observed = await observe((await with_pods(over)).kube(), deepseek(), stored=STORED)

    assert (list(observed.logs), observed.complaints) == (["over"], {})


async def said_of(status: Manifest, *events: tuple[str, str, Manifest]) -> list[str]:
    """What is read of a pod's events."""
    api = await with_pods(crashed("p", status=status))
    for name, reason, more in events:
        put_event(api, name, reason=reason, at="2026-03-01T12:00:00Z")
        api.objects[f"{EVENTS}/{name}"] |= more
    return words(await observe(api.kube(), deepseek(), stored=STORED)).get("p", [])


async def test_an_event_that_came_again_counts_by_its_last_time() -> None:
    again: Manifest = {"lastTimestamp": "2026-03-01T12:09:00Z"}
    new_form: Manifest = {"lastTimestamp": None, "eventTime": "2026-03-01T12:05:00.123456Z"}

    said = await said_of(
        ENDED, ("a", "Killing", again), ("b", "Unhealthy", new_form), ("c", "FailedMount", {})
    )

    assert said == ["c said so", "b said so", "a said so"]


async def test_events_of_usual_things_are_read_too() -> None:
    assert await said_of(ENDED, ("a", "Killing", {"type": "Normal"})) == ["a said so"]


async def test_only_so_many_complaints_are_kept() -> None:
    many: list[tuple[str, str, Manifest]] = [
        (f"e{number:02}", "Unhealthy", {}) for number in range(MOST_KEPT + 5)
    ]

    assert await said_of(ENDED, *many) == [
        f"e{number:02} said so" for number in range(5, MOST_KEPT + 5)
    ]


@pytest.mark.parametrize(
    ("message", "asked"),
    [
        pytest.param('Back-off pulling image "r:5000/x"', True, id="why-is-not-said"),
        pytest.param('Back-off pulling image "x": ErrImagePull: denied', False, id="why-is-said"),
    ],
)
async def test_why_an_image_is_not_pulled_is_read_where_the_status_does_not_say(
    message: str, *, asked: bool
) -> None:
    back_off = {"state": {"waiting": {"reason": "ImagePullBackOff", "message": message}}}

    assert await said_of(back_off, ("a", "Failed", {})) == ["a said so"] * asked


async def test_a_warm_up_whose_pod_is_refused_says_so_by_an_event() -> None:
    api = await with_pods(warming.pod())
    job = "/apis/batch/v1/namespaces/team/jobs/warmup-1"
    labels = {**LABELS, "app.kubernetes.io/managed-by": "deepseek-operator"}
    metadata = {"name": "warmup-1", "uid": "j", "labels": labels}
    api.put(job, {"kind": "Job", "metadata": metadata, "status": {"startTime": "1"}})
    put_event(api, "quota", reason="FailedCreate", at="1")
    api.objects[f"{EVENTS}/quota"]["involvedObject"] = {"uid": "j"}

    assert words(await observe(api.kube(), deepseek(), stored=STORED)) == {
        "Job/warmup-1": ["quota said so"]
    }


async def test_a_pod_without_trouble_is_not_asked_after() -> None:
    api = await with_pods(crashed("p", status=RUNS))
    api.calls.clear()

    await observe(api.kube(), deepseek(), stored=STORED)

    assert PODS in {call.path for call in api.calls}
    assert EVENTS not in {call.path for call in api.calls}
