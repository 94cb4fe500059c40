"""The venue's reports on our orders, from subscription to handler."""

from collections import Counter
from collections.abc import Callable

from common.messages import ExecutionReported
from common.model.errors import MessageInvalid
from common.runtime import Clock, Log
from common.venues.backoff import Backoff
from common.venues.binance_execution import BinanceExecution
from common.venues.binance_user import Irrelevant, StreamEnding, Subscribed, SubscriptionRefused, read_user_frame
from common.venues.stream import Stream


class UserStream:
    """Dials, subscribes and hands on reports. `is_live` from the venue's consent until the connection ends."""

    def __init__(
        self, url: str, codec: BinanceExecution, subscribe: Callable[[], str], backoff: Backoff,
        on_report: Callable[[ExecutionReported], None], on_live: Callable[[], None],
        clock: Clock, log: Log, counters: Counter[str],
    ) -> None:  # fmt: skip
        self._codec, self._subscribe, self._on_report, self._on_live = codec, subscribe, on_report, on_live
        self._clock, self._log, self._counters = clock, log, counters
        self._stream = Stream(url, self, backoff)
        self.is_live = False

    @property
    def connects(self) -> int:
        """Connections of this boot."""
        return self._stream.connects

    async def run(self) -> None:
        """Stay subscribed until cancelled."""
        await self._stream.run()

    def on_open(self) -> list[str]:
        """A new connection: subscribe it."""
        return [self._subscribe()]

    def on_lost(self, reason: str) -> None:
        """Reports may be missed from now on."""
        self.is_live = False
        self._log.warning("user_stream.lost", reason=reason)

    def on_frame(self, frame: str | bytes) -> None:
        """One frame of the venue."""
        try:
            event = read_user_frame(self._codec, frame, self._clock.now_ns())
        except MessageInvalid as error:
            # It may have been a fill. A new subscription is followed by a reconciliation, which finds it.
            self._counters["malformed_frames"] += 1
            self._log.error("frame.malformed", detail=str(error))
            self._stream.drop("malformed frame")
            return
        match event:
            case ExecutionReported():
                self._on_report(event)
            case Subscribed():
                self.is_live = True
                self._stream.settle()
                self._log.info("user_stream.live", connects=self.connects)
                self._on_live()
            case SubscriptionRefused(refusal=refusal):
                self._log.error("user_stream.refused", code=refusal.code, detail=refusal.detail)
                self._stream.drop(f"subscription refused: {refusal.code}")
            case StreamEnding():
                self._stream.drop("the venue announced the end of the stream")
            case Irrelevant():
                self._counters["irrelevant_frames"] += 1
