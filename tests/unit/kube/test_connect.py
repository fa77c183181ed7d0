"""Connecting as a person does: kubeconfig, context and namespace as kubectl has them."""

import os
from pathlib import Path

import pytest
import yaml

from deepseek_operator.kube import client


def kubeconfig(folder: Path, **contexts: str | None) -> str:
    """A kubeconfig with these contexts and their namespaces; the first is current."""
    file = folder / "config"
    entries = [
        {
            "name": name,
            "context": {
                "cluster": "c",
                "user": "u",
                **({"namespace": namespace} if namespace else {}),
            },
        }
        for name, namespace in contexts.items()
    ]
    file.write_text(
        yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": next(iter(contexts), ""),
                "contexts": entries,
                "clusters": [{"name": "c", "cluster": {"server": "https://api.example:6443"}}],
                "users": [{"name": "u", "user": {"token": "secret"}}],
            }
        )
    )
    return str(file)


@pytest.mark.parametrize(
    ("context", "namespace"), [(None, "team"), ("other", "default")], ids=["current", "named"]
)
async def test_the_context_decides(tmp_path: Path, context: str | None, namespace: str) -> None:
    given = kubeconfig(tmp_path, main="team", other=None)

    api, found = await client.connect_as_user(kubeconfig=given, context=context)
    server = api.configuration.host
    await api.close()

    assert (found, server) == (namespace, "https://api.example:6443")


@pytest.mark.parametrize("text", [None, "", "[]", "a: [", "apiVersion: v1\nkind: Config\n"])
async def test_without_a_usable_kubeconfig_it_says_which(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "config"
    if text is not None:
        file.write_text(text)

    with pytest.raises(client.NoKubeconfigError, match=str(file)):
        await client.connect_as_user(kubeconfig=str(file), context=None)


@pytest.mark.parametrize(
    ("text", "said"),
    [pytest.param(None, "no such file", id="none"), pytest.param("a: [", "not YAML", id="no-yaml")],
)
async def test_what_is_wrong_with_it_is_one_sentence_of_ours(
    text: str | None, said: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "config"
    if text is not None:
        file.write_text(text)

    with pytest.raises(client.NoKubeconfigError) as told:
        await client.connect_as_user(kubeconfig=str(file), context=None)

    assert str(told.value) == f"kubeconfig {file}: {said}"
    assert not caplog.records


async def test_of_several_files_one_has_to_be_there(tmp_path: Path) -> None:
    given = os.pathsep.join([str(tmp_path / "none"), kubeconfig(tmp_path, main="team")])

    api, found = await client.connect_as_user(kubeconfig=given, context=None)
    await api.close()

    assert found == "team"


async def test_an_unknown_context_is_named(tmp_path: Path) -> None:
    given = kubeconfig(tmp_path, main="team")

    with pytest.raises(client.NoKubeconfigError, match="nowhere"):
        await client.connect_as_user(kubeconfig=given, context="nowhere")
