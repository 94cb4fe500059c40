"""One market's feed: book, touch, health. Pure: times come in, and nothing is sent from here.

States, as they are published:
    syncing  no connection, or the book is being (re)built; the reason says which
    stale    the book stands, but frames stopped or arrive too late
    live     images may be trusted

Two times: `received_ns` (UTC) goes into messages, `now_ns` (monotonic) measures ages, so that a step of the wall clock
makes nothing stale and nothing fresh.
"""

import msgspec

from common.messages import BookImage, FeedStatusChanged
from common.model.instrument import Instrument
from common.venues.book_sync import BookSync, SyncStep
from common.venues.clock import OneWayClock, RoundTripClock, frame_age_ns
from common.venues.events import DepthChanged, DepthSnapshot, Level, TouchChanged

SYNCING, LIVE, STALE = "syncing", "live", "stale"
NOT_CONNECTED, NO_SNAPSHOT, NO_DEPTH = "not connected", "waiting for a snapshot", "waiting for the first depth frame"


class FeedLimits(msgspec.Struct, frozen=True, kw_only=True):
    """When a feed is no longer live; see QuoteServerConfig."""

    depth_levels: int
    stale_after_ns: int
    depth_stale_after_ns: int
    frame_age_ns_max: int


class Feed:
    """Takes the events of one market and says what may be published."""

    def __init__(self, instrument: Instrument, limits: FeedLimits, round_trips: RoundTripClock) -> None:
        self.instrument = instrument
        self.sync = BookSync()
        self.gaps = self.resyncs = 0
        self.state, self.reason = SYNCING, NOT_CONNECTED
        self.received_ns = self.event_time_ns = self.age_ns = 0
        self._limits, self._frames, self._round_trips = limits, OneWayClock(), round_trips
        self._touch: TouchChanged | None = None
        self._is_connected = self._was_built = self._has_depth = False
        self._wait_reason = NO_SNAPSHOT
        self._heard_ns = self._depth_heard_ns = 0
        self._wall_less_monotonic_ns = 0

    @property
    def wants_snapshot(self) -> bool:
        """True while a snapshot must be fetched."""
        return self._is_connected and not self.sync.is_live

    @property
    def heard_ns(self) -> int:
        """Monotonic time of the newest depth or touch frame, or of the connection; 0 while there is none."""
        return self._heard_ns

    @property
    def clock_offset_ns(self) -> int:
        """Venue clock less ours (UTC): from its frames, or from round trips until there is one."""
        clock = self._frames if self._frames.is_known else self._round_trips
        return clock.offset_ns - self._wall_less_monotonic_ns if clock.is_known else 0

    def on_connected(self, received_ns: int, now_ns: int) -> None:
        """A new connection: whatever was known of the book has a hole behind it."""
        self.sync.restart()
        self._hear(received_ns, now_ns)
        self._has_depth = False
        self._touch, self._is_connected, self._wait_reason, self.age_ns = None, True, NO_SNAPSHOT, 0
        self._depth_heard_ns = now_ns
        self.check(now_ns)

    def on_lost(self, reason: str, now_ns: int) -> None:
        """The connection ended, or could not be made."""
        self._is_connected, self._touch, self._heard_ns = False, None, 0
        self.sync.restart()
        self.check(now_ns)
        self.reason = f"{NOT_CONNECTED}: {reason}"[:200]

    def on_change(self, change: DepthChanged, received_ns: int, now_ns: int) -> bool:
        """A depth difference. True if the image may have changed."""
        self._hear(received_ns, now_ns)
        self._depth_heard_ns, self._has_depth = now_ns, True
        self.event_time_ns = change.event_time_ns
        self._frames.add(change.event_time_ns, now_ns)
        self.age_ns = frame_age_ns(change.event_time_ns, now_ns, self._frames, self._round_trips)
        step = self.sync.on_change(change)
        if step is SyncStep.APPLIED:
            if self._touch is not None and self._touch.update_id <= self.sync.update_id:
                self._touch = None
        elif step is SyncStep.GAP:
            self.gaps += 1
            self._rebuild(f"gap before update {change.first_update_id}")
        elif step is SyncStep.UNSOUND:
            self._rebuild("book crossed or empty")
        self.check(now_ns)
        return step is SyncStep.APPLIED

    def on_touch(self, touch: TouchChanged, received_ns: int, now_ns: int) -> bool:
        """A new touch. It refines the image only while it is newer than the book. True if the image changed."""
        self._hear(received_ns, now_ns)
        if not self.sync.is_live or touch.update_id <= self.sync.update_id:
            self.check(now_ns)
            return False
        is_new = self._touch is None or touch.update_id > self._touch.update_id
        if touch.bid[0] >= touch.ask[0] or not touch.bid[1] or not touch.ask[1]:
            self.sync.restart()
            self._rebuild("touch crossed or empty")
        elif is_new:
            self._touch = touch
        self.check(now_ns)
        return is_new

    def on_snapshot(self, epoch: int, snapshot: DepthSnapshot, now_ns: int) -> SyncStep:
        """An answer to the snapshot that was asked for in `epoch`."""
        step = self.sync.on_snapshot(epoch, snapshot)
        if step is SyncStep.LIVE:
            self._touch = None
            self.resyncs += self._was_built
            self._was_built = True
        elif step is SyncStep.UNSOUND:
            self._rebuild("snapshot crossed or empty")
        self.check(now_ns)
        return step

    def check(self, now_ns: int) -> None:
        """Judge the state anew; called on every event and on a timer."""
        self.state, reason = self._judge(now_ns)
        if self._is_connected:
            self.reason = reason

    def levels(self) -> tuple[list[Level], list[Level]]:
        """The best levels of both sides, the touch refined by a newer touch frame. Only while live."""
        book, count, touch = self.sync.book, self._limits.depth_levels, self._touch
        if touch is None:
            return book.bids.top(count), book.asks.top(count)
        return book.bids.top_behind(touch.bid, count), book.asks.top_behind(touch.ask, count)

    def image(self) -> BookImage:
        """The present image. Only while live."""
        bids, asks = self.levels()
        return BookImage(
            venue=self.instrument.venue, symbol=self.instrument.symbol, bids=bids, asks=asks,
            update_id=self._touch.update_id if self._touch is not None else self.sync.update_id,
            event_time_ns=self.event_time_ns, received_ns=self.received_ns,
        )  # fmt: skip

    def status(self) -> FeedStatusChanged:
        """The present health."""
        return FeedStatusChanged(
            venue=self.instrument.venue, symbol=self.instrument.symbol, state=self.state, reason=self.reason,
            clock_offset_ns=self.clock_offset_ns, gaps=self.gaps, resyncs=self.resyncs,
            event_time_ns=self.event_time_ns, received_ns=self.received_ns,
        )  # fmt: skip

    def _hear(self, received_ns: int, now_ns: int) -> None:
        self.received_ns, self._heard_ns = received_ns, now_ns
        self._wall_less_monotonic_ns = received_ns - now_ns

    def _rebuild(self, reason: str) -> None:
        self._touch, self._wait_reason = None, reason

    def _judge(self, now_ns: int) -> tuple[str, str]:
        if not self._is_connected:
            return SYNCING, NOT_CONNECTED
        if not self.sync.is_live:
            return SYNCING, self._wait_reason
        if not self._has_depth:
            return SYNCING, NO_DEPTH
        silent_ns, limits = now_ns - self._heard_ns, self._limits
        if silent_ns > limits.stale_after_ns:
            return STALE, f"no frame for more than {limits.stale_after_ns / 1e6:.0f} ms"
        if now_ns - self._depth_heard_ns > limits.depth_stale_after_ns:
            return STALE, f"no depth frame for more than {limits.depth_stale_after_ns / 1e6:.0f} ms"
        if self.age_ns > limits.frame_age_ns_max:
            return STALE, f"frames are more than {limits.frame_age_ns_max / 1e6:.0f} ms late"
        return LIVE, ""
