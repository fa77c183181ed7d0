"""An S3 store: moto's server as a process, and before it what fails on demand."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import botocore.session
from aiohttp import web
from botocore.config import Config

from tests.hub.answers import Sender, Served
from tests.hub.models import Model

START_SECONDS = 60.0
PART_BYTES = 8 * 2**20
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "key-of-tests", "AWS_SECRET_ACCESS_KEY": "secret-of-tests"}


@contextlib.contextmanager
def moto(work: Path) -> Iterator[str]:
    """A store's address, for as long as the context."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (work / "moto.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
            stdout=log,
            stderr=log,
            env={**os.environ, **CREDENTIALS},
        )
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _answers(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"moto did not start: see {work / 'moto.log'}")
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1.0):
        return True
    return False


def client(endpoint: str) -> Any:
    """A client of the store."""
    return botocore.session.get_session().create_client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        config=Config(
            s3={"addressing_style": "path"}, request_checksum_calculation="when_required"
        ),
    )


def upload(endpoint: str, model: Model, *, bucket: str, prefix: str) -> None:
    """Store a model: small files whole, large ones in parts."""
    store = client(endpoint)
    with contextlib.suppress(store.exceptions.BucketAlreadyOwnedByYou):
        store.create_bucket(Bucket=bucket)
    for file in model.files().values():
        place = {"Bucket": bucket, "Key": f"{prefix}/{file.path}"}
        if file.size <= PART_BYTES:
            store.put_object(**place, Body=file.place.read_bytes(), ACL="public-read")
        else:
            _upload_in_parts(store, file.place, place)


def _upload_in_parts(store: Any, path: Path, place: dict[str, str]) -> None:
    upload_id = store.create_multipart_upload(**place, ACL="public-read")["UploadId"]
    parts: list[dict[str, Any]] = []
    with path.open("rb") as content:
        while chunk := content.read(PART_BYTES):
            number = len(parts) + 1
            answer = store.upload_part(**place, UploadId=upload_id, PartNumber=number, Body=chunk)
            parts.append({"ETag": answer["ETag"], "PartNumber": number})
    store.complete_multipart_upload(**place, UploadId=upload_id, MultipartUpload={"Parts": parts})


class Store:
    """Passes everything to the store, its content as badly as the rules say."""

    def __init__(self, endpoint: str, sender: Sender, work: Path) -> None:
        self._endpoint = endpoint
        self._sender = sender
        self._work = work

    def app(self) -> web.Application:
        """An application of its own: a bucket may have any name."""
        app = web.Application(client_max_size=2**30)
        app.router.add_route("*", "/{tail:.*}", self.answer)
        return app

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """One request."""
        faults, answer = await self._sender.early(request)
        if answer is not None:
            return answer
        wanted = request.method == "GET" and "list-type" not in request.query
        skipped = {"Host", "Range"} if wanted else {"Host"}
        headers = {name: text for name, text in request.headers.items() if name not in skipped}
        url = f"{self._endpoint}{request.raw_path}"
        async with (
            aiohttp.ClientSession(auto_decompress=False) as session,
            session.request(
                request.method, url, headers=headers, data=await request.read()
            ) as passed,
        ):
            body = await passed.read()
            kept = {name: passed.headers[name] for name in KEPT if name in passed.headers}
            of_store = {
                name.lower() for name in passed.headers if name.lower().startswith("x-amz-")
            }
            kept |= {name: passed.headers[name] for name in of_store}
            if not wanted or passed.status != 200:
                self._sender.log.begin()
                self._sender.log.end(
                    Served(request.method, request.path, "", passed.status, 0, authorized=True)
                )
                return _copy(request, passed, body, kept)
        place = self._work / f"object-{hash(request.path) & 0xFFFFFFFF:08x}"
        fresh = place.with_name(f"{place.name}-{id(body)}")
        fresh.write_bytes(body)
        fresh.replace(place)  # another answer may just be sending it
        return await self._sender.file(request, place, headers=kept, faults=faults)


KEPT = ("ETag", "Content-Type", "Last-Modified")


def _copy(
    request: web.Request, passed: aiohttp.ClientResponse, body: bytes, kept: dict[str, str]
) -> web.StreamResponse:
    if request.method != "HEAD":
        return web.Response(status=passed.status, headers=kept, body=body)
    response = web.StreamResponse(status=passed.status, headers=kept)
    response.content_length = int(passed.headers.get("Content-Length", "0"))
    return response
