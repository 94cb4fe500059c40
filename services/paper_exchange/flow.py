"""The market around our orders: what every kind of it offers, and the loop that runs it in real time."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from common.exchange.commands import Command
from common.exchange.events import Event

Execute = Callable[[Command], list[Event]]

COALESCE_S = 0.004
"""Steps due within this of each other share one wake-up: a wake-up costs more than a step."""


class MarketFlow(Protocol):
    """A source of external liquidity and trades, driven from outside."""

    @property
    def due_ns(self) -> int:
        """When the next step is due, in ns of flow time; starts near 0 and never falls."""

    def step(self, execute: Execute, time_ns: int) -> None:
        """Carry out the next step at a venue whose clock shows `time_ns`."""


async def run_flow(
    flow: MarketFlow,
    execute: Execute,
    now_ns: Callable[[], int],
    speed: float,
    sleep: Callable[[float], Coroutine[Any, Any, None]] = asyncio.sleep,
) -> None:
    """Drive a flow for ever, `speed` times as fast as it was recorded.

    A process that was stopped for a while goes on where it was; it does not catch up in one burst.
    """
    loop = asyncio.get_running_loop()
    started_s, started_flow_ns = loop.time(), flow.due_ns
    while True:
        reached_ns = started_flow_ns + int((loop.time() - started_s) * speed * 1e9)
        if reached_ns - flow.due_ns > speed * 1e9:
            started_s, started_flow_ns = loop.time(), flow.due_ns
            reached_ns = started_flow_ns
        while flow.due_ns <= reached_ns:
            flow.step(execute, now_ns())
        await sleep(max(COALESCE_S, (flow.due_ns - reached_ns) / speed / 1e9))
