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
APPLIED_ANNOTATION = f"{GROUP}/applied"
"""On every child: digest of the configuration last applied, to see what a new one would drop."""

REVISION_KEY_LENGTH = 10
REVISION_SUFFIX = r"-[0-9a-f]{10}$"
"""No object may be named like this: the form names revisions, so children never collide."""

_LONGEST_PLAIN = 63 - 1 - REVISION_KEY_LENGTH


def digest(text: str) -> str:
    """Ten hexadecimal digits of SHA-256: the form of every short hash here."""
    return hashlib.sha256(text.encode()).hexdigest()[:REVISION_KEY_LENGTH]


def revision_child(deployment: str, key: str) -> str:
    """Name of a revision's children; at most 63 characters, unique for (deployment, key).

    A name that is too long is cut and marked with its own digest. Both forms end in the revision
    suffix, which no object name may have, so a child's name is never another object's name.
    """
    if len(deployment) <= _LONGEST_PLAIN:
        return f"{deployment}-{key}"
    cut = deployment[: _LONGEST_PLAIN - 1 - REVISION_KEY_LENGTH].rstrip("-")
    return f"{cut}-{digest(deployment)}-{key}"


def is_object_name(name: str) -> bool:
    """Whether an object may have this name: a DNS-1035 label that does not look like a revision's."""
    label = re.fullmatch(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?", name)
    return bool(label) and not re.search(REVISION_SUFFIX, name)
