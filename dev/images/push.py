"""Push the images to a registry, for a chart that is installed from it: `python3 -m dev.images.push HOST/PATH`."""

import argparse
import re
from pathlib import Path

from dev import preflight, shared, steps
from dev.images import __main__ as builder
from dev.images import store
from dev.images.catalog import IMAGES, PROJECT, Image
from dev.paths import REPOSITORY

CHART = REPOSITORY / "charts" / "deepseek-operator"


def named(registry: str, image: Image, *, tag: str = "") -> str:
    """An image's name in a registry; with its own tag unless another is given."""
    return f"{registry}/{image.name}:{tag or image.tag}"


def released(registry: str, chart: str) -> dict[str, str]:
    """By image, its name as the chart with this Chart.yaml would look for it in another registry.

    Images made of this project's own code carry the chart's appVersion, those of others the version of what is in them.
    """
    match = re.search(r"^appVersion: *[\"']?([^\s\"']+)", chart, re.MULTILINE)
    if match is None:
        raise steps.StepError("Chart.yaml has no appVersion, which the images are tagged with")
    return {
        image.name: named(registry, image, tag=match[1] if image.inputs == PROJECT else "")
        for image in IMAGES
    }


def push(image: Image, reference: str) -> str:
    """Push a built image under a name, and tell its digest; buildah has the credentials of `buildah login` and of docker's."""
    with steps.step(f"push {reference}"), shared.unfinished(store.STORE.parent) as folder:
        told = folder / "digest"
        store.buildah("push", "--digestfile", told, image.reference, f"docker://{reference}")
        return told.read_text().strip()


def way_on(names: dict[str, str]) -> str:
    """The command that installs the chart with these images."""
    values = {
        "image.repository": names["operator"].rpartition(":")[0],
        "images.toolbox": names["toolbox"],
        "images.gateway": names["gateway"],
        "images.vllmCpu": names["vllm-cpu"],
    }
    return "\n".join(
        [
            "Install the chart with them:",
            f"  helm install deepseek-operator {CHART.relative_to(REPOSITORY)} --wait \\",
            "    --namespace deepseek-system --create-namespace \\",
            " \\\n".join(f"    --set {name}={value}" for name, value in values.items()),
        ]
    )


def program() -> int:
    """Build every image, push it, and say how to install the chart with them."""
    parser = argparse.ArgumentParser(prog="python3 -m dev.images.push", description=__doc__)
    parser.add_argument("registry", help="host and path, as registry.example.com/team")
    parser.add_argument("--digests", type=Path, help="file to write NAME@DIGEST of each image to")
    options = parser.parse_args()
    registry = options.registry
    if found := preflight.findings(preflight.observe("push", registry)):
        raise steps.StepError("\n".join(found))
    names = released(registry, (CHART / "Chart.yaml").read_text())
    pushed = []
    for image in IMAGES:
        builder.build(image, archived=False)
        digest = push(image, names[image.name])
        pushed.append(f"{names[image.name].rpartition(':')[0]}@{digest}\n")
    if options.digests:
        options.digests.write_text("".join(pushed))
    print(way_on(names))
    return 0


if __name__ == "__main__":
    steps.main(program)
