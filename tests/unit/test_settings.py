"""Settings from the environment."""

import socket

import pytest

from deepseek_operator.engines.contract import Network, Placement, Tracing
from deepseek_operator.observed import Monitoring
from deepseek_operator.settings import SettingsError, load_settings

IMAGES = {
    "DSO_VLLM_IMAGE": "v:1",
    "DSO_VLLM_CPU_IMAGE": "c:1",
    "DSO_TENSORRT_LLM_IMAGE": "n:1",
    "DSO_TOOLBOX_IMAGE": "t:1",
    "DSO_GATEWAY_IMAGE": "g:1",
}


def test_only_the_images_must_be_given() -> None:
    settings = load_settings(IMAGES)

    assert (
        settings.images.vllm,
        settings.images.vllm_cpu,
        settings.images.tensorrt_llm,
        settings.images.toolbox,
        settings.images.gateway,
    ) == ("v:1", "c:1", "n:1", "t:1", "g:1")
    assert settings.watched_namespaces == ()
    assert socket.gethostname() == settings.identity


def test_objects_are_scraped_where_it_is_asked_for() -> None:
    asked = {**IMAGES, "DSO_POD_MONITORS": "true"}
    labels = {"DSO_POD_MONITOR_LABELS": '{"release": "prometheus"}'}

    assert load_settings(asked).monitoring == Monitoring({})
    assert load_settings({**asked, **labels}).monitoring == Monitoring({"release": "prometheus"})
    assert load_settings({**IMAGES, **labels}).monitoring is None


def test_gateways_run_where_they_are_told_to() -> None:
    asked = {
        **IMAGES,
        "DSO_GATEWAY_NODE_SELECTOR": '{"pool": "edge"}',
        "DSO_GATEWAY_TOLERATIONS": '[{"key": "edge", "operator": "Exists", "tolerationSeconds": 9}]',
        "DSO_GATEWAY_AFFINITY": '{"podAffinity": {}}',
        "DSO_GATEWAY_PRIORITY_CLASS_NAME": "edge",
    }

    assert load_settings(IMAGES).images.gateways == Placement()
    assert load_settings(asked).images.gateways == Placement(
        node_selector={"pool": "edge"},
        tolerations=({"key": "edge", "operator": "Exists", "tolerationSeconds": 9},),
        affinity={"podAffinity": {}},
        priority_class="edge",
    )


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("GATEWAY_TOLERATIONS", '[{"effect": "Never"}]'),
        ("GATEWAY_NODE_SELECTOR", '["edge"]'),
        ("GATEWAY_AFFINITY", "edge"),
    ],
)
def test_a_place_for_gateways_that_cannot_be_is_refused(name: str, wrong: str) -> None:
    with pytest.raises(SettingsError, match=f"DSO_{name}"):
        load_settings({**IMAGES, f"DSO_{name}": wrong})


def test_traces_go_where_a_collector_is() -> None:
    asked = {**IMAGES, "DSO_TRACING_ENDPOINT": "otel.observability.svc:4317"}

    assert load_settings(IMAGES).images.tracing is None
    assert load_settings(asked).images.tracing == Tracing("otel.observability.svc", 4317, 10.0)
    few = {**asked, "DSO_TRACING_SAMPLING_PERCENT": "0.5"}
    assert load_settings(few).images.tracing == Tracing("otel.observability.svc", 4317, 0.5)


@pytest.mark.parametrize("wrong", ["otel", "http://otel:4317", "otel:0", ":4317", "otel:4317/v1"])
def test_a_collector_is_a_host_and_a_port(wrong: str) -> None:
    with pytest.raises(SettingsError, match="DSO_TRACING_ENDPOINT"):
        load_settings({**IMAGES, "DSO_TRACING_ENDPOINT": wrong})


@pytest.mark.parametrize(
    ("text", "namespaces"),
    [
        pytest.param("", (), id="everywhere"),
        pytest.param("a", ("a",), id="one"),
        pytest.param(" a, b ,", ("a", "b"), id="two-with-spaces"),
    ],
)
def test_namespaces_are_separated_by_commas(text: str, namespaces: tuple[str, ...]) -> None:
    assert namespaces == load_settings({**IMAGES, "DSO_NAMESPACES": text}).watched_namespaces


@pytest.mark.parametrize(
    ("environment", "variable"),
    [
        pytest.param({}, "DSO_VLLM_IMAGE", id="image-missing"),
        pytest.param({**IMAGES, "DSO_TOOLBOX_IMAGE": ""}, "DSO_TOOLBOX_IMAGE", id="image-empty"),
        pytest.param({**IMAGES, "DSO_WORKERS": "0"}, "DSO_WORKERS", id="no-worker"),
        pytest.param({**IMAGES, "DSO_WORKERS": "many"}, "DSO_WORKERS", id="no-number"),
        pytest.param({**IMAGES, "DSO_HTTP_PORT": "70000"}, "DSO_HTTP_PORT", id="no-port"),
        pytest.param({**IMAGES, "DSO_LEASE_SECONDS": "1"}, "DSO_LEASE_SECONDS", id="short-lease"),
        *(
            pytest.param(
                {**IMAGES, f"DSO_MULTI_NODE_{name}": text}, f"DSO_MULTI_NODE_{name}", id=id_
            )
            for name, text, id_ in (
                ("RDMA_RESOURCE", "rdma", "no-resource"),
                ("RDMA_COUNT", "0", "no-rdma"),
                ("HOST_NETWORK", "perhaps", "neither"),
                ("ENV", "NCCL_DEBUG=INFO", "no-json"),
                ("ENV", '{"HF_TOKEN": "x"}', "no-network-variable"),
                ("ENV", '{"NCCL_DEBUG": 1}', "no-text"),
            )
        ),
    ],
)
def test_a_wrong_setting_is_named_by_its_variable(
    environment: dict[str, str], variable: str
) -> None:
    with pytest.raises(SettingsError, match=f"^environment variable {variable}: "):
        load_settings(environment)


def test_variables_of_others_do_not_matter() -> None:
    assert load_settings(IMAGES) == load_settings({**IMAGES, "WORKERS": "x", "DSO_OTHER": "y"})


def test_between_nodes_is_nothing_but_what_is_set_up() -> None:
    assert load_settings(IMAGES).images.network == Network()


@pytest.mark.parametrize(
    ("name", "is_taken"),
    [
        ("OMPI_MCA_oob_tcp_if_include", True),
        ("OMPI_MCA_btl_tcp_if_exclude", True),
        ("OMPI_MCA_plm_rsh_agent", False),
        ("OMPI_MCA_mca_base_component_path", False),
        ("HF_TOKEN", False),
    ],
)
def test_of_open_mpi_the_network_is_set_and_nothing_that_names_a_program(
    name: str, *, is_taken: bool
) -> None:
    variables = {**IMAGES, "DSO_MULTI_NODE_ENV": f'{{"{name}": "eth0"}}'}
    if is_taken:
        assert load_settings(variables).images.network.variables == {name: "eth0"}
    else:
        with pytest.raises(SettingsError, match="DSO_MULTI_NODE_ENV"):
            load_settings(variables)


def test_what_is_set_up_between_nodes_is_one_network() -> None:
    settings = load_settings(
        {
            **IMAGES,
            "DSO_MULTI_NODE_RDMA_RESOURCE": "rdma/hca_shared_devices_a",
            "DSO_MULTI_NODE_RDMA_COUNT": "2",
            "DSO_MULTI_NODE_HOST_NETWORK": "true",
            "DSO_MULTI_NODE_ENV": '{"NCCL_IB_HCA": "mlx5_0,mlx5_1", "GLOO_SOCKET_IFNAME": "eth0"}',
            "DSO_MULTI_NODE_SCHEDULER_NAME": "volcano",
            "DSO_MULTI_NODE_EXCLUSIVE_TOPOLOGY": "example.com/rack",
        }
    )

    assert settings.images.network == Network(
        rdma_resource="rdma/hca_shared_devices_a",
        rdma_count=2,
        host_network=True,
        variables={"NCCL_IB_HCA": "mlx5_0,mlx5_1", "GLOO_SOCKET_IFNAME": "eth0"},
        scheduler="volcano",
        topology="example.com/rack",
    )
