"""plan_fetching(): how far the weights of a revision are, and what is written so that they come."""

import copy
import dataclasses
import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.build import weights as builders
from deepseek_operator.fetching import RETRY, Fetching, plan_fetching
from deepseek_operator.observed import Complaint, Observed
from deepseek_operator.resolve import resolve_shape
from deepseek_operator.rollout.revisions import Shape
from deepseek_operator.weights import Phase, Progress
from tests.unit.samples import CPU_SPEC, IMAGES, NOW, Manifest, deepseek
from tests.unit.world import World, ended, fetcher

GIB = 2**30
SOURCE = "hf://org/tiny"
UNKNOWN = deepseek(model="tiny", source=SOURCE)
CATALOG = deepseek(model="DeepSeek-R1-Distill-Qwen-7B")
SIZED = deepseek(model="tiny", source=SOURCE, cache={"size": "9Gi"})

CLAIM = str(builders.claim_of(resolve_shape(SIZED, SIZED.spec, images=IMAGES)))
LISTING = f"{CLAIM}-listing"
POD = f"{CLAIM}-pod"

CLAIM_AND_JOB = [("PersistentVolumeClaim", CLAIM), ("Job", CLAIM)]


def fetching(
    world: World, deployment: DeepSeekDeployment = SIZED, *, now: datetime = NOW, **read: Any
) -> Fetching:
    """What is planned for an object's revision; `read` is observed beside what the world has."""
    observed = dataclasses.replace(world.observed(), **read)
    shape = resolve_shape(deployment, deployment.spec, images=IMAGES)
    found = plan_fetching(deployment, shape, observed, now=now)
    assert found is not None
    return found


def begun(deployment: DeepSeekDeployment = SIZED) -> World:
    """The first pass is done: what it has made is there."""
    world = World()
    world.carry_out(world.plan(deployment))
    return world


def failed(result: Manifest | None = None, *, at: str = "2026-03-01T12:00:00Z") -> World:
    """The fetch has failed, and its pod left this."""
    world = begun()
    job = world.shared["Job", CLAIM]
    job["status"] = {"conditions": [ended(complete=False, at=at)]}
    if result is not None:
        world.fetchers = [fetcher(job, CLAIM, result=result, code=2)]
    return world


def pod_of(world: World, name: str = POD, *, at: str = "12:00", **status: Any) -> Manifest:
    """A pod of the fetch."""
    job = world.shared["Job", CLAIM]
    pod = fetcher(job, CLAIM, result={})
    pod["metadata"] |= {"name": name, "creationTimestamp": f"2026-03-01T{at}:00Z"}
    return {**pod, "status": status}


def places(manifests: tuple[Manifest, ...]) -> list[tuple[str, str]]:
    return [(item["kind"], item["metadata"]["name"]) for item in manifests]


def storage_of(found: Fetching) -> str:
    return str(found.share[0]["spec"]["resources"]["requests"]["storage"])


def missing(found: Fetching) -> tuple[str, str]:
    """Reason and message of what is missing."""
    assert found.weights.missing is not None
    return str(found.weights.missing.reason), found.weights.missing.message


def test_a_volume_of_the_users_own_is_nobodys_to_fill() -> None:
    own = deepseek(**CPU_SPEC)
    shape = resolve_shape(own, own.spec, images=IMAGES)

    assert plan_fetching(own, shape, Observed(), now=NOW) is None


def test_a_revision_frozen_before_there_were_claims_is_left_as_it_is() -> None:
    shape = resolve_shape(SIZED, SIZED.spec, images=IMAGES)
    template = copy.deepcopy(shape.template)
    template["spec"]["volumes"] = [
        volume for volume in template["spec"]["volumes"] if volume["name"] != "weights"
    ]
    before = Shape(shape.key, shape.model, shape.source, shape.image, template)

    assert plan_fetching(SIZED, before, Observed(), now=NOW) is None


def test_a_source_is_asked_for_its_size_before_there_is_a_volume() -> None:
    found = fetching(World(), UNKNOWN)

    assert found.weights.phase is Phase.SIZING
    assert places(found.share) == [("Job", LISTING)]
    assert missing(found) == ("WeightsSizing", f"asking {SOURCE} for the size of its weights")


def test_a_source_is_asked_once() -> None:
    world = begun(UNKNOWN)

    found = fetching(world, UNKNOWN)

    assert found.weights.phase is Phase.SIZING
    assert world.writes(world.plan(UNKNOWN)) == []


def test_a_volume_has_the_room_that_the_source_asks_for_and_more() -> None:
    world = begun(UNKNOWN)
    world.end_jobs(result={"files": 9, "bytes": 60 * GIB, "roomBytes": 100 * GIB})

    found = fetching(world, UNKNOWN)

    assert found.weights.phase is Phase.WAITING
    assert places(found.share) == CLAIM_AND_JOB
    assert storage_of(found) == "115Gi"


@pytest.mark.parametrize(
    ("deployment", "storage"),
    [
        pytest.param(CATALOG, "17Gi", id="of-the-catalog"),
        pytest.param(SIZED, "9Gi", id="of-the-users-choice"),
        pytest.param(
            deepseek(model="DeepSeek-R1-Distill-Qwen-7B", cache={"size": "9Ti"}),
            "9Ti",
            id="of-the-users-choice-before-the-catalogs",
        ),
        pytest.param(
            deepseek(model="tiny", source=SOURCE, cache={"size": 9 * GIB}), str(9 * GIB), id="bytes"
        ),
    ],
)
def test_what_is_known_is_not_asked_for(deployment: DeepSeekDeployment, storage: str) -> None:
    found = fetching(World(), deployment)

    assert found.weights.phase is Phase.WAITING
    assert [item["kind"] for item in found.share] == ["PersistentVolumeClaim", "Job"]
    assert storage == storage_of(found)


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("s3://bucket/own-tuning", id="another-place"),
        pytest.param("hf://deepseek-ai/DeepSeek-R1-Distill-Qwen-7B@v2", id="another-revision"),
    ],
)
def test_the_catalog_knows_the_size_of_its_own_source_alone(source: str) -> None:
    found = fetching(World(), deepseek(model="DeepSeek-R1-Distill-Qwen-7B", source=source))

    assert found.weights.phase is Phase.SIZING


def test_a_listing_that_ended_and_told_no_size_has_failed() -> None:
    world = begun(UNKNOWN)
    world.end_jobs(result={"files": 9})
    world.fetchers = []

    found = fetching(world, UNKNOWN)

    assert found.weights.phase is Phase.FAILED
    assert missing(found) == (
        "WeightsFailed", f"weights of {SOURCE}: Job {LISTING}: it ended and told no size",
    )  # fmt: skip
    assert places(fetching(world, UNKNOWN, now=NOW + RETRY).delete) == [("Job", LISTING)]


def test_a_listing_that_failed_says_why_and_is_tried_again_later() -> None:
    world = begun(UNKNOWN)
    world.end_jobs(result={"reason": "Unauthorized", "message": "no token"}, code=2)

    found = fetching(world, UNKNOWN)

    assert missing(found) == ("Unauthorized", f"weights of {SOURCE}: no token")
    assert (found.share, found.delete) == ((), ())
    assert places(fetching(world, UNKNOWN, now=NOW + RETRY).delete) == [("Job", LISTING)]


def test_a_listing_whose_pod_finds_no_node_waits_for_one() -> None:
    world = begun(UNKNOWN)
    job = world.shared["Job", LISTING]
    pod = fetcher(job, LISTING, result={})
    pod["status"] = {
        "conditions": [{"type": "PodScheduled", "status": "False", "message": "0/1 nodes"}]
    }
    world.fetchers = [pod]

    found = fetching(world, UNKNOWN)

    assert found.weights.phase is Phase.WAITING
    assert missing(found)[0] == "Unschedulable"
    assert places(found.share) == [("Job", LISTING)]


def test_a_claim_and_its_job_are_made_together() -> None:
    found = fetching(World())

    assert places(found.share) == CLAIM_AND_JOB
    assert found.delete == ()
    assert missing(found)[0] == "WeightsWaiting"


@pytest.mark.parametrize(
    ("lost", "made"),
    [
        pytest.param("PersistentVolumeClaim", CLAIM_AND_JOB, id="claim"),
        pytest.param("Job", CLAIM_AND_JOB, id="job"),
    ],
)
def test_what_somebody_deletes_while_it_fetches_comes_back(
    lost: str, made: list[tuple[str, str]]
) -> None:
    world = begun()
    del world.shared[lost, CLAIM]

    found = fetching(world)

    assert made == places(found.share)
    assert found.weights.phase is Phase.WAITING


def test_a_claim_that_exists_keeps_the_size_it_was_given() -> None:
    world = begun(UNKNOWN)
    world.end_jobs()
    world.carry_out(world.plan(UNKNOWN))

    found = fetching(world, UNKNOWN)

    assert places(found.share) == CLAIM_AND_JOB
    assert "resources" not in found.share[0]["spec"]


@pytest.mark.parametrize(
    ("line", "phase", "progress"),
    [
        pytest.param(
            {"phase": "fetching", "bytesDone": 392, "bytesTotal": 642, "bytesPerSecond": 41,
             "secondsLeft": 7, "filesDone": 3, "currentFile": "a"},
            Phase.FETCHING,
            Progress(392, 642, 41, 7),
            id="fetching",
        ),
        pytest.param(
            {"phase": "verifying", "bytesDone": 642, "bytesTotal": 642, "bytesPerSecond": 0,
             "secondsLeft": None},
            Phase.VERIFYING,
            Progress(642, 642, 0, None),
            id="verifying",
        ),
        pytest.param(
            {"phase": "listing", "bytesDone": 0, "bytesTotal": 0, "bytesPerSecond": 0},
            Phase.FETCHING,
            Progress(0, None, 0, None),
            id="size-not-known-yet",
        ),
        pytest.param({}, Phase.FETCHING, Progress(), id="tells-nothing"),
    ],
)  # fmt: skip
def test_what_a_running_pod_tells_is_how_far_it_is(
    line: Manifest, phase: Phase, progress: Progress
) -> None:
    world = begun()
    world.fetchers = [pod_of(world, phase="Running")]

    found = fetching(world, progress={POD: json.dumps(line)})

    assert (phase, progress, None) == (
        found.weights.phase, found.weights.progress, found.weights.trouble,
    )  # fmt: skip
    assert places(found.share) == CLAIM_AND_JOB


@pytest.mark.parametrize("line", ["", "17", '"x"', "[1]", '{"bytesDone": '])
def test_a_line_that_is_no_object_tells_nothing(line: str) -> None:
    world = begun()
    world.fetchers = [pod_of(world, phase="Running")]

    found = fetching(world, progress={POD: line})

    assert (found.weights.phase, found.weights.progress) == (Phase.FETCHING, Progress())


def test_the_newest_pod_tells_how_far_it_is() -> None:
    world = begun()
    world.fetchers = [pod_of(world, "old", at="12:00"), pod_of(world, "new", at="12:01")]

    found = fetching(
        world, progress={"old": '{"bytesDone": 9}', "new": '{"bytesDone": 1, "bytesTotal": 9}'}
    )

    assert found.weights.progress == Progress(1, 9)


def test_a_new_pod_waits_though_the_one_before_it_has_told_something() -> None:
    world = begun()
    world.fetchers = [pod_of(world, "old", at="12:00"), pod_of(world, "new", at="12:01")]

    found = fetching(world, progress={"old": '{"bytesDone": 9, "bytesTotal": 9}'})

    assert found.weights.phase is Phase.WAITING


UNSCHEDULABLE: Manifest = {
    "conditions": [{"type": "PodScheduled", "status": "False", "message": "0/1 nodes"}]
}
NO_IMAGE: Manifest = {
    "containerStatuses": [
        {"name": "fetch", "image": "i", "state": {"waiting": {"reason": "ErrImagePull"}}}
    ]
}
NO_SECRET: Manifest = {
    "containerStatuses": [
        {
            "name": "fetch",
            "state": {
                "waiting": {
                    "reason": "CreateContainerConfigError", "message": 'secret "hub" not found'
                }
            },
        }
    ]
}  # fmt: skip


@pytest.mark.parametrize(
    ("status", "reason", "said"),
    [
        pytest.param(UNSCHEDULABLE, "Unschedulable", "0/1 nodes", id="no-node"),
        pytest.param(NO_IMAGE, "ImagePullFailed", "image i cannot be pulled", id="no-image"),
        pytest.param(NO_SECRET, "ContainerConfigError", 'secret "hub" not found', id="no-secret"),
    ],
)
def test_why_a_pod_does_not_start_is_told(status: Manifest, reason: str, said: str) -> None:
    world = begun()
    world.fetchers = [pod_of(world, **status)]

    found = fetching(world)

    assert found.weights.phase is Phase.WAITING
    assert reason == missing(found)[0]
    assert said in missing(found)[1]
    assert places(found.share) == CLAIM_AND_JOB


def test_a_job_whose_pod_is_refused_says_so() -> None:
    refused = Complaint("FailedCreate", "exceeded quota")

    found = fetching(begun(), complaints={f"Job/{CLAIM}": (refused,)})

    assert found.weights.phase is Phase.WAITING
    reason, message = missing(found)
    assert reason == "PodsRefused"
    assert message.endswith("pods are refused: exceeded quota")


def test_what_the_provisioner_complains_of_is_told_with_where_to_look() -> None:
    world = begun()
    world.fetchers = [pod_of(world, **UNSCHEDULABLE)]

    found = fetching(world, warnings={CLAIM: ("no ReadWriteMany here",)})

    reason, message = missing(found)
    assert reason == "VolumeNotProvisioned"
    assert f"PersistentVolumeClaim {CLAIM}: no ReadWriteMany here" in message
    assert "cache.storageClassName and cache.accessMode" in message


def test_why_the_attempt_before_failed_is_told_while_the_next_one_runs() -> None:
    world = begun()
    job = world.shared["Job", CLAIM]
    before = fetcher(job, CLAIM, result={"reason": "Unreachable", "message": "no route"}, code=1)
    world.fetchers = [before, pod_of(world, "new", phase="Running")]

    found = fetching(world, progress={"new": '{"bytesDone": 1, "bytesTotal": 2}'})

    assert found.weights.phase is Phase.FETCHING
    reason, message = missing(found)
    assert reason == "Unreachable"
    assert message == f"weights: 50 % of 2 B; weights of {SOURCE}: no route"


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        pytest.param("Unauthorized", "Unauthorized", id="unauthorized"),
        pytest.param("GatedLicence", "GatedLicence", id="licence"),
        pytest.param("NotFound", "NotFound", id="not-found"),
        pytest.param("ChecksumMismatch", "ChecksumMismatch", id="checksum"),
        pytest.param("VolumeFull", "VolumeFull", id="volume-full"),
        pytest.param("VolumeReadOnly", "VolumeReadOnly", id="volume-read-only"),
        pytest.param("VolumeFailed", "VolumeFailed", id="volume-failed"),
        pytest.param("NameResolution", "NameResolution", id="name-resolution"),
        pytest.param("Unreachable", "Unreachable", id="unreachable"),
        pytest.param("Stalled", "FetchStalled", id="stalled"),
        pytest.param("ServerError", "ServerError", id="server-error"),
        pytest.param("InvalidSource", "InvalidSource", id="invalid-source"),
        pytest.param("Interrupted", "WeightsFailed", id="interrupted"),
        pytest.param("Unexpected", "WeightsFailed", id="unexpected"),
        pytest.param("OfTomorrow", "WeightsFailed", id="unknown"),
        pytest.param(None, "WeightsFailed", id="none"),
    ],
)
def test_a_failed_fetch_has_the_reason_and_the_words_of_its_pod(
    word: str | None, reason: str
) -> None:
    found = fetching(failed({"reason": word, "message": "so it is", "retryable": False}))

    assert found.weights.phase is Phase.FAILED
    assert missing(found) == (reason, f"weights of {SOURCE}: so it is")


@pytest.mark.parametrize(
    ("end", "said"),
    [
        pytest.param(
            {"exitCode": 137, "reason": "OOMKilled"}, "exit code 137 (OOMKilled)", id="killed"
        ),
        pytest.param(
            {"exitCode": 1, "reason": "Error", "message": "Traceback"},
            "exit code 1 (Error)",
            id="no-json",
        ),
        pytest.param(
            {"exitCode": 1, "reason": "Error", "message": "[]"}, "exit code 1 (Error)", id="a-list"
        ),
    ],
)
def test_a_pod_that_left_no_result_is_told_by_how_it_ended(end: Manifest, said: str) -> None:
    world = failed({})
    world.fetchers[0]["status"]["containerStatuses"][0]["state"]["terminated"] = end

    assert missing(fetching(world)) == ("WeightsFailed", f"weights of {SOURCE}: {said}")


@pytest.mark.parametrize("status", [None, {}, {"containerStatuses": []}])
def test_without_the_end_of_a_pod_the_job_says_why_it_failed(status: Manifest | None) -> None:
    world = failed({})
    if status is None:
        world.fetchers = []
    else:
        world.fetchers[0]["status"] = status

    assert missing(fetching(world)) == (
        "WeightsFailed", f"weights of {SOURCE}: Job {CLAIM}: it ended",
    )  # fmt: skip


def test_the_last_pod_says_why_a_job_failed() -> None:
    world = failed({"reason": "Unreachable", "message": "first"})
    last = copy.deepcopy(world.fetchers[0])
    last["metadata"] |= {"name": "last", "creationTimestamp": "2026-03-01T12:59:00Z"}
    end = last["status"]["containerStatuses"][0]["state"]["terminated"]
    end["message"] = json.dumps({"reason": "VolumeFull", "message": "last"})
    world.fetchers.append(last)

    assert missing(fetching(world)) == ("VolumeFull", f"weights of {SOURCE}: last")


@pytest.mark.parametrize(
    ("after", "again"),
    [
        pytest.param(timedelta(0), False, id="at-once"),
        pytest.param(RETRY - timedelta(seconds=1), False, id="too-soon"),
        pytest.param(RETRY, True, id="due"),
        pytest.param(timedelta(days=1), True, id="long-after"),
    ],
)
def test_a_failed_job_is_kept_for_a_while_and_then_made_anew(
    after: timedelta, *, again: bool
) -> None:
    found = fetching(failed({"reason": "Unauthorized", "message": "no token"}), now=NOW + after)

    assert found.weights.phase is Phase.FAILED
    assert places(found.share) == [("PersistentVolumeClaim", CLAIM)]
    assert places(found.delete) == ([("Job", CLAIM)] if again else [])


def test_a_job_that_goes_on_after_a_failure_is_no_failure() -> None:
    world = begun()
    condition = {**ended(complete=False), "type": "FailureTarget"}
    world.shared["Job", CLAIM]["status"] = {"failed": 1, "conditions": [condition]}

    assert fetching(world).weights.phase is Phase.WAITING


@pytest.mark.parametrize("size", [642, None])
def test_a_fetch_that_succeeded_is_written_on_the_claim(size: int | None) -> None:
    world = begun()
    world.end_jobs(result={"files": 9, "bytes": size, "seconds": 7.0})

    found = fetching(world)

    assert (found.weights.phase, found.weights.missing) == (Phase.READY, None)
    assert found.weights.progress == Progress(size, size)
    [claim] = found.share
    annotations = claim["metadata"]["annotations"]
    assert json.loads(annotations["serving.deepseek.dev/complete"]) == {"bytes": size}


def test_a_fetch_whose_pod_is_gone_has_succeeded_all_the_same() -> None:
    world = begun()
    world.end_jobs()
    world.fetchers = []

    assert fetching(world).weights.phase is Phase.READY


@pytest.mark.parametrize("job", [None, {"code": 2}], ids=["job-gone", "job-failed"])
def test_a_claim_that_says_it_is_filled_needs_no_job(job: dict[str, Any] | None) -> None:
    world = begun()
    world.end_jobs(result={"bytes": 642})
    world.carry_out(world.plan(SIZED))
    if job is None:
        del world.shared["Job", CLAIM]
    else:
        world.shared["Job", CLAIM]["status"] = {"conditions": [ended(complete=False)]}
    world.fetchers = []

    found = fetching(world)

    assert found.weights.phase is Phase.READY
    assert found.weights.progress == Progress(642, 642)
    assert places(found.share) == [("PersistentVolumeClaim", CLAIM)]
    assert found.delete == ()


def test_a_claim_filled_for_somebody_else_is_joined_and_asked_to_hold_no_more() -> None:
    world = begun(UNKNOWN)
    world.settle(UNKNOWN)
    other = deepseek("other", model="tiny", source=SOURCE)

    [claim] = fetching(world, other).share

    assert claim["metadata"]["ownerReferences"][0]["name"] == "other"
    assert "resources" not in claim["spec"]


def test_a_claim_that_is_being_deleted_is_waited_for() -> None:
    world = begun()
    world.end_jobs()
    world.carry_out(world.plan(SIZED))
    world.shared["PersistentVolumeClaim", CLAIM]["metadata"]["deletionTimestamp"] = "x"

    found = fetching(world)

    assert found.weights.phase is Phase.WAITING
    assert (found.share, found.delete) == ((), ())
    reason, message = missing(found)
    assert reason == "WeightsWaiting"
    assert f"the claim {CLAIM} is being deleted" in message


def filled_before(world: World, *, claim_at: str | None, job_at: str = "12:00") -> World:
    """The Job has ended; the claim it filled may be another one than there is now."""
    world.end_jobs()
    day = "2026-03-01T"
    world.shared["Job", CLAIM]["metadata"]["creationTimestamp"] = f"{day}{job_at}:00Z"
    if claim_at is None:
        del world.shared["PersistentVolumeClaim", CLAIM]
    else:
        claim = world.shared["PersistentVolumeClaim", CLAIM]
        claim["metadata"]["creationTimestamp"] = f"{day}{claim_at}:00Z"
    return world


@pytest.mark.parametrize("claim_at", [None, "12:01"], ids=["claim-gone", "claim-made-anew"])
def test_a_job_that_filled_another_volume_says_nothing_of_this_one(claim_at: str | None) -> None:
    """A finished Job stays for a day: somebody may come back to the source by then."""
    found = fetching(filled_before(begun(), claim_at=claim_at))

    assert found.weights.phase is Phase.WAITING
    assert places(found.share) == [("PersistentVolumeClaim", CLAIM)]
    assert "serving.deepseek.dev/complete" not in found.share[0]["metadata"]["annotations"]
    assert places(found.delete) == [("Job", CLAIM)]


@pytest.mark.parametrize("claim_at", ["11:59", "12:00"], ids=["before-it", "with-it"])
def test_a_job_speaks_of_the_volume_that_was_there_before_it(claim_at: str) -> None:
    assert fetching(filled_before(begun(), claim_at=claim_at)).weights.phase is Phase.READY


def test_a_volume_that_is_lost_is_filled_anew() -> None:
    world = filled_before(begun(), claim_at=None)

    world.settle(SIZED)

    assert len(world.fetchers) == 2
    claim = world.shared["PersistentVolumeClaim", CLAIM]
    assert "serving.deepseek.dev/complete" in claim["metadata"]["annotations"]


def owned_by(world: World, kind: str, count: int) -> Manifest:
    """The claim or its Job, with as many owners."""
    item = world.shared[kind, CLAIM]
    item["metadata"]["creationTimestamp"] = "2026-03-01T12:00:00Z"
    [owner] = item["metadata"]["ownerReferences"]
    others = [{**owner, "name": f"o{number}", "uid": f"u{number}"} for number in range(1, count)]
    item["metadata"]["ownerReferences"] = [owner, *others]
    return item


UNSCHEDULABLE = {
    "phase": "Pending",
    "conditions": [{"type": "PodScheduled", "status": "False", "message": "no node fits"}],
}
MENDED = deepseek(
    model="tiny", source=SOURCE, cache={"size": "9Gi"}, pod={"nodeSelector": {"zone": "a"}}
)


@pytest.mark.parametrize(
    ("spec", "owners", "after", "gives_way"),
    [
        pytest.param(MENDED, 1, timedelta(0), True, id="alone-at-once"),
        pytest.param(MENDED, 2, timedelta(0), False, id="shared-not-at-once"),
        pytest.param(MENDED, 2, RETRY, True, id="shared-after-a-while"),
        pytest.param(SIZED, 1, RETRY, False, id="the-same-spec"),
    ],
)
def test_a_job_in_trouble_gives_way_to_a_changed_spec(
    spec: DeepSeekDeployment, owners: int, after: timedelta, *, gives_way: bool
) -> None:
    world = begun()
    owned_by(world, "Job", owners)
    pod = pod_of(world, **UNSCHEDULABLE)

    found = fetching(world, spec, now=NOW + after, fetchers=(pod,))

    assert gives_way is (("Job", CLAIM) in places(found.delete))


def test_a_job_that_goes_on_is_left_to_it_whatever_the_spec() -> None:
    world = begun()
    owned_by(world, "Job", 1)

    found = fetching(world, MENDED, fetchers=(pod_of(world, phase="Running"),))

    assert found.delete == ()


@pytest.mark.parametrize(
    ("phase", "owners", "asked", "made_anew"),
    [
        pytest.param("Pending", 1, "10Gi", True, id="another-size"),
        pytest.param("Pending", 1, "9Gi", False, id="the-same-size"),
        pytest.param("Pending", 2, "10Gi", False, id="of-others-too"),
        pytest.param("Bound", 1, "10Gi", False, id="bound"),
    ],
)
def test_a_claim_that_gets_no_volume_is_made_anew_with_another_size(
    phase: str, owners: int, asked: str, *, made_anew: bool
) -> None:
    world = begun()
    owned_by(world, "PersistentVolumeClaim", owners)["status"] = {"phase": phase}
    deployment = deepseek(model="tiny", source=SOURCE, cache={"size": asked})

    found = fetching(world, deployment, warnings={CLAIM: ("too few bytes",)})

    assert made_anew is (("PersistentVolumeClaim", CLAIM) in places(found.delete))
    assert made_anew is (("PersistentVolumeClaim", CLAIM) not in places(found.share))


def test_a_changed_spec_does_not_wait_for_the_next_attempt_of_a_failed_job() -> None:
    world = failed({"reason": "Unauthorized", "message": "no token"})
    owned_by(world, "Job", 1)

    assert fetching(world, SIZED).delete == ()
    assert places(fetching(world, MENDED).delete) == [("Job", CLAIM)]
