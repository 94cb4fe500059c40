"""The oms's fills, each exactly once and in order, whatever was missed: their sequence has no holes."""

import asyncio
from collections.abc import Callable

from common.bus import Bus
from common.messages import FillsListed, Header, ListFills, Message, OrderFilled
from common.model.errors import OutcomeUnknown, PeerUnavailable, RequestRefused
from common.runtime.logging import Log

OMS = "oms"
RETRY_S = 0.2
PAGE = 1_000


class FillFollower:
    """`enter(fills, sent_ns)` is called with new fills in sequence; `synced` is false while some may be missing."""

    def __init__(
        self, bus: Bus, log: Log, last_sequence: Callable[[], int],
        enter: Callable[[list[OrderFilled], int], None], timeout_s: float,
    ) -> None:  # fmt: skip
        self.synced = False
        self._bus, self._log, self._timeout_s = bus, log, timeout_s
        self._last_sequence, self._enter = last_sequence, enter
        self._wanted = asyncio.Event()

    def follow(self) -> None:
        """Subscribe; each new life of the oms and each gap of its topics leads to a catch-up."""
        self._bus.follow(OMS, ["fill."], self._on_event, self._on_snapshot)

    async def run(self) -> None:
        """Catch up whenever it is needed, for ever."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            try:
                await self._catch_up()
            except (PeerUnavailable, OutcomeUnknown, RequestRefused) as error:
                self._log.warning("fills.unsynced", detail=str(error))
                await asyncio.sleep(RETRY_S)
                self._wanted.set()

    def _on_snapshot(self, _facts: list[Message]) -> None:
        self._miss()

    def _on_event(self, message: Message, header: Header) -> None:
        if not isinstance(message, OrderFilled):
            return
        expected = self._last_sequence() + 1
        if message.fill_sequence == expected:
            self._enter([message], header.sent_ns)
        elif message.fill_sequence > expected:
            self._miss()

    def _miss(self) -> None:
        self.synced = False
        self._wanted.set()

    async def _catch_up(self) -> None:
        while True:
            asked_after = self._last_sequence()
            reply = await self._bus.request(OMS, ListFills(after_sequence=asked_after, limit=PAGE), self._timeout_s)
            if not isinstance(reply, FillsListed):
                raise RequestRefused("fills", f"expected FillsListed, got {reply}")
            # Events may have entered some of the page while we waited.
            new = [fill for fill in reply.fills if fill.fill_sequence > self._last_sequence()]
            if reply.last_sequence < self._last_sequence():
                raise RequestRefused(
                    "fills_rewound",
                    f"expected at least {self._last_sequence()} fills, the oms has {reply.last_sequence}",
                )
            if new and new[0].fill_sequence == self._last_sequence() + 1:
                self._enter(new, 0)
            elif self._last_sequence() < reply.last_sequence:
                raise RequestRefused("fills_missing", f"the oms does not list fill {self._last_sequence() + 1}")
            if self._last_sequence() >= reply.last_sequence:
                break
        if not self._wanted.is_set():
            self.synced = True
