"""The engine pods: what they may do, what they have, where they run."""

import dataclasses
import json
from typing import Any

import pytest

from deepseek_operator.build import template
from deepseek_operator.engines import contract, vllm
from tests.unit.samples import CPU_SPEC, EVERY_FIELD, Manifest, deepseek, engine_request


def build(*, drain: int = 600, **spec: Any) -> Manifest:
    request = dataclasses.replace(engine_request(**(spec or CPU_SPEC)), drain=drain)
    return template.build_template(
        deepseek(), key="k", request=request, engine=vllm.engine_container(request), claim="kept"
    )


def build_unlocked(**spec: Any) -> Manifest:
    """The pods of an object whose warm-up is off."""
    request = dataclasses.replace(engine_request(**(spec or CPU_SPEC)), warmed=False)
    return template.build_template(
        deepseek(), key="k", request=request, engine=vllm.engine_container(request), claim="kept"
    )


def containers(built: Manifest) -> list[Manifest]:
    return [*built["spec"]["initContainers"], *built["spec"]["containers"]]


def engine_of(built: Manifest) -> Manifest:
    return dict(built["spec"]["containers"][0])


@pytest.mark.parametrize("spec", [CPU_SPEC, EVERY_FIELD], ids=["cpu", "every-field"])
def test_no_container_may_more_than_it_must(spec: Manifest) -> None:
    built = build(**spec)

    assert built["spec"]["securityContext"]["runAsNonRoot"] is True
    assert built["spec"]["automountServiceAccountToken"] is False
    for container in containers(built):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }


@pytest.mark.parametrize("spec", [CPU_SPEC, EVERY_FIELD], ids=["cpu", "every-field"])
def test_every_mount_has_its_volume_and_every_volume_its_mount(spec: Manifest) -> None:
    built = build(**spec)

    mounted = {mount["name"] for item in containers(built) for mount in item["volumeMounts"]}
    assert mounted == {volume["name"] for volume in built["spec"]["volumes"]}


def test_weights_are_mounted_read_only_from_the_claim_that_holds_them() -> None:
    built = build(model="m", source="pvc://kept/a/b")

    assert {
        "name": "weights",
        "persistentVolumeClaim": {"claimName": "kept", "readOnly": True},
    } in built["spec"]["volumes"]
    mounts = engine_of(built)["volumeMounts"]
    assert {"name": "weights", "mountPath": "/weights", "readOnly": True} in mounts


@pytest.mark.parametrize(
    ("source", "waits"),
    [
        pytest.param("hf://org/name", True, id="fetched"),
        pytest.param("pvc://kept", False, id="the-users-own"),
    ],
)
def test_no_engine_starts_before_fetched_weights_are_whole(source: str, *, waits: bool) -> None:
    tools = build(model="m", source=source)["spec"]["initContainers"][0]

    assert waits is ("--wait-for=/weights/model/.complete.json" in tools["command"])
    assert waits is ("weights" in {mount["name"] for mount in tools["volumeMounts"]})


def test_a_pod_drains_before_it_is_killed() -> None:
    seconds = 5400
    built = build(drain=seconds)
    engine = engine_of(built)

    assert engine["lifecycle"]["preStop"] == {"sleep": {"seconds": contract.PRESTOP_SECONDS}}
    assert f"--shutdown-timeout={seconds}" in engine["args"]
    needed = contract.PRESTOP_SECONDS + seconds
    assert built["spec"]["terminationGracePeriodSeconds"] > needed


def test_what_is_dead_by_its_probe_is_not_waited_for_as_a_pod_that_drains() -> None:
    built = build()
    engine = engine_of(built)

    for probe in ("startupProbe", "livenessProbe"):
        seconds = engine[probe]["terminationGracePeriodSeconds"]
        assert contract.PRESTOP_SECONDS < seconds < 60
    assert "terminationGracePeriodSeconds" not in engine["readinessProbe"]


def test_how_long_a_pod_drains_makes_nobody_compile_anew() -> None:
    source = "hf://example/m"
    short, long = (build(model="m", source=source, drain=seconds) for seconds in (60, 3600))

    assert short["spec"]["initContainers"][0] == long["spec"]["initContainers"][0]
    assert any("--revision=" in arg for arg in short["spec"]["initContainers"][0]["command"])


@pytest.mark.parametrize(
    ("spec", "resources"),
    [
        pytest.param(CPU_SPEC, None, id="cpu-without-limits"),
        pytest.param(
            {"model": "DeepSeek-V3"}, {"limits": {"nvidia.com/gpu": "8"}}, id="accelerators"
        ),
        pytest.param(
            {
                **CPU_SPEC,
                "pod": {"resources": {"requests": {"cpu": 2}, "limits": {"memory": "4Gi"}}},
            },
            {"requests": {"cpu": "2"}, "limits": {"memory": "4Gi"}},
            id="the-user's",
        ),
        pytest.param(
            {"model": "DeepSeek-V3", "pod": {"resources": {"requests": {"cpu": "8"}}}},
            {"requests": {"cpu": "8"}, "limits": {"nvidia.com/gpu": "8"}},
            id="both",
        ),
    ],
)
def test_resources_are_the_users_and_the_accelerators(
    spec: Manifest, resources: Manifest | None
) -> None:
    assert resources == engine_of(build(**spec)).get("resources")


def test_a_users_variable_replaces_ours_of_that_name() -> None:
    pod = {"env": [{"name": "VLLM_NO_USAGE_STATS", "value": "0"}]}

    environment = engine_of(build(**CPU_SPEC, pod=pod))["env"]

    found = [item["value"] for item in environment if item["name"] == "VLLM_NO_USAGE_STATS"]
    assert found == ["0"]


def test_a_secret_stays_a_reference() -> None:
    environment = engine_of(build(**EVERY_FIELD))["env"]

    assert {
        "name": "HF_TOKEN",
        "valueFrom": {"secretKeyRef": {"name": "hub", "key": "token"}},
    } in environment


def test_the_operators_labels_win_over_the_users() -> None:
    pod = {"labels": {"serving.deepseek.dev/revision": "stolen", "team": "a"}}

    labels = build(**CPU_SPEC, pod=pod)["metadata"]["labels"]

    assert labels["serving.deepseek.dev/revision"] == "k"
    assert labels["team"] == "a"


def test_a_product_is_a_node_selector() -> None:
    spec: Manifest = {"model": "DeepSeek-V3", "accelerator": {"product": "NVIDIA-H200"}}

    selector = build(**spec, pod={"nodeSelector": {"zone": "a"}})["spec"]["nodeSelector"]

    assert selector == {"zone": "a", "nvidia.com/gpu.product": "NVIDIA-H200"}


def test_what_is_not_asked_for_does_not_stand_in_the_pod() -> None:
    optional = {
        "nodeSelector", "tolerations", "affinity", "topologySpreadConstraints",
        "priorityClassName", "runtimeClassName", "imagePullSecrets", "serviceAccountName",
    }  # fmt: skip

    assert not optional & set(build()["spec"])
    assert optional <= set(build(**EVERY_FIELD)["spec"])


def test_pods_spread_among_those_of_their_own_revision() -> None:
    constraint = build(**EVERY_FIELD)["spec"]["topologySpreadConstraints"][0]

    assert constraint["labelSelector"]["matchLabels"]["serving.deepseek.dev/revision"] == "k"


def test_a_pod_is_shut_by_two_locks_until_it_has_been_warmed_up() -> None:
    built = build()
    [_, warden] = built["spec"]["initContainers"]

    gates = built["spec"].get("readinessGates")
    assert gates == [{"conditionType": "serving.deepseek.dev/warm"}]
    assert (warden["name"], warden["restartPolicy"]) == ("warden", "Always")
    probe = engine_of(built)["readinessProbe"]["exec"]["command"]
    assert "--require-warm" in probe
    assert f"--state={contract.WARM_STATE_PATH}" in probe
    assert f"--state={contract.WARM_STATE_PATH}" in warden["args"]
    shared = {"name": "warmup", "mountPath": contract.WARM_STATE_PATH}
    assert shared in engine_of(built)["volumeMounts"]
    assert shared in warden["volumeMounts"]


def test_the_wardens_token_is_its_pods_uid_which_the_engine_cannot_read() -> None:
    built = build()
    [_, warden] = built["spec"]["initContainers"]
    [volume] = [each for each in built["spec"]["volumes"] if each["name"] == "token"]

    [item] = volume["downwardAPI"]["items"]
    assert item["fieldRef"]["fieldPath"] == "metadata.uid"
    [mount] = [each for each in warden["volumeMounts"] if each["name"] == "token"]
    assert f"--token-file={mount['mountPath']}/{item['path']}" in warden["args"]
    assert "token" not in {each["name"] for each in engine_of(built)["volumeMounts"]}


@pytest.mark.parametrize("spec", [CPU_SPEC, EVERY_FIELD], ids=["cpu", "every-field"])
def test_a_pod_that_is_not_warmed_up_has_no_lock_at_all(spec: Manifest) -> None:
    locked, unlocked = build(**spec), build_unlocked(**spec)

    assert "readinessGates" not in unlocked["spec"]
    assert [each["name"] for each in containers(unlocked)] == ["tools", "engine"]
    assert "--require-warm" not in engine_of(unlocked)["readinessProbe"]["exec"]["command"]
    gone = [each for each in locked["spec"]["volumes"] if each not in unlocked["spec"]["volumes"]]
    # What the engine compiled is kept by the warden: without one, nobody writes to the weights' volume.
    writable = ["weights"] if spec is EVERY_FIELD else []
    assert [each["name"] for each in gone] == [*writable, "warmup", "token"]
    assert "warm" not in json.dumps(unlocked)
    assert "compiled" not in json.dumps(unlocked["spec"]["initContainers"])


@pytest.mark.parametrize("spec", [CPU_SPEC, EVERY_FIELD], ids=["cpu", "every-field"])
def test_without_locks_every_mount_has_its_volume_still(spec: Manifest) -> None:
    built = build_unlocked(**spec)

    mounted = {mount["name"] for item in containers(built) for mount in item["volumeMounts"]}
    assert mounted == {volume["name"] for volume in built["spec"]["volumes"]}


def test_what_the_locks_add_is_all_that_they_change() -> None:
    locked, unlocked = build()["spec"], build_unlocked()["spec"]

    same = set(locked) - {"readinessGates", "initContainers", "containers", "volumes"}
    assert {name: locked[name] for name in same} == {name: unlocked[name] for name in same}
    assert locked["initContainers"][:1] == unlocked["initContainers"]


FETCHED: Manifest = {**CPU_SPEC, "source": "hf://example/tiny@main"}


def test_what_engines_compile_is_kept_beside_fetched_weights() -> None:
    built = build(**FETCHED)
    tools, warden = built["spec"]["initContainers"]
    flags = {"--compiled=/cache/compiled", "--store=/weights/compiled"}

    assert flags < set(tools["command"])
    assert flags < set(warden["args"])
    variables = {item["name"]: item.get("value", "") for item in engine_of(built)["env"]}
    assert variables["VLLM_CACHE_ROOT"].startswith("/cache/compiled/")
    assert variables["TRITON_CACHE_DIR"].startswith("/cache/compiled/")


def test_of_all_containers_only_the_warden_may_write_beside_the_weights() -> None:
    may_write = [
        (item["name"], mount["name"])
        for item in containers(build(**FETCHED))
        for mount in item["volumeMounts"]
        if mount["name"] in ("weights", "cache") and not mount.get("readOnly")
    ]

    assert may_write == [("tools", "cache"), ("warden", "weights"), ("engine", "cache")]


def test_nothing_is_kept_on_a_users_own_volume() -> None:
    built = build(**CPU_SPEC)

    assert "--store" not in json.dumps(built)
    [weights] = [each for each in built["spec"]["volumes"] if each["name"] == "weights"]
    assert weights["persistentVolumeClaim"]["readOnly"] is True


def kept_under(**changes: Any) -> str:
    command = build(**{**FETCHED, **changes})["spec"]["initContainers"][0]["command"]
    [found] = [arg for arg in command if arg.startswith("--revision=")]
    return str(found)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"engine": {"image": "registry.example/vllm:8"}}, id="engine-version"),
        pytest.param({"engine": {"args": ["--seed=1"]}}, id="flag"),
        pytest.param({"batching": {"maxConcurrentSequences": 3}}, id="batching"),
        pytest.param({"accelerator": {"kind": "GPU"}}, id="accelerator"),
        pytest.param({"pod": {"env": [{"name": "OMP_NUM_THREADS", "value": "3"}]}}, id="variable"),
    ],
)
def test_what_compiled_code_depends_on_keeps_it_apart(change: Manifest) -> None:
    assert kept_under(**change) != kept_under()


def test_one_gpu_and_two_of_another_product_keep_theirs_apart() -> None:
    gpus: list[Manifest] = [{}, {"count": 2}, {"product": "NVIDIA-H200"}]

    assert len({kept_under(accelerator={"kind": "GPU", **gpu}) for gpu in gpus}) == 3


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"servedName": "other"}, id="name"),
        pytest.param({"replicas": 7}, id="replicas"),
        pytest.param({"pod": {"labels": {"team": "x"}}}, id="labels"),
        pytest.param(
            {"pod": {"env": [{"name": "DEEPSEEK_MOST_LONG_REQUESTS", "value": "3"}]}},
            id="requests-that-are-taken",
        ),
    ],
)
def test_what_compiled_code_does_not_depend_on_shares_it(change: Manifest) -> None:
    assert kept_under(**change) == kept_under()
