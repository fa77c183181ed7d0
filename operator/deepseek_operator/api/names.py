"""Names every room shares: API group, labels, annotations, and the names of children."""

import hashlib
import re

GROUP = "serving.deepseek.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
KIND = "DeepSeekDeployment"
PLURAL = "deepseekdeployments"

FIELD_MANAGER = "deepseek-operator"
"""The one server-side apply field manager of everything the operator writes."""

MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"
MANAGED_BY = "deepseek-operator"
DEPLOYMENT_LABEL = f"{GROUP}/deployment"
"""On every child and pod: the name of the DeepSeekDeployment it belongs to."""
REVISION_LABEL = f"{GROUP}/revision"
"""On what belongs to one revision: the revision key."""
WORKER_LABEL = f"{GROUP}/worker"
"""On pods of a replica that take no requests, in place of the revision's label: its key."""
WEIGHTS_LABEL = f"{GROUP}/weights"
"""On a volume of fetched weights, its Jobs and their pods: the name of the volume's claim."""
WARM_GATE = f"{GROUP}/warm"
"""The readiness gate of engine pods: the operator opens it once a pod's engine has been warmed up."""
GATEWAY_LABEL = f"{GROUP}/gateway"
"""On gateway pods: the name of the DeepSeekDeployment."""
WARMUP_LABEL = f"{GROUP}/warmup"
"""On the pods of warm-up Jobs: the name of the DeepSeekDeployment."""
WARMUP_SPEC_ANNOTATION = f"{GROUP}/warmup-spec"
WARMUP_TOKEN_ANNOTATION = f"{GROUP}/warmup-token"
QUALITY_LABEL = f"{GROUP}/quality"
"""On the Jobs that examine a Canary's answers and on their pods: the name of the DeepSeekDeployment."""
QUALITY_SPEC_ANNOTATION = f"{GROUP}/quality-spec"
REFERENCE_ANNOTATION = f"{GROUP}/log-probabilities"
"""On a ControllerRevision: what its first pod answered to the fixed prompt."""
OPTIONS_ANNOTATION = f"{GROUP}/engine-options"
"""On engine pods whose engine reads a file of options: its content."""
MODEL_ANNOTATION = f"{GROUP}/model"
SOURCE_ANNOTATION = f"{GROUP}/source"
SIZING_ANNOTATION = f"{GROUP}/sizing"
"""On what makes a revision's pods: what was derived, as JSON, for when its ControllerRevision is gone."""
COMPLETE_ANNOTATION = f"{GROUP}/complete"
"""On a claim whose weights are all there and verified: what its Job said of them, as JSON."""
RESTING_ANNOTATION = f"{GROUP}/replicas"
"""On what makes a revision's pods, while it asks for fewer replicas than it is to have again (none, where it gave its pods
up for another revision or for `replicas: 0`): how many these are."""
COMMAND_ANNOTATION = f"{GROUP}/command"
"""On an object: what a person asks of its rollout, `<verb>:<run>/<step>`."""
RETAIN_ANNOTATION = f"{GROUP}/retain"
"""On a claim that stays when nobody uses it: "true"."""
APPLIED_ANNOTATION = f"{GROUP}/applied"
"""On every child: digest of the configuration last applied, to see what a new one would drop."""
REMOVED_ANNOTATION = f"{GROUP}/removed"
"""On what makes pods: how often which additions of others were taken away from its template, as JSON."""

REVISION_KEY_LENGTH = 10
REVISION_SUFFIX = r"-[0-9a-f]{10}$"
"""No object may be named like this: the form names revisions, so children never collide."""

GATEWAY_SUFFIX = "-gateway"
"""No object may be named like this: the form names gateways."""

_LONGEST_NAME = 63

_LONGEST_GROUP_NAME = 48
"""Of a LeaderWorkerSet: StatefulSets label the pods of a group with NAME-GROUP-HASH, of 63 characters at most."""


def digest(text: str) -> str:
    """Ten hexadecimal digits of SHA-256: the form of every short hash here."""
    return hashlib.sha256(text.encode()).hexdigest()[:REVISION_KEY_LENGTH]


def revision_child(deployment: str, key: str) -> str:
    """Name of a revision's children; at most 63 characters, unique for (deployment, key).

    A name that is too long is cut and marked with its own digest. Both forms end in the revision
    suffix, which no object name may have, so a child's name is never another object's name.
    """
    return _child(deployment, f"-{key}")


def revision_group(deployment: str, key: str) -> str:
    """Name of a revision's LeaderWorkerSet: as revision_child, but of at most 48 characters."""
    return _child(deployment, f"-{key}", longest=_LONGEST_GROUP_NAME)


def gateway_child(deployment: str) -> str:
    """Name of what belongs to an object's gateway; at most 63 characters, unique for the object."""
    return _child(deployment, GATEWAY_SUFFIX)


def policy_child(deployment: str, of: str) -> str:
    """Name of the NetworkPolicy of some of an object's pods; it ends as a revision's does, which no object's name may."""
    return _child(deployment, f"-{of}-{digest(f'{deployment}/{of}')}")


def _child(deployment: str, suffix: str, *, longest: int = _LONGEST_NAME) -> str:
    room = longest - len(suffix)
    if len(deployment) <= room:
        return f"{deployment}{suffix}"
    cut = deployment[: room - 1 - REVISION_KEY_LENGTH].rstrip("-")
    return f"{cut}-{digest(deployment)}{suffix}"


def weights_claim(title: str, identity: str) -> str:
    """Name of the claim that keeps weights: readable by `title`, unique by `identity`.

    At most 55 characters: its Jobs add their own ending, and Jobs name pods by 63.
    """
    readable = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:36].rstrip("-")
    return "-".join(part for part in ("weights", readable, digest(identity)) if part)


def is_object_name(name: str) -> bool:
    """Whether an object may have this name: a DNS-1035 label unlike those of revisions and gateways."""
    label = re.fullmatch(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?", name)
    is_childs = re.search(REVISION_SUFFIX, name) or name.endswith(GATEWAY_SUFFIX)
    return bool(label) and not is_childs
