"""The cluster that the demo runs on: the embedded one, or the one of the current kubeconfig."""

import contextlib
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dev import steps, tools
from dev.cluster import __main__ as cluster
from dev.cluster import images as node_images
from dev.cluster import layout
from dev.cluster.layout import NODE_ENDPOINTS, Layout
from dev.images import __main__ as builder
from dev.images import catalog, push, store
from dev.images.catalog import Image
from dev.kubectl import Kubectl


@dataclass(frozen=True, slots=True)
class Target:
    """A cluster, and how its nodes get images that were built here."""

    kubectl: Kubectl
    embedded: Layout | None
    registry: str = ""

    def image(self, name: str) -> str:
        """The reference by which pods ask for an image of this release."""
        return self.reference(catalog.by_name(name))

    def reference(self, image: Image) -> str:
        """The reference by which pods ask for an image."""
        return push.named(self.registry, image) if self.registry else image.reference

    def provide(self, image: Image) -> None:
        """Build an image and make it available to the nodes."""
        if self.embedded is not None:
            builder.build(image)
            with steps.step(f"load {image.reference}"):
                if not node_images.load(self.embedded, image.archive):
                    print("    already there", flush=True)
            return
        builder.build(image, archived=False)
        push.push(image, self.reference(image))

    @contextlib.contextmanager
    def url(self, namespace: str, name: str) -> Iterator[str]:
        """The base URL of a Service, as long as the context lasts; this machine has a route into its own cluster."""
        if self.embedded is None:
            with self.kubectl.forward(namespace, f"service/{name}", 80) as forwarded:
                yield forwarded
            return
        found = self.kubectl.json("get", "service", name, f"--namespace={namespace}")
        yield f"http://{found['spec']['clusterIP']}"

    def values(self, own: Sequence[Image] = catalog.OURS) -> dict[str, object]:
        """Values of the chart for images that were built here; `own` are those of this release or of another."""
        told = {image.name: self.reference(image) for image in own}
        repository, _, tag = told["operator"].rpartition(":")
        [operator] = [image for image in own if image.name == "operator"]
        return {
            "image": {"repository": repository, "tag": tag},
            "images": {
                "vllmCpu": self.image("vllm-cpu"),
                "toolbox": told["toolbox"],
                "gateway": told["gateway"],
            },
            "replicas": 1,
            **self._network(),
            # The tag of a development image stays the same: a new build has to restart the pod.
            "podAnnotations": {"serving.deepseek.dev/build": store.image_id(operator.reference)},
        }

    def _network(self) -> dict[str, object]:
        """Of a cluster of the user's own only the user knows where its DNS listens."""
        if self.embedded is None:
            return {}
        return {"networkPolicies": {"dnsPorts": [53, layout.DNS_PORT]}}


def embedded() -> Target:
    """The embedded cluster, started if it does not run."""
    place = layout.named("dev")
    cluster.bring_up(place)
    return Target(Kubectl(place.kubeconfig), place)


def install_clients(*, own: bool) -> None:
    """Build kubectl and helm; for a cluster of the user's own, only where there are none on the PATH."""
    wanted = {"kubectl": "kubernetes", "helm": "helm"}
    if names := [tool for name, tool in wanted.items() if not (own and shutil.which(name))]:
        tools.install(names)


def current(registry: str) -> Target:
    """The cluster of the current kubeconfig; images go through a registry that its nodes can reach."""
    kubectl = Kubectl(None, own_tools=False)
    server = current_server(kubectl)
    if server == NODE_ENDPOINTS.server:
        require_embedded(kubectl)
        return Target(kubectl, layout.named("dev"))
    if not registry:
        raise steps.StepError(
            f"the nodes of {server} cannot see images that are built here: name a registry that "
            "you may push to and they can pull from, REGISTRY=registry.example.com/team"
        )
    kubectl.run("version")
    return Target(kubectl, None, registry)


def require_embedded(kubectl: Kubectl) -> None:
    """StepError unless the embedded cluster answers; where it is down nothing at its address need refuse at once."""
    try:
        kubectl.run("version", "--request-timeout=10s")
    except steps.StepError as error:
        raise steps.StepError(
            "the embedded cluster does not run, and your kubeconfig names it: `make cluster`, or "
            f"`make demo`; {error}"
        ) from None


def current_server(kubectl: Kubectl) -> str:
    """The API server of the current kubeconfig; StepError with the remedy when it names none."""
    try:
        config = kubectl.json("config", "view", "--minify")
        return str(config["clusters"][0]["cluster"]["server"])
    except (steps.StepError, LookupError, TypeError):
        raise steps.StepError(
            "CLUSTER=current uses the current context of your kubeconfig and there is none: "
            "set KUBECONFIG, or `kubectl config use-context NAME`"
        ) from None
