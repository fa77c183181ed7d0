"""observe(): everything a decision needs, read live from the API server."""

import asyncio
from dataclasses import replace

from deepseek_operator import beginning, canary, derivation, door, pending, rest
from deepseek_operator import observe_groups as groups
from deepseek_operator import observe_monitors as monitors
from deepseek_operator import observe_nodes as nodes
from deepseek_operator import observe_pods as trouble
from deepseek_operator import observe_routes as routes
from deepseek_operator import observe_weights as weights
from deepseek_operator.api import names
from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.build import gateway
from deepseek_operator.catalog.catalog import Catalog
from deepseek_operator.engines.contract import Tracing
from deepseek_operator.kube import resources
from deepseek_operator.kube.client import Kube
from deepseek_operator.kube.drift import belongs_to
from deepseek_operator.observe_children import children
from deepseek_operator.observed import (
    Manifest,
    Monitoring,
    Observed,
    is_at_strength,
    restarts_by_revision,
)
from deepseek_operator.rollout.revisions import target_key
from deepseek_operator.telemetry import engines, gateways
from deepseek_operator.telemetry.engines import AskEngines
from deepseek_operator.telemetry.gateways import Ask
from deepseek_operator.warming import needs_warmup


async def observe(
    kube: Kube,
    deployment: DeepSeekDeployment,
    *,
    stored: Manifest,
    catalog: Catalog | None = None,
    monitoring: Monitoring | None = None,
    ask_gateways: Ask = gateways.ask_nobody,
    ask_engines: AskEngines = engines.ask_no_engine,
    with_policies: bool = False,
    tracing: Tracing | None = None,
) -> Observed:
    """The object's children, its weights, and its pods where some do not serve, with their complaints.

    Without a status (`stored`) no pass was completed: a new object has no children, but for those of a
    pass that was cut off, and a create meets them by name. So they are not listed for it. An object of
    a later generation has lost its status, and so may one that was made with two revisions at once: what
    serves is read off its children. `catalog` has the facts to decide by; None: those that are shipped.
    `with_policies` is whether objects have NetworkPolicies now; those of before stand in status until they are gone.
    `monitoring` says how objects are to be scraped; None: nobody asks for it. `tracing` says where traces go.
    """
    has_one = deployment.spec.rollout.from_ is None
    is_new = not stored and deployment.metadata.generation <= 1 and has_one
    observed = Observed() if catalog is None else Observed(catalog=catalog)
    observed = replace(observed, tracing=tracing)
    if not is_new:
        # What is left of a gateway that is not wanted any more stands in status until all of it is gone.
        has_gateway = gateway.is_embedded(deployment) or "gateway" in stored
        observed = await _with_children(kube, deployment, observed, has_gateway=has_gateway)
        if with_policies or "networkPolicies" in stored:
            found = await children(kube, deployment, resources.NETWORK_POLICY)
            observed = replace(observed, policies=found)
        observed = await groups.with_groups(kube, deployment, observed, stored=stored)
        observed = await monitors.with_monitors(kube, deployment, observed, monitoring)
        if not all(_serves(item) for item in (*observed.deployments, *observed.groups)):
            observed = await _with_pods(kube, deployment, observed)
    observed = await _with_cluster(kube, deployment, observed, stored=stored)
    observed = await routes.with_route(kube, deployment, observed, stored=stored)
    observed = await _with_gateways(kube, deployment, observed, ask_gateways)
    is_under_way = canary.is_under_way(deployment, stored)
    if is_under_way or deployment.spec.autoscaling is not None:
        observed = await _with_engines(kube, deployment, observed, ask_engines)
    if is_under_way:
        observed = await _with_exams(kube, deployment, observed, stored=stored)
    return await weights.observe_weights(kube, deployment, observed, stored=stored)


async def _with_cluster(
    kube: Kube, deployment: DeepSeekDeployment, observed: Observed, *, stored: Manifest
) -> Observed:
    """Nodes with accelerators, where something is to be decided by them or pods find none; and who holds them."""
    target = target_key(deployment.spec)
    is_counted = beginning.is_due(deployment, observed, stored, target) or any(
        map(pending.wants_accelerators, observed.pods)
    )
    if not is_counted and not _leaves_product_open(deployment, observed, stored):
        return observed
    return replace(observed, cluster=await nodes.read_cluster(kube, with_pods=is_counted))


def _leaves_product_open(
    deployment: DeepSeekDeployment, observed: Observed, stored: Manifest
) -> bool:
    """Whether a revision is to be resolved, for the product that the nodes have."""
    first = None if "serving" in stored else deployment.spec.rollout.from_
    further = [*deployment.spec.fallback, *([first] if first else [])]
    asking = [deployment, *map(deployment.asking_for, further)]
    keys = {
        target_key(one.spec)
        for one in asking
        if derivation.leaves_product_open(one.spec, observed.catalog)
    }
    return any(observed.revision(key) is None and observed.engine_set(key) is None for key in keys)


async def _with_children(
    kube: Kube, deployment: DeepSeekDeployment, observed: Observed, *, has_gateway: bool
) -> Observed:
    further = resources.GATEWAY_CHILDREN if has_gateway else ()
    listed = (*resources.ENGINE_CHILDREN, *further)
    found = await asyncio.gather(*(children(kube, deployment, resource) for resource in listed))
    revisions, deployments, services, budgets = found[:4]
    config_maps, accounts, roles, bindings = found[4:] or ((), (), (), ())
    return replace(
        observed,
        revisions=revisions,
        deployments=deployments,
        services=services,
        budgets=budgets,
        config_maps=config_maps,
        accounts=accounts,
        roles=roles,
        bindings=bindings,
    )


async def _with_gateways(
    kube: Kube, deployment: DeepSeekDeployment, observed: Observed, ask_gateways: Ask
) -> Observed:
    """Pods of the gateway, where some do not serve, or two revisions are there: one comes or goes.

    And always where they use Secrets, or hold who finds no replica: of that they alone know.
    """
    present = observed.gateway
    if present is None:
        return observed
    is_still = len(observed.engines) < 2 and _serves(present)
    if is_still and not door.names_secrets(deployment) and not rest.may_sleep(deployment):
        return observed
    pods = await kube.list_all(
        resources.POD,
        deployment.metadata.namespace,
        labels=gateway.gateway_selector(deployment),
    )
    return replace(observed, gateway_pods=tuple(pods), gateways=await ask_gateways(pods))


async def _with_engines(
    kube: Kube, deployment: DeepSeekDeployment, observed: Observed, ask_engines: AskEngines
) -> Observed:
    """What engines counted, and whose pods are on their way out: while a run is under way, and with `autoscaling`."""
    pods = observed.pods or tuple(await _engine_pods(kube, deployment))
    ending = tuple(pod for pod in pods if "deletionTimestamp" in pod["metadata"])
    restarts = restarts_by_revision(pods)
    return replace(observed, told=await ask_engines(pods), restarts=restarts, ending=ending)


async def _with_exams(
    kube: Kube, deployment: DeepSeekDeployment, observed: Observed, *, stored: Manifest
) -> Observed:
    """The Jobs that examine the candidate and their pods, once there has been one to make."""
    if "quality" not in stored["rollout"]:
        return observed
    namespace, name = deployment.metadata.namespace, deployment.metadata.name
    ours = {names.MANAGED_BY_LABEL: names.MANAGED_BY, names.QUALITY_LABEL: name}
    jobs, runs = await asyncio.gather(
        kube.list_all(resources.JOB, namespace, labels=ours),
        kube.list_all(resources.POD, namespace, labels=ours),
    )
    mine = (
        job for job in jobs if belongs_to(job, deployment.metadata.name, deployment.metadata.uid)
    )
    return replace(observed, exams=tuple(mine), examiners=tuple(runs))


async def _engine_pods(kube: Kube, deployment: DeepSeekDeployment) -> list[Manifest]:
    return await kube.list_all(
        resources.POD,
        deployment.metadata.namespace,
        labels={names.DEPLOYMENT_LABEL: deployment.metadata.name},
    )


def _serves(item: Manifest) -> bool:
    return is_at_strength(item, int(item["spec"].get("replicas", 1)))


async def _with_pods(kube: Kube, deployment: DeepSeekDeployment, observed: Observed) -> Observed:
    namespace = deployment.metadata.namespace
    pods = await _engine_pods(kube, deployment)
    warmups, warmers = await _warmups(kube, deployment, pods)
    return replace(
        observed,
        pods=tuple(pods),
        logs=await trouble.logs(kube, namespace, pods),
        complaints={
            **await trouble.complaints_of(kube, namespace, [*pods, *warmers]),
            **await trouble.refusals(kube, namespace, observed.groups, pods),
            **await trouble.refusals_of_jobs(kube, namespace, warmups, warmers),
        },
        progress=await weights.copy_progress(kube, namespace, pods),
        warmups=tuple(warmups),
        warmers=tuple(warmers),
    )


async def _warmups(
    kube: Kube, deployment: DeepSeekDeployment, pods: list[Manifest]
) -> tuple[list[Manifest], list[Manifest]]:
    """Warm-up Jobs and their pods, while an engine that has started is still shut."""
    if not any(map(needs_warmup, pods)):
        return [], []
    namespace, name = deployment.metadata.namespace, deployment.metadata.name
    ours = {names.MANAGED_BY_LABEL: names.MANAGED_BY}
    jobs, runs = await asyncio.gather(
        kube.list_all(resources.JOB, namespace, labels={**ours, names.DEPLOYMENT_LABEL: name}),
        kube.list_all(resources.POD, namespace, labels={**ours, names.WARMUP_LABEL: name}),
    )
    return jobs, runs
