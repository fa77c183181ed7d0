"""What a release needs beside wheel and images: python -m dev.release vX.Y.Z [--check | --chart REGISTRY].

With --check nothing is made: the tag, the package, the chart and the changelog have to say one version. With --chart the chart is
packaged, pushed into the registry, and its digest is added to dist/digests.txt; dist/notes.md is what the changelog says.
"""

import argparse
import re
import tomllib
from pathlib import Path

import yaml
from packaging.version import Version

from dev import steps, tools
from dev.paths import REPOSITORY

CHART = REPOSITORY / "charts" / "deepseek-operator"
DIST = REPOSITORY / "dist"
TAG = re.compile(r"v(\d+\.\d+\.\d+(?:-(?:alpha|beta|rc)\.\d+)?)")


def versions(root: Path = REPOSITORY) -> dict[str, str]:
    """The version by what says it."""
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    chart = yaml.safe_load((root / CHART.relative_to(REPOSITORY) / "Chart.yaml").read_text())
    return {
        "pyproject.toml": project["version"],
        "version of Chart.yaml": chart["version"],
        "appVersion of Chart.yaml": chart["appVersion"],
    }


def disagreeing(tag: str, said: dict[str, str], changelog: str) -> list[str]:
    """One sentence for each thing that does not say the tag's version."""
    match = TAG.fullmatch(tag)
    if match is None:
        return [f"{tag} is no tag of a release: v1.2.3, or v1.2.3-rc.1"]
    # Python writes 1.2.3rc1 for what is 1.2.3-rc.1 to Helm.
    found = [
        f"{what} says {version}, and the tag {match[1]}"
        for what, version in said.items()
        if Version(version) != Version(match[1])
    ]
    if not notes(changelog, match[1]):
        found.append(f"CHANGELOG.md has nothing under ## {match[1]}")
    return found


def notes(changelog: str, version: str) -> str:
    """What the changelog says of a version."""
    parts = re.split(r"^## (.+)$", changelog, flags=re.MULTILINE)
    for title, text in zip(parts[1::2], parts[2::2], strict=True):
        if title.split()[0].strip("[]") == version:
            return text.strip()
    return ""


def digest_of(told: str) -> str:
    """The digest that helm tells of what it has pushed."""
    match = re.search(r"^Digest: (sha256:[0-9a-f]{64})$", told, re.MULTILINE)
    if match is None:
        raise steps.StepError(f"helm did not tell the digest of the chart: {told}")
    return match[1]


def push_chart(version: str, registry: str) -> str:
    """Package the chart and push it; NAME@DIGEST."""
    helm = tools.path("helm")
    with steps.step(f"push the chart to {registry}/charts"):
        steps.run([helm, "package", CHART, "--destination", DIST])
        package = DIST / f"{CHART.name}-{version}.tgz"
        told = steps.run([helm, "push", package, f"oci://{registry}/charts"])
        return f"{registry}/charts/{CHART.name}@{digest_of(told)}"


def program() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m dev.release", description=__doc__)
    parser.add_argument("tag", help="as v1.2.3")
    does = parser.add_mutually_exclusive_group(required=True)
    does.add_argument("--check", action="store_true", help="make nothing")
    does.add_argument(
        "--chart", metavar="REGISTRY", help="host and path, as registry.example.com/team"
    )
    options = parser.parse_args()
    changelog = (REPOSITORY / "CHANGELOG.md").read_text()
    if found := disagreeing(options.tag, versions(), changelog):
        raise steps.StepError("; ".join(found))
    if options.chart:
        version = options.tag.removeprefix("v")
        (DIST / "notes.md").write_text(f"{notes(changelog, version)}\n")
        with (DIST / "digests.txt").open("a") as digests:
            digests.write(f"{push_chart(version, options.chart)}\n")
    return 0


if __name__ == "__main__":
    steps.main(program)
