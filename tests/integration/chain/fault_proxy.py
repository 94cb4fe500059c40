"""A node behind a bad line: stands before anvil and spoils chosen requests."""

import asyncio
from typing import Any

import aiohttp
import msgspec
from aiohttp import web

WHOLE = ("refuse", "fail", "hang", "lose_reply", "garble")
HANG_S = 30.0
ANSWERS_KEPT = 1_000


class FaultProxy:
    """`faults[method]` lists what happens to its next requests, one each; an empty list passes through.

    To the whole HTTP request: "refuse" (HTTP 429), "fail" (HTTP 500 before the node sees it), "hang", "lose_reply"
    (the node acts, nobody hears), "garble" (no JSON). To the one call, also inside a batch: "stale" (what was last
    answered to the very same call), "twice" (each element of a list answer comes twice), "absent" (null).
    `lasting[method]` is such a fault until it is taken away; "*" means every method. `answers[method]` are results
    given in place of the node's, one each, those of "batched <method>" only inside a batch. `seen` are all methods
    that passed, in order.
    """

    def __init__(self, target: str) -> None:
        self.target = target
        self.faults: dict[str, list[str]] = {}
        self.lasting: dict[str, str] = {}
        self.answers: dict[str, list[Any]] = {}
        self.seen: list[str] = []
        self._answered: dict[str, Any] = {}

    async def __aenter__(self) -> "FaultProxy":
        await self.open(0)
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.close()

    async def open(self, port: int) -> None:
        """Listen on 127.0.0.1; port 0 takes any."""
        self._session = aiohttp.ClientSession()
        application = web.Application()
        application.router.add_post("/", self._pass)
        self._runner = web.AppRunner(application, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/"

    async def close(self) -> None:
        """Give the port back."""
        await self._runner.cleanup()
        await self._session.close()

    def heal(self) -> None:
        """Spoil nothing any more."""
        self.faults.clear()
        self.lasting.clear()
        self.answers.clear()

    async def _pass(self, request: web.Request) -> web.Response:
        body = await request.read()
        decoded = msgspec.json.decode(body)
        calls = decoded if isinstance(decoded, list) else [decoded]
        self.seen += [each["method"] for each in calls]
        spoilt = {each["id"]: fault for each in calls if (fault := self._fault(each["method"]))}
        whole = next((fault for fault in spoilt.values() if fault in WHOLE), "")
        if whole == "refuse":
            return web.Response(status=429)
        if whole == "fail":
            return web.Response(status=500)
        if whole == "hang":
            await asyncio.sleep(HANG_S)
        try:
            async with self._session.post(
                self.target, data=body, headers={"Content-Type": "application/json"}
            ) as answer:
                content = await answer.read()
        except aiohttp.ClientError:
            return web.Response(status=502)
        if whole == "lose_reply":
            assert request.transport is not None
            request.transport.abort()
        if whole == "garble":
            content = b"<html>"
        else:
            content = self._spoil(calls, spoilt, content)
        return web.Response(body=content, content_type="application/json")

    def _fault(self, method: str) -> str:
        if self.faults.get(method):
            return self.faults[method].pop(0)
        return self.lasting.get(method) or self.lasting.get("*", "")

    def _spoil(self, calls: list[dict[str, Any]], spoilt: dict[Any, str], content: bytes) -> bytes:
        answer = msgspec.json.decode(content)
        by_id = {each.get("id"): each for each in (answer if isinstance(answer, list) else [answer])}
        for call in calls:
            item, method = by_id.get(call["id"]), call["method"]
            if item is None:
                continue
            name = f"{method} {call.get('params')}"
            fault = spoilt.get(call["id"], "")
            invented = self.answers.get(f"batched {method}" if len(calls) > 1 else method) or self.answers.get(method)
            if invented:
                item["result"] = invented.pop(0)
                item.pop("error", None)
            elif fault == "stale" and name in self._answered:
                item["result"] = self._answered[name]
            elif fault == "absent":
                item["result"] = None
            elif fault == "twice" and isinstance(item.get("result"), list):
                item["result"] = [*item["result"], *item["result"]]
            elif "result" in item:
                if len(self._answered) >= ANSWERS_KEPT:
                    self._answered.clear()
                self._answered[name] = item["result"]
        return msgspec.json.encode(answer)
