"""The Job that examines a Canary, on a real API server: made once, made anew, gone when nobody asks any more."""

from datetime import UTC, datetime, timedelta

from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.build import quality as builders
from deepseek_operator.examining import RETRY, plan_examining
from deepseek_operator.execute import execute
from deepseek_operator.kube import resources
from deepseek_operator.kube.client import Kube
from deepseek_operator.observed import Observed
from deepseek_operator.plan import Plan
from deepseek_operator.resolve import resolve_shape
from deepseek_operator.rollout.exams import Exam, Quality
from deepseek_operator.rollout.run import Cause, Phase, Run
from tests.cluster.objects import IMAGES, Cluster, Manifest, deepseek
from tests.unit.rollout.stage import plan

QUALITY = {"webhook": {"url": "https://judge.example", "token": {"name": "judge", "key": "token"}}}
SELECTOR = "serving.deepseek.dev/quality=examined"


def run_of(deployment: DeepSeekDeployment, key: str) -> Run:
    """A run that is examined before its first step."""
    now = datetime.now(UTC)
    return Run(
        number=1,
        candidate=key,
        stable="0123456789",
        plan=plan(quality=Quality(webhook=True)),
        phase=Phase.STARTING,
        cause=Cause.CANDIDATE_STARTING,
        said=deployment.metadata.name,
        started=now,
        since=now,
        exam=Exam(0, now),
    )


async def observed(kube: Kube, cluster: Cluster) -> Observed:
    """The Jobs as a pass would read them."""
    labels = {"serving.deepseek.dev/quality": "examined"}
    jobs = await kube.list_all(resources.JOB, cluster.namespace, labels=labels)
    return Observed(exams=tuple(jobs))


async def carry_out(
    kube: Kube, cluster: Cluster, stored: Manifest, *, over: bool = False, later: bool = False
) -> None:
    deployment = DeepSeekDeployment.model_validate({**stored, "status": {}})
    shape = resolve_shape(deployment, deployment.spec, images=IMAGES)
    seen = await observed(kube, cluster)
    now = datetime.now(UTC) + (2 * RETRY if later else timedelta(0))
    found = plan_examining(
        deployment,
        None if over else run_of(deployment, shape.key),
        seen,
        shape=shape,
        image=IMAGES.toolbox,
        now=now,
    )
    writes = Plan((), found.delete, {}, records=False, requeue_seconds=None, start=found.jobs)
    await execute(kube, deployment, seen, writes)


async def jobs(cluster: Cluster) -> list[Manifest]:
    return list(await cluster.list("apis/batch/v1", "jobs", SELECTOR))


async def test_an_examination_is_one_job_that_is_made_anew_and_goes(
    cluster: Cluster, kube: Kube
) -> None:
    rollout = {"strategy": "Canary", "analysis": {"quality": QUALITY}}
    stored = await cluster.apply(
        deepseek("examined", cluster.namespace, rollout=rollout, gateway={})
    )
    await carry_out(kube, cluster, stored)
    await carry_out(kube, cluster, stored)

    [job] = await jobs(cluster)
    assert job["metadata"]["ownerReferences"][0]["uid"] == stored["metadata"]["uid"]
    assert job["spec"]["backoffLimit"] == 0
    volumes = {one["name"] for one in job["spec"]["template"]["spec"]["volumes"]}
    assert volumes == {"spec", "token"}
    assert job["spec"]["activeDeadlineSeconds"] == 600 + builders.CLOSING_SECONDS

    await carry_out(kube, cluster, stored, over=True)
    assert [one for one in await jobs(cluster) if "deletionTimestamp" not in one["metadata"]] == []
