"""The fake trtllm-serve: as strict as the real one, and with its paths."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import aiohttp
import pytest

from dev.paths import REPOSITORY
from tests.faketrtllm import serve
from tests.faketrtllm.engine import Behaviour, FakeTrtllm
from tests.faketrtllm.serve import UsageError

CHAT = {"model": "chat", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 3}


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["serve", "/m", "--tp_size=2"], id="an-alias"),
        pytest.param(["/m", "--tensor_parallel_size", "2"], id="no-sub-command"),
        pytest.param(["serve", "--tensor_parallel_size=2", "/m"], id="the-model-last"),
    ],
)
def test_the_command_line_is_taken_in_every_form(arguments: list[str]) -> None:
    asked = serve.parse(arguments)

    assert (asked.model, asked.values) == ("/m", {"tensor_parallel_size": "2"})


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(["/m", "--served_model_name=x"], "No such option: --served_model_name", id="option"),
        pytest.param(["/m", "--max-batch-size=2"], "No such option: --max-batch-size", id="dashes"),
        pytest.param(["/m", "-p=1"], "No such option: -p", id="short"),
        pytest.param(["/m", "--stream_interval=2"], "No such option: --stream_interval", id="key"),
        pytest.param(["/m", "--trust_remote_code=true"], "does not take a value", id="flag"),
        pytest.param(["/m", "--port"], "requires an argument", id="no-value"),
        pytest.param(["/m", "--port=http"], "not a valid integer", id="no-number"),
        pytest.param(["/m", "--backend=onnx"], "is not one of", id="no-choice"),
        pytest.param(["/m", "--reasoning_parser=deepseek_r1"], "is not one of", id="vllms-name"),
        pytest.param(["serve"], "Missing argument 'MODEL'", id="no-model"),
        pytest.param(["/m", "/n"], "unexpected", id="two-models"),
    ],
)  # fmt: skip
def test_what_the_real_one_refuses_is_refused(arguments: list[str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        serve.parse(arguments)


@pytest.mark.parametrize("option", ["--config", "--extra_llm_api_options"])
def test_the_file_may_have_no_key_that_the_engine_has_not(option: str, tmp_path: Path) -> None:
    file = tmp_path / "options.yaml"
    file.write_text("return_perf_metrics: true\nkv_cache_config: {dtype: fp8}\n")
    assert serve.parse(["/m", f"{option}={file}"]).options["kv_cache_config"] == {"dtype": "fp8"}

    file.write_text("kv_cache_config: {dtyp: fp8}\n")
    with pytest.raises(UsageError, match=r"kv_cache_config\.dtyp: no such key"):
        serve.parse(["/m", f"{option}={file}"])


def test_experts_have_to_divide_by_the_gpus_unless_a_balancer_spreads_them(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"n_routed_experts": 256}')
    options = tmp_path / "options.yaml"
    options.write_text("moe_config: {load_balancer: {num_slots: 288}}\n")
    serve.parse([str(tmp_path), "--moe_expert_parallel_size=8"])
    serve.parse([str(tmp_path), "--moe_expert_parallel_size=24", f"--config={options}"])

    with pytest.raises(UsageError, match=r"\(256\) must be divisible by ep_size \(24\)"):
        serve.parse([str(tmp_path), "--moe_expert_parallel_size=24"])


def test_it_serves_a_directory_under_its_last_part(tmp_path: Path) -> None:
    (tmp_path / "chat").mkdir()

    assert serve.served_name(str(tmp_path / "chat")) == "chat"
    with pytest.raises(UsageError, match="is no directory"):
        serve.served_name(str(tmp_path / "other"))


async def test_it_has_the_real_ones_paths() -> None:
    async with FakeTrtllm() as engine, aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{engine.port}"
        async with session.get(f"{url}/prometheus/metrics") as response:
            assert response.status == 404, "only with return_perf_metrics"
        async with session.get(f"{url}/metrics") as response:
            assert await response.json() == []
        async with session.get(f"{url}/v1/models") as response:
            assert [card["id"] for card in (await response.json())["data"]] == ["chat"]
        async with session.get(f"{url}/version") as response:
            assert await response.json() == {"version": "1.2.1"}
        async with session.post(f"{url}/update_weights") as response:
            assert response.status == 200, "nobody is asked who they are"


async def test_a_head_comes_before_anything_is_computed() -> None:
    engine = FakeTrtllm()
    engine.behave(silent=True)
    async with engine, aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{engine.port}/v1/chat/completions"
        async with session.post(url, json={**CHAT, "stream": True}) as response:
            assert response.status == 200
        await engine.kill()


async def test_lengths_failures_and_health_are_the_tests_to_set() -> None:
    engine = FakeTrtllm()
    async with engine, aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{engine.port}"

        async def ask(**changes: object) -> int:
            engine.behave(**changes)
            async with session.post(f"{url}/v1/chat/completions", json=CHAT) as response:
                body = await response.json()
            if response.status != 200:
                return response.status
            return int(body["usage"]["completion_tokens"])

        assert await ask(tokens=2) == 2
        assert await ask(tokens=9) == 3
        assert [await ask(failing=0.5) for _ in range(4)].count(500) == 2
        engine.behave(healthy=False)
        async with session.get(f"{url}/health") as response:
            assert response.status == 503


async def test_users_alone_may_be_failed() -> None:
    engine = FakeTrtllm(behaviour=Behaviour(failing_users=0.5))
    async with engine, aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{engine.port}/v1/chat/completions"

        async def ask(**headers: str) -> int:
            async with session.post(url, json=CHAT, headers=headers) as response:
                return response.status

        assert [await ask() for _ in range(4)] == [200] * 4
        assert [await ask(**{"X-Request-Id": "a"}) for _ in range(4)].count(500) == 2


def test_the_program_serves_until_it_is_told_to_stop(tmp_path: Path) -> None:
    (tmp_path / "chat").mkdir()
    with start("serve", str(tmp_path / "chat"), "--port=0") as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("a fake trtllm-serve serves chat on port ")
        process.send_signal(signal.SIGTERM)

        assert process.wait() == 0


def test_the_program_ends_with_what_it_does_not_take() -> None:
    with start("serve", "/m", "--served_model_name=x") as process:
        assert process.stderr is not None
        said = process.stderr.read()

        assert (process.wait(), "No such option: --served_model_name" in said) == (2, True)


def start(*arguments: str) -> "subprocess.Popen[str]":
    """The program as its image starts it."""
    code = "import sys; from tests.faketrtllm.serve import main; sys.exit(main(sys.argv[1:]))"
    paths = [str(REPOSITORY / folder) for folder in ("operator", "serving", ".")]
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
