"""The quote server process: one connection to a venue, one feed a market."""

import asyncio
from random import Random

from common.messages import Message
from common.model.errors import ConfigInvalid, MessageInvalid, OutcomeUnknown, PeerUnavailable
from common.runtime import Service
from common.venues.backoff import Backoff
from common.venues.binance_errors import Verdict, read_refusal
from common.venues.binance_market import TIME_TARGET, BinanceMarket, read_time_ns
from common.venues.clock import RoundTripClock
from common.venues.events import ConnectionEnding, DepthChanged, TouchChanged, TradeSeen
from common.venues.http_wire import Response
from common.venues.rest import RestClient
from common.venues.stream import Stream
from services.quote_server.config import QuoteServerConfig
from services.quote_server.feed import Feed, FeedLimits
from services.quote_server.market_feed import MarketFeed
from services.quote_server.pacer import ImagePacer

VENUES = ("binance",)
TICK_S = 0.025
SUMMARY_S = 30.0
RESYNC_CALM_NS = 10_000_000_000


class QuoteServerService(Service[QuoteServerConfig]):
    """Publishes BookImage, TradePrinted and FeedStatusChanged of every instrument of its venue."""

    _rest: RestClient | None = None  # `stop` also runs after a start that failed.

    async def start(self) -> None:
        """Begin to connect; the venue may come later."""
        if self.venue not in VENUES:
            raise ConfigInvalid("venue", "--venue", f"one of {', '.join(VENUES)}", self.venue)
        access, config = self.fleet.venues[self.venue], self.config
        instruments = [each for each in self.fleet.instruments if each.venue == self.venue]
        self._random = Random(self.fleet.seed)
        self._codec = BinanceMarket(instruments)
        self._rest = RestClient(access.rest_url, {}, config.request_timeout_s)
        self._round_trips = RoundTripClock()
        self._stream = Stream(self._codec.stream_url(access.stream_url), self, self._backoff())
        limits = FeedLimits(
            depth_levels=config.depth_levels,
            stale_after_ns=int(config.stale_after_ms * 1e6),
            depth_stale_after_ns=int(config.depth_stale_after_ms * 1e6),
            frame_age_ns_max=int(config.frame_age_ms_max * 1e6),
        )
        self._markets = {
            each.venue_symbol: MarketFeed(
                Feed(each, limits, self._round_trips), ImagePacer(config.images_per_s_max, config.image_burst),
                int(config.unchanged_image_ms * 1e6), self.bus, self.clock, self.log, self.counters,
            )
            for each in instruments
        }  # fmt: skip
        self.spawn(self._connect())
        self.every(TICK_S, self._tick)
        self.every(1.0, self._publish_status)
        self.every(SUMMARY_S, self._summarize)

    async def stop(self) -> None:
        """Drop the REST connections; the stream ends with its task."""
        if self._rest is not None:
            self._rest.close()

    def snapshot(self) -> list[Message]:
        """Health and, while it is live, the image of every market."""
        facts: list[Message] = []
        for market in self._markets.values():
            facts += [market.feed.status(), *market.facts()]
        return facts

    def details(self) -> dict[str, str | int | float | bool]:
        """What the operator's line shows."""
        return {
            market.feed.instrument.symbol: f"{market.feed.state} gaps={market.feed.gaps} resyncs={market.feed.resyncs}"
            for market in self._markets.values()
        } | {"images": self.counters["images"], "connects": self._stream.connects}

    def on_open(self) -> list[str]:
        """The stream is connected; its address names the channels, so nothing is to be sent."""
        self.log.info("stream.open", connects=self._stream.connects)
        for market in self._markets.values():
            market.feed.on_connected(self.clock.now_ns(), self.clock.monotonic_ns())
            market.after_feed_changed()
        return []

    def on_lost(self, reason: str) -> None:
        """The stream is gone and will be dialled again."""
        self.log.warning("stream.lost", reason=reason)
        self._lose(reason)

    def on_frame(self, frame: str | bytes) -> None:
        """The hot path: one frame from the venue."""
        received_ns, now_ns = self.clock.now_ns(), self.clock.monotonic_ns()
        self.counters["frames"] += 1
        try:
            event = self._codec.on_frame(frame)
        except MessageInvalid as error:
            self.counters["malformed_frames"] += 1
            self.log.warning("frame.malformed", detail=str(error))
            return
        match event:
            case TouchChanged(symbol=symbol):
                self._markets[symbol].on_touch(event, received_ns, now_ns)
            case DepthChanged(symbol=symbol):
                self._markets[symbol].on_change(event, received_ns, now_ns)
            case TradeSeen(symbol=symbol):
                self._markets[symbol].on_trade(event, received_ns)
            case ConnectionEnding():
                self._stream.drop("the venue announced the end of the connection")

    async def _connect(self) -> None:
        await self._check_rules()
        await self._ask_time()
        for symbol, market in self._markets.items():
            self.spawn(self._keep_in_step(symbol, market))
        self.every(self.config.clock_interval_s, self._ask_time)
        await self._stream.run()

    async def _check_rules(self) -> None:
        """Compare tick and lot sizes with the venue's, for as long as it takes to reach it. Raises ConfigInvalid."""
        backoff = self._backoff()
        while True:
            await asyncio.sleep(backoff.next_s())
            try:
                response = await self._get(self._codec.info_target())
                self._codec.check_info(response.body)
                return
            except (PeerUnavailable, OutcomeUnknown, MessageInvalid) as error:
                self.log.warning("venue.unreachable", detail=str(error))
                self._lose(str(error))

    async def _keep_in_step(self, symbol: str, market: MarketFeed) -> None:
        """Fetch a snapshot whenever the book wants one; a book that keeps breaking is fetched ever more slowly."""
        backoff, calm_since_ns = self._backoff(), self.clock.monotonic_ns()
        while True:
            await market.wanted.wait()
            if self.clock.monotonic_ns() - calm_since_ns > RESYNC_CALM_NS:
                backoff.reset()
            await asyncio.sleep(backoff.next_s())
            market.wanted.clear()
            if market.feed.wants_snapshot:
                await self._fetch(symbol, market)
            calm_since_ns = self.clock.monotonic_ns()

    async def _fetch(self, symbol: str, market: MarketFeed) -> None:
        epoch = market.feed.sync.epoch
        try:
            response = await self._get(self._codec.snapshot_target(symbol, self.config.snapshot_levels))
            snapshot = self._codec.on_snapshot(symbol, response.body)
            step = market.feed.on_snapshot(epoch, snapshot, self.clock.monotonic_ns())
            self.log.info("book.snapshot", symbol=symbol, step=step.value, update_id=snapshot.update_id)
        except (PeerUnavailable, OutcomeUnknown, MessageInvalid) as error:
            self.log.warning("book.snapshot_failed", symbol=symbol, detail=str(error))
        market.after_feed_changed()

    async def _get(self, target: str) -> Response:
        """One public question. Raises PeerUnavailable, OutcomeUnknown, or MessageInvalid for any refusal."""
        assert self._rest is not None
        response = await self._rest.request("GET", target)
        if response.status != 200:
            refusal = read_refusal(response.status, response.body, response.headers.get("retry-after", ""))
            if refusal.verdict is Verdict.THROTTLED:
                await asyncio.sleep(refusal.retry_after_s)
            raise MessageInvalid("answer", target.partition("?")[0], "HTTP 200", f"{response.status} {refusal.detail}")
        return response

    async def _ask_time(self) -> None:
        sent_ns = self.clock.monotonic_ns()
        try:
            response = await self._get(TIME_TARGET)
            self._round_trips.add(sent_ns, self.clock.monotonic_ns(), read_time_ns(response.body))
        except (PeerUnavailable, OutcomeUnknown, MessageInvalid) as error:
            self.counters["time_failures"] += 1
            self.log.debug("time.failed", detail=str(error))

    def _tick(self) -> None:
        redial_ns, now_ns = int(self.config.redial_after_ms * 1e6), self.clock.monotonic_ns()
        for market in self._markets.values():
            market.tick()
            if market.feed.state == "live":
                self._stream.settle()
        heard_ns = max(market.feed.heard_ns for market in self._markets.values())
        if heard_ns and now_ns - heard_ns > redial_ns:
            self._stream.drop(f"no frame for more than {self.config.redial_after_ms:.0f} ms")

    def _publish_status(self) -> None:
        for market in self._markets.values():
            market.publish_status()

    def _summarize(self) -> None:
        for market in self._markets.values():
            feed = market.feed
            self.log.info(
                "feed.rate", symbol=feed.instrument.symbol, state=feed.state, frames=self.counters["frames"],
                images=self.counters["images"], age_ms=feed.age_ns / 1e6, offset_ms=feed.clock_offset_ns / 1e6,
                gaps=feed.gaps, resyncs=feed.resyncs,
            )  # fmt: skip

    def _lose(self, reason: str) -> None:
        for market in self._markets.values():
            market.feed.on_lost(reason, self.clock.monotonic_ns())
            market.after_feed_changed()

    def _backoff(self) -> Backoff:
        return Backoff(self._random, self.config.reconnect_first_s, self.config.reconnect_cap_s)
