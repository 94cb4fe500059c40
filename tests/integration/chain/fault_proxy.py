"""A node behind a bad line: stands before anvil and spoils chosen requests."""

import asyncio
from collections.abc import Callable

import aiohttp
import msgspec
from aiohttp import web

Rule = Callable[[str], str]


class FaultProxy:
    """`faults[method]` lists what happens to its next requests, one each: "lose_reply" (the node acts, nobody hears),
    "refuse" (HTTP 429), "fail" (HTTP 500 before the node sees it), "hang", "garble". An empty list passes through.
    """

    def __init__(self, target: str) -> None:
        self._target = target
        self.faults: dict[str, list[str]] = {}
        self.seen: list[str] = []

    async def __aenter__(self) -> "FaultProxy":
        self._session = aiohttp.ClientSession()
        application = web.Application()
        application.router.add_post("/", self._pass)
        self._runner = web.AppRunner(application, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/"
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._runner.cleanup()
        await self._session.close()

    async def _pass(self, request: web.Request) -> web.Response:
        body = await request.read()
        decoded = msgspec.json.decode(body)
        methods = [each["method"] for each in (decoded if isinstance(decoded, list) else [decoded])]
        self.seen += methods
        fault = next((self.faults[name].pop(0) for name in methods if self.faults.get(name)), "")
        if fault == "refuse":
            return web.Response(status=429)
        if fault == "fail":
            return web.Response(status=500)
        if fault == "hang":
            await asyncio.sleep(30)
        async with self._session.post(self._target, data=body, headers={"Content-Type": "application/json"}) as answer:
            content = await answer.read()
        if fault == "lose_reply":
            assert request.transport is not None
            request.transport.abort()
        return web.Response(body=b"<html>" if fault == "garble" else content, content_type="application/json")
