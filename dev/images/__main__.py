"""Build the container images: `python3 -m dev.images [NAME...]`; what did not change is not built again."""

import argparse

from dev import packages, shared, steps
from dev.images import archive, base, store
from dev.images.catalog import FOR_TESTS, IMAGES, Image, by_name


def build(image: Image, *, archived: bool = True) -> None:
    """Build one image and write its archive, unless that was done; or only make sure the store has it."""
    packages.install(["buildah", "debootstrap"])
    with shared.alone(store.STORE):
        build_alone(image, archived=archived)


def build_alone(image: Image, *, archived: bool) -> None:
    """Build while no other set-up builds."""
    foundation = base.ensure()
    inputs = image.digest(foundation)
    if archived and archive.inputs(image.archive) == inputs:
        print(f"    {image.name} is up to date: {image.archive}", flush=True)
        return
    if store.label(image.reference, archive.INPUTS_LABEL) != inputs:
        if image.on:
            build_alone(by_name(image.on), archived=False)
            foundation = by_name(image.on).reference
        with steps.step(f"build {image.reference}"):
            build_in_store(image, foundation=foundation, inputs=inputs)
    if archived:
        with steps.step(f"write {image.archive}"):
            write(image)


def write(image: Image) -> None:
    """Write the archive of a built image; it appears when it is whole."""
    with shared.unfinished(image.archive.parent) as folder:
        made = folder / image.archive.name
        target = f"oci-archive:{made}:{image.reference}"
        # An archive's layers are always compressed; gzip would take longer than everything else.
        zstd = ["--compression-format", "zstd", "--compression-level", "1"]
        store.buildah("push", *zstd, image.reference, target)
        made.rename(image.archive)


def build_in_store(image: Image, *, foundation: str, inputs: str) -> None:
    """Let buildah carry out the Dockerfile, on its base; layers that did not change are taken as they are."""
    store.buildah(
        "build",
        "--layers",
        *store.isolation(),
        *("--format", "oci"),
        *("--build-arg", f"BASE={foundation}"),
        *("--label", f"{archive.INPUTS_LABEL}={inputs}"),
        *("--file", image.folder / "Dockerfile"),
        *("--tag", image.reference),
        image.context,
    )


def program() -> int:
    """Build the named images, or all that the product consists of."""
    parser = argparse.ArgumentParser(prog="python3 -m dev.images", description=__doc__)
    ours = [image.name for image in IMAGES]
    known = [*ours, *(image.name for image in FOR_TESTS)]
    parser.add_argument(
        "name", nargs="*", help=f"of: {', '.join(known)} (default: the first {len(ours)})"
    )
    chosen = parser.parse_args()
    if unknown := set(chosen.name) - set(known):
        parser.error(f"unknown image: {', '.join(sorted(unknown))}")
    for name in chosen.name or ours:
        build(by_name(name))
    return 0


if __name__ == "__main__":
    steps.main(program)
