"""The API over time on a real API server: objects of releases under today's schema, and a second version beside the first."""

import base64
import copy
import json
from collections.abc import AsyncIterator, Iterator

import pytest

from deepseek_operator.api import crd, names
from deepseek_operator.kube import resources
from deepseek_operator.kube.client import Kube
from deepseek_operator.reconcile import Key
from dev import releases
from dev.cluster.control_plane import ControlPlane
from tests.cluster.definitions import remove
from tests.cluster.objects import (
    CRD,
    JSON_MERGE,
    Cluster,
    Manifest,
    Refused,
    condition,
    deepseek,
    wait_until,
)
from tests.cluster.passes import one_pass, settle
from tests.releases import recorded
from tests.releases.recorded import Recorded
from tests.unit.samples import EVERY_FIELD
from tests.unit.structural import defaulted, schema_of

DEFINITION = f"{CRD}/{names.PLURAL}.{names.GROUP}"
BETA = "v1beta1"
REFUSED_NOW: dict[str, Manifest] = {
    "args": {"engine": {"args": ["--enable-log-requests"]}},
    "source": {"source": "https://models.example/$a.gguf#sha256=" + "0" * 64},
    "priority": {"pod": {"priorityClassName": "system-node-critical"}},
    "annotations": {
        "pod": {"annotations": {"io.kubernetes.cri-o.TrySkipVolumeSELinuxLabel": "true"}}
    },
    "env": {"pod": {"env": [{"name": "VLLM_SERVER_DEV_MODE", "value": "1"}]}},
    "skew": {
        "pod": {
            "topologySpreadConstraints": [
                {"maxSkew": 2**31, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}
            ]
        }
    },
    "toleration": {"pod": {"tolerations": [{"key": "a b", "value": "c d"}]}},
    "names": {
        "pod": {"priorityClassName": "High", "runtimeClassName": "a_b", "serviceAccountName": "a/b"}
    },
}
"""Of the spec, by name: what 0.1.0 took and is refused now (dev/compatibility.yaml)."""


@pytest.fixture(scope="module")
def control_plane() -> Iterator[ControlPlane]:
    """One whose definition these tests change."""
    with ControlPlane.temporary() as plane:
        yield plane


@pytest.fixture(autouse=True)
async def no_definition(control_plane: ControlPlane) -> AsyncIterator[None]:
    """Each test begins and ends without the definition: what one stored is no other's."""
    yield
    plain = await Cluster.connect(control_plane)
    try:
        await remove(plain, [DEFINITION])
    finally:
        await plain.close()


async def _found(cluster: Cluster, path: str) -> bool:
    try:
        await cluster.send("GET", path)
    except Refused:
        return False
    return True


async def define(cluster: Cluster, definition: Manifest) -> None:
    """Create or change the definition; returns once the server serves exactly that."""
    if await _found(cluster, DEFINITION):
        spec = {"spec": definition["spec"]}
        await cluster.send("PATCH", DEFINITION, spec, content=JSON_MERGE)
    else:
        await cluster.send("POST", CRD, definition)
    versions = definition["spec"]["versions"]

    async def is_served() -> bool:
        return all([await _serves(cluster, version) for version in versions])

    await wait_until(is_served, what="the definition is served", seconds=60)


async def _serves(cluster: Cluster, version: Manifest) -> bool:
    """Whether the server publishes this version as it is defined: its fields, and nothing of the one before."""
    path = f"/openapi/v3/apis/{names.GROUP}/{version['name']}"
    try:
        published = await cluster.send("GET", path)
    except (Refused, json.JSONDecodeError):
        # While it is made anew there is none, or nothing in it.
        return False
    schemas = published.get("components", {}).get("schemas", {}).values()
    wanted = _fields(version["schema"]["openAPIV3Schema"]["properties"]["spec"])
    return any(_fields(one.get("properties", {}).get("spec", {})) == wanted for one in schemas)


def _fields(schema: Manifest, path: str = "") -> set[str]:
    """The paths of all fields of a schema."""
    found = {path}
    for name, child in schema.get("properties", {}).items():
        found |= _fields(child, f"{path}.{name}")
    return found | (_fields(schema["items"], f"{path}[]") if "items" in schema else set())


def path_of(cluster: Cluster, name: str, version: str = names.VERSION) -> str:
    """An object, as this version has it."""
    place = f"/apis/{names.GROUP}/{version}/namespaces/{cluster.namespace}/{names.PLURAL}"
    return f"{place}/{name}".rstrip("/")


async def store(cluster: Cluster, stored: Recorded) -> Manifest:
    """Make an object as the release kept it, with its status; its name is that of the scene."""
    manifest = {key: value for key, value in stored.object.items() if key != "status"}
    manifest["metadata"] = {"name": stored.scene, "namespace": cluster.namespace}
    made = await cluster.send("POST", f"{path_of(cluster, '')}?fieldValidation=Strict", manifest)
    status = {**made, "status": stored.object["status"]}
    return await cluster.send(
        "PUT", f"{path_of(cluster, stored.scene)}/status?fieldValidation=Strict", status
    )


async def write_status(kube: Kube, manifest: Manifest, status: Manifest) -> None:
    """As the operator writes it: a server-side apply of the version that was read."""
    known = {
        key: manifest["metadata"][key] for key in ("name", "namespace", "uid", "resourceVersion")
    }
    body = {
        "apiVersion": names.API_VERSION,
        "kind": names.KIND,
        "metadata": known,
        "status": status,
    }
    await kube.apply(resources.DEEPSEEK_DEPLOYMENT, body, sub="status")


@pytest.mark.parametrize("release", releases.all_releases(), ids=lambda one: one.version)
async def test_objects_of_a_release_are_valid_readable_and_writable_once_the_definition_is_todays(
    cluster: Cluster, kube: Kube, release: releases.Release
) -> None:
    await define(cluster, recorded.definition(release.version))
    kept = {one.scene: await store(cluster, one) for one in recorded.scenes(release.version)}
    for stored in recorded.scenes(release.version):
        assert stored.object["spec"] == kept[stored.scene]["spec"]
        assert stored.object["status"] == kept[stored.scene]["status"]

    await define(cluster, crd.build_crd())

    for name, before in kept.items():
        found = await cluster.get(name)
        assert defaulted(schema_of("spec"), before["spec"]) == found["spec"]
        assert before["status"] == found["status"]
        # The whole of it, as a client of today writes it, with one change.
        more = found["spec"]["replicas"] + 1
        changed = {**found, "spec": {**found["spec"], "replicas": more}}
        written = await cluster.send(
            "PUT", f"{path_of(cluster, name)}?fieldValidation=Strict", changed
        )
        assert written["metadata"]["generation"] == found["metadata"]["generation"] + 1
        await write_status(kube, written, {**written["status"], "url": "http://told.example"})
        assert (await cluster.get(name))["status"]["url"] == "http://told.example"


@pytest.mark.parametrize("what", sorted(REFUSED_NOW))
async def test_what_is_refused_now_stays_in_an_object_that_has_it(
    cluster: Cluster, kube: Kube, what: str
) -> None:
    refused = deepseek("older", cluster.namespace, **REFUSED_NOW[what])
    await define(cluster, recorded.definition("0.1.0"))
    made = await cluster.apply(refused)

    await define(cluster, crd.build_crd())

    found = await cluster.get("older")
    assert made["spec"] == found["spec"]
    await write_status(kube, found, {"replicas": 1, "conditions": []})
    await cluster.send(
        "PATCH", path_of(cluster, "older"), {"spec": {"replicas": 3}}, content=JSON_MERGE
    )
    assert (await cluster.get("older"))["spec"]["replicas"] == 3
    await one_pass(kube, Key(cluster.namespace, "older"))
    assert condition(await cluster.get("older"), "Stalled")["status"] in ("True", "False")
    with pytest.raises(Refused):
        await cluster.apply(deepseek("newer", cluster.namespace, **REFUSED_NOW[what]))


def beside(*, stored: str) -> Manifest:
    """Both versions in one definition, as the generator makes it."""
    return crd.build_crd(served=(names.VERSION, BETA), stored=stored)


def without_version(manifest: Manifest) -> Manifest:
    """What has to be the same in every version."""
    found = copy.deepcopy(manifest)
    del found["apiVersion"]
    found["metadata"].pop("managedFields", None)
    return found


@pytest.mark.parametrize("stored", [names.VERSION, BETA])
async def test_a_round_trip_through_a_second_version_loses_nothing(
    cluster: Cluster, kube: Kube, stored: str
) -> None:
    await define(cluster, beside(stored=stored))
    full: Manifest = copy.deepcopy(EVERY_FIELD)
    # One of the two sets the number, and `every field` has both for the types' sake.
    del full["replicas"]
    manifest = {**deepseek("full", cluster.namespace), "spec": full}
    await cluster.send("POST", f"{path_of(cluster, '')}?fieldValidation=Strict", manifest)
    await write_status(
        kube, await cluster.get("full"), recorded.one("0.1.0", "canary").object["status"]
    )
    before = await cluster.get("full")

    as_beta = await cluster.send("GET", path_of(cluster, "full", BETA))
    assert as_beta["apiVersion"] == f"{names.GROUP}/{BETA}"
    assert without_version(before) == without_version(as_beta)
    # Written by a client of the one, read by a client of the other, and back.
    as_beta["metadata"]["labels"] = {"written": BETA}
    await cluster.send("PUT", f"{path_of(cluster, 'full', BETA)}?fieldValidation=Strict", as_beta)
    after = await cluster.get("full")

    assert after["metadata"]["labels"] == {"written": BETA}
    assert before["spec"] == after["spec"]
    assert before["status"] == after["status"]


async def test_the_operator_goes_on_while_the_stored_version_is_another(
    cluster: Cluster, kube: Kube
) -> None:
    await define(cluster, crd.build_crd())
    await cluster.apply(deepseek("chat", cluster.namespace))
    await settle(kube, cluster, "chat")
    children = await cluster.children("chat")

    await define(cluster, beside(stored=names.VERSION))
    await define(cluster, beside(stored=BETA))
    assert (await one_pass(kube, Key(cluster.namespace, "chat"))).writes == 0
    assert _uids(children) == _uids(await cluster.children("chat"))

    # A client of the new version changes it, and the operator, of the old one, follows.
    await cluster.send(
        "PATCH", path_of(cluster, "chat", BETA), {"spec": {"replicas": 2}}, content=JSON_MERGE
    )
    await settle(kube, cluster, "chat")
    assert (await cluster.send("GET", path_of(cluster, "chat", BETA)))["status"]["replicas"] == 2
    assert _uids(children).items() <= _uids(await cluster.children("chat")).items()


def _uids(children: dict[tuple[str, str], Manifest]) -> dict[tuple[str, str], str]:
    return {place: child["metadata"]["uid"] for place, child in children.items()}


async def test_a_version_can_be_dropped_once_every_object_is_stored_in_another(
    cluster: Cluster,
) -> None:
    await define(cluster, crd.build_crd())
    await cluster.apply(deepseek("chat", cluster.namespace))
    await define(cluster, beside(stored=BETA))
    assert await _stored_versions(cluster) == [names.VERSION, BETA]
    assert await _stored_as(cluster, "chat") == f"{names.GROUP}/{names.VERSION}"
    with pytest.raises(Refused, match="storedVersions"):
        await _keep_only(cluster, BETA)
    before = await cluster.send("GET", path_of(cluster, "chat", BETA))

    async def is_rewritten() -> bool:
        """Each object is written once, unchanged: it is stored in the version of now."""
        found = await cluster.send("GET", path_of(cluster, "chat", BETA))
        await cluster.send("PUT", path_of(cluster, "chat", BETA), found)
        return await _stored_as(cluster, "chat") == f"{names.GROUP}/{BETA}"

    await wait_until(is_rewritten, what="the object is stored as v1beta1")
    stored = {"status": {"storedVersions": [BETA]}}
    await cluster.send("PATCH", f"{DEFINITION}/status", stored, content=JSON_MERGE)
    await _keep_only(cluster, BETA)

    async def is_gone() -> bool:
        return not await _found(cluster, path_of(cluster, "chat"))

    await wait_until(is_gone, what="the old version is served no more", seconds=60)
    after = await cluster.send("GET", path_of(cluster, "chat", BETA))
    assert before["spec"] == after["spec"]
    assert before["metadata"]["generation"] == after["metadata"]["generation"]


async def _stored_as(cluster: Cluster, name: str) -> str:
    """The version in which etcd has an object, which no API tells."""
    key = f"/registry/{names.GROUP}/{names.PLURAL}/{cluster.namespace}/{name}"
    url = f"http://127.0.0.1:{cluster.plane.endpoints.etcd}/v3/kv/range"
    body = {"key": base64.b64encode(key.encode()).decode()}
    async with cluster.session.post(url, json=body) as response:
        [found] = (await response.json())["kvs"]
    return str(json.loads(base64.b64decode(found["value"]))["apiVersion"])


async def _stored_versions(cluster: Cluster) -> list[str]:
    return list((await cluster.send("GET", DEFINITION))["status"]["storedVersions"])


async def _keep_only(cluster: Cluster, version: str) -> None:
    """Drop every other version from the definition."""
    found = await cluster.send("GET", DEFINITION)
    kept = [one for one in found["spec"]["versions"] if one["name"] == version]
    await cluster.send("PATCH", DEFINITION, {"spec": {"versions": kept}}, content=JSON_MERGE)
