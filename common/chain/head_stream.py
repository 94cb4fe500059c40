"""New blocks as the node announces them over WebSocket: a wake-up, never a truth.

Nodes announce neither every block nor every reorganisation (anvil 1.7.1 swallows a fifth of a burst and says nothing of
a rewind), so what is announced is not even read: it only ends a wait early. The follower's walk over HTTP finds what
there is, and a poll beside the stream finds what the stream kept silent.
"""

import asyncio
from collections import Counter
from random import Random
from typing import Any

import aiohttp
import msgspec

STREAM_POLL_S = 1.0
CONNECT_S = 5.0
CLOSE_S = 1.0
# A connection that is dead at the other end is found by an unanswered ping, not by the silence of a quiet chain.
PING_S = 5.0
MESSAGE_BYTES_MAX = 1 << 20
RECONNECT_FIRST_S = 0.25
RECONNECT_MAX_S = 15.0
# A stream that lived shorter than this did not work: the pause before the next attempt keeps growing.
WORKED_S = 5.0

_SUBSCRIBE = msgspec.json.encode(
    {"jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": ["newHeads"]}
).decode()


class BlockWaker:
    """`wait` is a pause that a new block ends early. Without a URL it is a pause and nothing else."""

    def __init__(self, url: str = "", random: Random | None = None) -> None:
        self.url = url
        self.is_live = False
        self.trouble = ""
        self.counters: Counter[str] = Counter()
        self._random = random or Random()
        self._news = asyncio.Event()

    async def wait(self, pause_s: float) -> None:
        """At most `pause_s`, or the poll beside a live stream if that is longer; shorter if a block is announced."""
        timeout_s = max(pause_s, STREAM_POLL_S) if self.is_live else pause_s
        try:
            async with asyncio.timeout(timeout_s):
                await self._news.wait()
        except TimeoutError:
            pass
        self._news.clear()

    async def run(self) -> None:
        """Keep a subscription for ever, with growing pauses between attempts. Returns at once without a URL."""
        if not self.url:
            return
        loop, failures = asyncio.get_running_loop(), 0
        async with aiohttp.ClientSession(trust_env=False) as session:
            while True:
                started_s = loop.time()
                try:
                    await self._listen(session)
                    self.trouble = "the node closed the stream"
                except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
                    self.trouble = f"{type(error).__name__}: {error}"
                finally:
                    self.is_live = False
                # Whatever happened while the stream was down was not announced.
                self._news.set()
                self.counters["stream_lost"] += 1
                failures = 0 if loop.time() - started_s >= WORKED_S else failures + 1
                await asyncio.sleep(reconnect_pause_s(failures, self._random))

    async def _listen(self, session: aiohttp.ClientSession) -> None:
        async with asyncio.timeout(CONNECT_S):
            socket = await session.ws_connect(
                self.url,
                heartbeat=PING_S,
                max_msg_size=MESSAGE_BYTES_MAX,
                timeout=aiohttp.ClientWSTimeout(ws_close=1.0),
            )
        async with socket:
            await socket.send_str(_SUBSCRIBE)
            subscription = ""
            async with asyncio.timeout(CONNECT_S) as patience:
                async for message in socket:
                    told = _parse(message)
                    if told is None:
                        self.counters["stream_malformed"] += 1
                    elif not subscription:
                        subscription = _subscribed(told)
                        if subscription:
                            self.is_live, self.trouble = True, ""
                            self.counters["stream_subscribed"] += 1
                            patience.reschedule(None)
                            self._news.set()
                    elif _is_for(told, subscription):
                        self.counters["stream_heads"] += 1
                        self._news.set()


def reconnect_pause_s(failures: int, random: Random) -> float:
    """Doubles from 0.25 s to 15 s, less up to 30 %, so that many clients of a node do not come back at one moment."""
    nominal_s: float = min(RECONNECT_FIRST_S * 2 ** min(failures, 16), RECONNECT_MAX_S)
    return nominal_s * (1 - 0.3 * random.random())


def _parse(message: aiohttp.WSMessage) -> dict[str, Any] | None:
    """The message's object, or None if it is anything else."""
    if message.type is not aiohttp.WSMsgType.TEXT:
        return None
    try:
        told = msgspec.json.decode(message.data)
    except (msgspec.DecodeError, UnicodeError):
        return None
    return told if isinstance(told, dict) else None


def _subscribed(told: dict[str, Any]) -> str:
    """The subscription's id, or "" if this is not the answer. Raises ValueError if the node refuses."""
    if told.get("id") != 1:
        return ""
    found = told.get("result")
    if not isinstance(found, str) or not found:
        raise ValueError(f"eth_subscribe was refused: {str(told.get('error'))[:200]}")
    return found


def _is_for(told: dict[str, Any], subscription: str) -> bool:
    params = told.get("params")
    return isinstance(params, dict) and params.get("subscription") == subscription
