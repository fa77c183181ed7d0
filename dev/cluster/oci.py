"""Images of one static program on an empty file system, written as OCI archives without any build tool."""

import hashlib
import io
import json
import tarfile
from pathlib import Path

from dev import shared

REPOSITORY = "localhost/deepseek-operator"
USER = "65532:65532"


def write_archive(*, program: Path, image: str, archive: Path) -> None:
    """Write an image that holds `program` as its entry point; equal inputs give equal bytes."""
    layer = tar({program.name: program.read_bytes()}, mode=0o755)
    config = document(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Entrypoint": [f"/{program.name}"], "User": USER},
            "rootfs": {"type": "layers", "diff_ids": [digest(layer)]},
        }
    )
    manifest = document(
        {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": descriptor("application/vnd.oci.image.config.v1+json", config),
            "layers": [descriptor("application/vnd.oci.image.layer.v1.tar", layer)],
        }
    )
    listed = descriptor("application/vnd.oci.image.manifest.v1+json", manifest)
    names = {"io.containerd.image.name": image, "org.opencontainers.image.ref.name": image}
    index = document({"schemaVersion": 2, "manifests": [{**listed, "annotations": names}]})
    files = {blob_path(blob): blob for blob in (layer, config, manifest)}
    files |= {"oci-layout": document({"imageLayoutVersion": "1.0.0"}), "index.json": index}
    with shared.unfinished(archive.parent) as folder:
        made = folder / archive.name
        made.write_bytes(tar(files, mode=0o644))
        made.rename(archive)


def images(archive: Path) -> dict[str, str]:
    """The names of an archive's images with their digests; an archive of another format has none."""
    with tarfile.open(archive) as content:
        try:
            file = content.extractfile("index.json")
        except KeyError:
            return {}
        assert file is not None
        return named_digests(json.load(file))


def named_digests(index: dict[str, list[dict[str, object]]]) -> dict[str, str]:
    """The names and digests that an OCI index lists."""
    found: dict[str, str] = {}
    for manifest in index["manifests"]:
        annotations = manifest.get("annotations", {})
        assert isinstance(annotations, dict)
        name = annotations.get("io.containerd.image.name") or annotations.get(
            "org.opencontainers.image.ref.name"
        )
        if name:
            found[name] = str(manifest["digest"])
    return found


def tar(files: dict[str, bytes], *, mode: int) -> bytes:
    """A tar archive of plain files, without dates and owners."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        for name, data in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), mode
            archive.addfile(entry, io.BytesIO(data))
    return content.getvalue()


def document(value: object) -> bytes:
    """JSON in one canonical form."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def descriptor(media_type: str, blob: bytes) -> dict[str, object]:
    """How OCI documents refer to a blob."""
    return {"mediaType": media_type, "digest": digest(blob), "size": len(blob)}


def digest(blob: bytes) -> str:
    """A blob's name by its content."""
    return f"sha256:{hashlib.sha256(blob).hexdigest()}"


def blob_path(blob: bytes) -> str:
    """Where an archive holds a blob."""
    return f"blobs/sha256/{digest(blob).removeprefix('sha256:')}"
