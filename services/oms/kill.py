"""The kill switch: latch first, then take everything off; refuse new orders until an operator rearms."""

import asyncio
from collections.abc import Iterable

import msgspec

from common.bus import Bus
from common.messages import (
    AllOrdersCanceled,
    CancelAllOrders,
    EngageKill,
    Header,
    KillStateChanged,
    Message,
    RearmTrading,
)
from common.model.errors import OutcomeUnknown, PeerUnavailable
from common.runtime.clock import Clock
from common.runtime.logging import Log
from common.storage import Latch
from services.oms.ledger import Ledger
from services.oms.router import execution_handler

CANCEL_TIMEOUT_S = 2.0
REPEAT_S = 1.0
TOPIC = "kill.oms"


class KillSwitch:
    """Owns the latch file; also obeys one that somebody else made."""

    def __init__(
        self, latch: Latch, venues: Iterable[str], ledger: Ledger, bus: Bus, clock: Clock, log: Log
    ) -> None:  # fmt: skip
        self._latch, self._venues, self._ledger = latch, list(venues), ledger
        self._bus, self._clock, self._log = bus, clock, log
        self.state = latch.state()
        self._canceling = False
        self._canceled_at_ns = 0

    @property
    def engaged(self) -> bool:
        """The file decides, at every order."""
        return self._latch.engaged

    async def engage(self, request: EngageKill, _header: Header) -> Message:
        """Latch, cancel everywhere, answer with how much was taken off."""
        self._announce(self._latch.engage(request.reason, request.operator, self._clock.now_ns()))
        await self._cancel_everything()
        return self.state

    def rearm(self, request: RearmTrading, _header: Header) -> Message:
        """Release the latch."""
        self._log.warning("kill.rearmed", operator=request.operator)
        self._announce(self._latch.rearm())
        return self.state

    async def poll(self) -> None:
        """See a latch that came or went behind our back, and cancel again while something still rests."""
        present = self._latch.state()
        if present.engaged != self.state.engaged:
            self._announce(present)
            if present.engaged:
                await self._cancel_everything()
        elif present.engaged and self._ledger.live and not self._canceling:
            if self._clock.monotonic_ns() - self._canceled_at_ns > REPEAT_S * 1e9:
                await self._cancel_everything()

    async def cancel_all(self, venue: str, reason: str) -> AllOrdersCanceled:
        """Take everything off one venue. Raises PeerUnavailable or OutcomeUnknown."""
        command = CancelAllOrders(venue=venue, reason=reason)
        reply = await self._bus.request(execution_handler(venue), command, CANCEL_TIMEOUT_S)
        if not isinstance(reply, AllOrdersCanceled):
            raise OutcomeUnknown(f"{venue}: expected AllOrdersCanceled, got {reply}")
        return reply

    async def _cancel_everything(self) -> None:
        self._canceling, self._canceled_at_ns = True, self._clock.monotonic_ns()
        reason = f"kill: {self.state.reason}"
        try:
            outcomes = await asyncio.gather(
                *(self.cancel_all(venue, reason) for venue in self._venues), return_exceptions=True
            )
        finally:
            self._canceling = False
        canceled = 0
        for venue, outcome in zip(self._venues, outcomes, strict=True):
            if isinstance(outcome, AllOrdersCanceled):
                canceled += outcome.canceled
                self._log.warning("kill.canceled", venue=venue, canceled=outcome.canceled, failed=outcome.failed)
            elif isinstance(outcome, PeerUnavailable | OutcomeUnknown):
                self._log.error("kill.cancel_failed", venue=venue, detail=str(outcome))
            else:
                raise outcome
        if self.state.engaged:
            self._announce(msgspec.structs.replace(self.state, canceled=self.state.canceled + canceled))

    def _announce(self, state: KillStateChanged) -> None:
        if state.engaged and not self.state.engaged:
            self._log.error("kill.engaged", reason=state.reason, operator=state.operator)
        if state != self.state:
            self.state = state
            self._bus.publish(TOPIC, state)
