"""Whether an installed release works: the operator is ready, and its API is served."""  # noqa: INP001

import json
import os
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
API_PATH = "/apis/serving.deepseek.dev/v1alpha1"
EXPECTED = {"deepseekdeployments", "deepseekdeployments/status", "deepseekdeployments/scale"}
DEADLINE_SECONDS = 60.0


def fetch(
    url: str, *, headers: Mapping[str, str] | None = None, context: ssl.SSLContext | None = None
) -> bytes:
    """The body of a successful answer; asks again until the deadline."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    request = urllib.request.Request(url, headers=dict(headers or {}))  # noqa: S310 - the chart's
    while True:
        try:
            with urllib.request.urlopen(request, timeout=5, context=context) as answer:  # noqa: S310
                return bytes(answer.read())
        except (urllib.error.URLError, TimeoutError) as error:
            if time.monotonic() > deadline:
                raise SystemExit(f"{url} does not answer: {error}") from error
            time.sleep(1)


def check_operator() -> None:
    """Its watches are open."""
    fetch(os.environ["READY_URL"])
    print("the operator is ready")


def check_api() -> None:
    """The API server knows the kind and its subresources."""
    host, port = (os.environ[f"KUBERNETES_SERVICE_{part}"] for part in ("HOST", "PORT"))
    authority = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    body = fetch(
        f"https://{authority}{API_PATH}",
        headers={"Authorization": f"Bearer {(ACCOUNT / 'token').read_text()}"},
        context=ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt")),
    )
    served = {item["name"] for item in json.loads(body)["resources"]}
    if missing := EXPECTED - served:
        raise SystemExit(f"{API_PATH} does not serve {', '.join(sorted(missing))}")
    print(f"{API_PATH} is served")


check_operator()
check_api()
