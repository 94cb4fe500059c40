"""Signed questions to the venue: rate pools, clock, signature, sending, and what each answer means."""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec

from common.model.errors import MessageInvalid, OutcomeUnknown, PeerUnavailable
from common.runtime import Clock, Log
from common.venues.binance_errors import CLOCK, RATE_LIMITED, Refusal, Verdict, read_refusal
from common.venues.binance_execution import BinanceExecution, Request
from common.venues.binance_market import TIME_TARGET, read_time_ns
from common.venues.binance_rates import take_usage
from common.venues.clock import RoundTripClock
from common.venues.http_wire import Response
from common.venues.rate_pools import RatePools
from common.venues.rest import RestClient

VENUE_UNAVAILABLE = "venue_unavailable"
NO_ANSWER = "no_answer"
CLOCK_SAMPLES = 5


class Answer(msgspec.Struct, frozen=True):
    """What came back. `refusal` is None for success; `sent_ns` (UTC) is 0 if nothing left."""

    sent_ns: int
    received_ns: int
    body: bytes = b""
    refusal: Refusal | None = None


class VenueAccess:
    """One account at one venue. What a venue may do to a request is an Answer, never an exception."""

    def __init__(self, codec: BinanceExecution, rest: RestClient, pools: RatePools, clock: Clock, log: Log) -> None:
        self.codec, self.pools = codec, pools
        self._rest, self._clock, self._log = rest, clock, log
        self._venue_clock = RoundTripClock()
        self._asking_time: asyncio.Task[None] | None = None

    @property
    def venue_time_ns(self) -> int:
        """The venue's time now. From the monotonic clock, so that a step of ours spoils no signature."""
        return self._clock.monotonic_ns() + self._venue_clock.offset_ns

    @property
    def clock_offset_ns(self) -> int:
        """Venue clock less ours (UTC)."""
        return self.venue_time_ns - self._clock.now_ns() if self._venue_clock.is_known else 0

    def send(
        self, request: Request, before_sending: Callable[[], None]
    ) -> tuple[int, Awaitable[Answer]]:  # fmt: skip
        """The hot path: pay, check, sign, write. With a free connection the bytes have left when this returns.

        `before_sending` runs last and may raise. Returns when the bytes left (0: no connection was free, and awaiting
        opens one) and the answer to come.
        """
        if not self._rest.has_idle:
            return 0, self.ask(request, before_sending=before_sending)
        if not self.pools.take(request.cost, self.venue_time_ns):
            return 0, _at_once(self._unsent(RATE_LIMITED, "the venue's limits, as we count them, are used up"))
        before_sending()
        target = self.codec.target(request, self.venue_time_ns // 1_000_000)
        sent_ns = self._clock.now_ns()
        return sent_ns, self._receive(sent_ns, self._rest.send(request.method, target))

    async def ask(
        self, request: Request, *, urgent: bool = False, before_sending: Callable[[], None] | None = None
    ) -> Answer:  # fmt: skip
        """One question. `urgent` ones may use the reserve of the rate pools. Raises only what `before_sending` does."""
        if not self.pools.take(request.cost, self.venue_time_ns, urgent):
            return self._unsent(RATE_LIMITED, "the venue's limits, as we count them, are used up")
        sent_ns = 0

        def target() -> str:
            nonlocal sent_ns
            if before_sending is not None:
                before_sending()
            text = self.codec.target(request, self.venue_time_ns // 1_000_000)
            sent_ns = self._clock.now_ns()
            return text

        try:
            response = await self._rest.request(request.method, target)
        except PeerUnavailable as error:
            return self._unsent(VENUE_UNAVAILABLE, str(error))
        except OutcomeUnknown as error:
            return self._lost(sent_ns, error)
        return self._read(sent_ns, response)

    async def set_clock(self) -> None:
        """Sample the venue's clock. Raises PeerUnavailable when none of the samples succeeds."""
        fresh, failure = RoundTripClock(), ""
        for _ in range(CLOCK_SAMPLES):
            sent_ns = self._clock.monotonic_ns()
            try:
                response = await self._rest.request("GET", TIME_TARGET)
                fresh.add(sent_ns, self._clock.monotonic_ns(), read_time_ns(response.body))
            except (PeerUnavailable, OutcomeUnknown, MessageInvalid) as error:
                failure = str(error)
        if not fresh.is_known:
            raise PeerUnavailable(failure)
        # Old samples go: the reason to ask may be that a clock has jumped.
        self._venue_clock = fresh

    async def _receive(self, sent_ns: int, answer: "asyncio.Future[Response]") -> Answer:
        try:
            return self._read(sent_ns, await answer)
        except OutcomeUnknown as error:
            return self._lost(sent_ns, error)

    def _read(self, sent_ns: int, response: Response) -> Answer:
        take_usage(self.pools, response.headers, self.venue_time_ns)
        received_ns = self._clock.now_ns()
        if 200 <= response.status < 300:
            return Answer(sent_ns, received_ns, response.body)
        refusal = read_refusal(response.status, response.body, response.headers.get("retry-after", ""))
        if refusal.verdict is Verdict.THROTTLED:
            self.pools.block(self.venue_time_ns + int(refusal.retry_after_s * 1e9), refusal.is_ban)
            self._log.warning("venue.throttled", retry_after_s=refusal.retry_after_s, ban=refusal.is_ban)
        elif refusal.code == CLOCK and (self._asking_time is None or self._asking_time.done()):
            self._asking_time = asyncio.ensure_future(self._set_clock_again())
        return Answer(sent_ns, received_ns, response.body, refusal)

    async def _set_clock_again(self) -> None:
        try:
            await self.set_clock()
            self._log.warning("clock.set", offset_ms=self.clock_offset_ns / 1e6)
        except PeerUnavailable as error:
            self._log.warning("clock.failed", detail=str(error))

    def _unsent(self, code: str, detail: str) -> Answer:
        return Answer(0, self._clock.now_ns(), refusal=Refusal(Verdict.REFUSED, code, detail))

    def _lost(self, sent_ns: int, error: OutcomeUnknown) -> Answer:
        return Answer(sent_ns, self._clock.now_ns(), refusal=Refusal(Verdict.UNKNOWN, NO_ANSWER, str(error)))


async def _at_once(answer: Answer) -> Answer:
    return answer
