"""One market on the bus: publishes what its feed allows, when the pacer allows it."""

import asyncio
from collections import Counter

from common.bus import Bus
from common.messages import BookImage, TradePrinted
from common.runtime import Clock, Log
from common.venues.events import DepthChanged, Level, TouchChanged, TradeSeen
from services.quote_server.feed import LIVE, Feed
from services.quote_server.pacer import ImagePacer


class MarketFeed:
    """Frames in, images, trades and status out. A frame that may go out goes out in the same step of the loop."""

    def __init__(
        self, feed: Feed, pacer: ImagePacer, unchanged_ns: int, bus: Bus, clock: Clock, log: Log, counters: Counter[str]
    ) -> None:
        self.feed = feed
        self.wanted = asyncio.Event()
        self._pacer, self._unchanged_ns = pacer, unchanged_ns
        self._bus, self._clock, self._log, self._counters = bus, clock, log, counters
        where = f"{feed.instrument.venue}.{feed.instrument.symbol}"
        self._book_topic, self._trade_topic, self._feed_topic = f"book.{where}", f"trade.{where}", f"feed.{where}"
        self._published: tuple[list[Level], list[Level]] = ([], [])
        self._published_ns = 0
        self._told = ("", "")
        self._timer: asyncio.TimerHandle | None = None

    def on_change(self, change: DepthChanged, received_ns: int, now_ns: int) -> None:
        """A depth difference."""
        changed = self.feed.on_change(change, received_ns, now_ns)
        self._after(changed, now_ns)

    def on_touch(self, touch: TouchChanged, received_ns: int, now_ns: int) -> None:
        """A new touch."""
        changed = self.feed.on_touch(touch, received_ns, now_ns)
        self._after(changed, now_ns)

    def on_trade(self, trade: TradeSeen, received_ns: int) -> None:
        """A public trade: a fact, published whatever the state of the book."""
        instrument = self.feed.instrument
        message = TradePrinted(
            venue=instrument.venue, symbol=instrument.symbol, trade_id=trade.trade_id, price_ticks=trade.price_ticks,
            quantity_lots=trade.quantity_lots, aggressor=trade.aggressor, event_time_ns=trade.event_time_ns,
            received_ns=received_ns,
        )  # fmt: skip
        self._bus.publish(self._trade_topic, message)
        self._counters["trades"] += 1

    def after_feed_changed(self) -> None:
        """The feed was told of a connection, a loss or a snapshot."""
        self._after(True, self._clock.monotonic_ns())

    def tick(self) -> None:
        """Each few tens of ms: notice silence, repeat an unchanged image as proof of life."""
        now_ns = self._clock.monotonic_ns()
        self.feed.check(now_ns)
        self._after(False, now_ns)
        if self.feed.state == LIVE and now_ns - self._published_ns >= self._unchanged_ns:
            self._publish(self.feed.levels(), now_ns)

    def publish_status(self) -> None:
        """Health of the feed, on change and each second."""
        self._bus.publish(self._feed_topic, self.feed.status())

    def facts(self) -> list[BookImage]:
        """The present image, while it may be trusted."""
        return [self.feed.image()] if self.feed.state == LIVE else []

    def _after(self, changed: bool, now_ns: int) -> None:
        feed = self.feed
        if self._told != (feed.state, feed.reason):
            if self._told[0] != feed.state:
                self._log.info("feed.state", symbol=feed.instrument.symbol, state=feed.state, reason=feed.reason)
            self._told = (feed.state, feed.reason)
            self.publish_status()
        if feed.wants_snapshot:
            self.wanted.set()
        if changed and feed.state == LIVE:
            self._offer(now_ns)

    def _offer(self, now_ns: int) -> None:
        levels = self.feed.levels()
        if levels == self._published:
            return
        wait_ns = self._pacer.wait_ns(now_ns, self._moved(levels))
        if not wait_ns:
            self._publish(levels, now_ns)
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(wait_ns / 1e9, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        if self.feed.state == LIVE:
            self._offer(self._clock.monotonic_ns())

    def _moved(self, levels: tuple[list[Level], list[Level]]) -> bool:
        return any(not old or old[0][0] != new[0][0] for old, new in zip(self._published, levels, strict=True))

    def _publish(self, levels: tuple[list[Level], list[Level]], now_ns: int) -> None:
        self._bus.publish(self._book_topic, self.feed.image())
        self._published, self._published_ns = levels, now_ns
        self._pacer.spend(now_ns)
        self._counters["images"] += 1
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
