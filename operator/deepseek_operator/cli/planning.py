"""A plan of the accelerators that a cluster has: what is free of them, and which strategy has room."""

import argparse
from dataclasses import replace

from deepseek_operator import observe_nodes
from deepseek_operator.cli import objects, offline, peaks, questions
from deepseek_operator.cli.objects import InputError
from deepseek_operator.cli.peaks import Owner
from deepseek_operator.kube import resources
from deepseek_operator.kube.client import Kube


async def plan(kube: Kube, options: argparse.Namespace, *, namespace: str) -> int:
    """Print the plan; the exit code, as without a cluster."""
    known = questions.prices(options.price, objects.read_catalog(options.catalog))
    name, spec = objects.read_spec(options.filename)
    cluster = await observe_nodes.read_cluster(kube, with_pods=True)
    if cluster.unread:
        raise InputError(
            "nodes and pods of the whole cluster may not be listed with these credentials; say what there is by "
            "--accelerators, such as 16xH200:8"
        )
    pools = peaks.pools_of(cluster, known.accelerators)
    if not pools:
        raise InputError(
            "no node offers whole GPUs that the catalog knows; say what there is to be by --accelerators, such as "
            "16xH200:8"
        )
    found = offline.plan_on(pools, options, known, name=name, spec=spec)
    present = await kube.get(resources.DEEPSEEK_DEPLOYMENT, namespace, name) if name else None
    serving = ((present or {}).get("status") or {}).get("serving", {}).get("revision")
    owner = Owner(namespace, name, serving)
    peak = peaks.peak_of(found.blocks, cluster, known=known, spec=spec, owner=owner)
    return offline.show(replace(found, peak=peak), options)
