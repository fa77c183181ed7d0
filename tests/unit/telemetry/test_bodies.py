"""Answers are read whole, however they come."""

import asyncio

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from deepseek_operator.telemetry.bodies import LONGEST, page, whole


async def test_an_answer_that_comes_in_parts_is_read_to_its_end() -> None:
    async def parts(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(5):
            await response.write(b"x" * 100_000)
            await asyncio.sleep(0)
        await response.write_eof()
        return response

    application = web.Application()
    application.router.add_get("/", parts)
    server = TestServer(application)
    await server.start_server()
    async with aiohttp.ClientSession() as session, session.get(server.make_url("/")) as response:
        body = await whole(response)
    await server.close()

    assert len(body) == 500_000


async def test_an_answer_without_end_is_refused() -> None:
    async def endless(_: web.Request) -> web.Response:
        return web.Response(body=b"x" * (LONGEST + 1))

    application = web.Application()
    application.router.add_get("/", endless)
    server = TestServer(application)
    await server.start_server()
    async with aiohttp.ClientSession() as session, session.get(server.make_url("/")) as response:
        with pytest.raises(ValueError, match="more than"):
            await whole(response)
    await server.close()


async def test_a_pod_sends_nobody_elsewhere() -> None:
    """Its image is its user's: what the operator reaches beside it is not for it to ask."""
    asked: list[str] = []

    async def elsewhere(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(text="of another")

    async def sends(request: web.Request) -> web.Response:
        asked.append(request.path)
        raise web.HTTPFound("/elsewhere")

    application = web.Application()
    application.router.add_get("/elsewhere", elsewhere)
    application.router.add_get("/metrics", sends)
    server = TestServer(application)
    await server.start_server()
    async with aiohttp.ClientSession() as session:
        found = await page(session, "127.0.0.1", server.port or 0, "/metrics", seconds=5)
    await server.close()

    assert (found, asked) == (None, ["/metrics"])
