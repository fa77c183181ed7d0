"""Settings from the environment."""

import socket

import pytest

from deepseek_operator.settings import SettingsError, load_settings

IMAGES = {
    "DSO_VLLM_IMAGE": "v:1",
    "DSO_VLLM_CPU_IMAGE": "c:1",
    "DSO_TOOLBOX_IMAGE": "t:1",
    "DSO_GATEWAY_IMAGE": "g:1",
}


def test_only_the_images_must_be_given() -> None:
    settings = load_settings(IMAGES)

    assert (
        settings.images.vllm,
        settings.images.vllm_cpu,
        settings.images.toolbox,
        settings.images.gateway,
    ) == ("v:1", "c:1", "t:1", "g:1")
    assert settings.watched_namespaces == ()
    assert socket.gethostname() == settings.identity


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
    ],
)
def test_a_wrong_setting_is_named_by_its_variable(
    environment: dict[str, str], variable: str
) -> None:
    with pytest.raises(SettingsError, match=f"^environment variable {variable}: "):
        load_settings(environment)


def test_variables_of_others_do_not_matter() -> None:
    assert load_settings(IMAGES) == load_settings({**IMAGES, "WORKERS": "x", "DSO_OTHER": "y"})
