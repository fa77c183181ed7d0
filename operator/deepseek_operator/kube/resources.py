"""The kinds the operator reads and writes, as paths of the API."""

from dataclasses import dataclass

from deepseek_operator.api import names


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind of the API; where it has no namespaces, or all of them are meant, paths are asked for without one."""

    group: str
    version: str
    plural: str
    kind: str

    @property
    def api_version(self) -> str:
        """`apiVersion` as objects write it."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str | None, name: str | None = None, *, sub: str = "") -> str:
        """The API path of the collection, an object, or a subresource; no namespace: all of them."""
        root = f"/apis/{self.group}" if self.group else "/api"
        parts = [root, self.version]
        if namespace is not None:
            parts += ["namespaces", namespace]
        parts.append(self.plural)
        parts += [part for part in (name, sub) if part]
        return "/".join(parts)


DEEPSEEK_DEPLOYMENT = Resource(names.GROUP, names.VERSION, names.PLURAL, names.KIND)
CONTROLLER_REVISION = Resource("apps", "v1", "controllerrevisions", "ControllerRevision")
DEPLOYMENT = Resource("apps", "v1", "deployments", "Deployment")
SERVICE = Resource("", "v1", "services", "Service")
DISRUPTION_BUDGET = Resource("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget")
NETWORK_POLICY = Resource("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy")
POD = Resource("", "v1", "pods", "Pod")
EVENT = Resource("", "v1", "events", "Event")
LEASE = Resource("coordination.k8s.io", "v1", "leases", "Lease")

CLAIM = Resource("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim")
JOB = Resource("batch", "v1", "jobs", "Job")

CONFIG_MAP = Resource("", "v1", "configmaps", "ConfigMap")
SERVICE_ACCOUNT = Resource("", "v1", "serviceaccounts", "ServiceAccount")
ROLE = Resource("rbac.authorization.k8s.io", "v1", "roles", "Role")
ROLE_BINDING = Resource("rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding")

HTTP_ROUTE = Resource("gateway.networking.k8s.io", "v1", "httproutes", "HTTPRoute")
"""A child like others, of a kind that a cluster need not have: listed only where one is wanted, watched never."""
PARENT = Resource("gateway.networking.k8s.io", "v1", "gateways", "Gateway")

LEADER_WORKER_SET = Resource(
    "leaderworkerset.x-k8s.io", "v1", "leaderworkersets", "LeaderWorkerSet"
)
"""As HTTP_ROUTE: of a kind that a cluster need not have."""
POD_MONITOR = Resource("monitoring.coreos.com", "v1", "podmonitors", "PodMonitor")
"""As HTTP_ROUTE: of a kind that a cluster need not have."""
NODE = Resource("", "v1", "nodes", "Node")
RESOURCE_SLICE = Resource("resource.k8s.io", "v1", "resourceslices", "ResourceSlice")
RESOURCE_CLAIM = Resource("resource.k8s.io", "v1", "resourceclaims", "ResourceClaim")
DEVICE_CLASS = Resource("resource.k8s.io", "v1", "deviceclasses", "DeviceClass")
"""What is read of the whole cluster, and never written."""

ENGINE_CHILDREN: tuple[Resource, ...] = (
    CONTROLLER_REVISION,
    DEPLOYMENT,
    SERVICE,
    DISRUPTION_BUDGET,
)
GATEWAY_CHILDREN: tuple[Resource, ...] = (CONFIG_MAP, SERVICE_ACCOUNT, ROLE, ROLE_BINDING)
"""Kinds that only a gateway has; it has a Deployment and a budget too."""

CHILDREN: tuple[Resource, ...] = (*ENGINE_CHILDREN, *GATEWAY_CHILDREN, NETWORK_POLICY)
"""Kinds that the operator creates for an object and owns."""

SHARED: tuple[Resource, ...] = (CLAIM, JOB)
"""Kinds that the operator creates for all objects of a namespace that need the same."""

_BY_KIND = {
    (item.api_version, item.kind): item
    for item in (*CHILDREN, HTTP_ROUTE, LEADER_WORKER_SET, POD_MONITOR, *SHARED)
}


def resource_of(manifest: dict[str, object]) -> Resource:
    """The resource of a child manifest, by its apiVersion and kind."""
    return _BY_KIND[(str(manifest["apiVersion"]), str(manifest["kind"]))]
