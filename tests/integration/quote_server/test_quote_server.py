"""The real quote server on the real bus, fed frame by frame."""

import asyncio
import io
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from common.bus import Bus
from common.messages import BookImage, FeedStatusChanged, Header, Message, TradePrinted
from common.model.errors import ConfigInvalid
from common.model.order import Side
from common.runtime import Log, load_fleet
from services.quote_server.config import QuoteServerConfig
from services.quote_server.service import QuoteServerService
from tests.conftest import PROJECT, until
from tests.integration.quote_server.feed_venue import OFFSET_MS, FeedVenue

SERVER = "quote_server-binance"
FAST = QuoteServerConfig(
    stale_after_ms=150, depth_stale_after_ms=300, redial_after_ms=500, frame_age_ms_max=200, unchanged_image_ms=100,
    reconnect_first_s=0.02, reconnect_cap_s=0.1,
)  # fmt: skip


class World:
    """A venue, a quote server and a reader of everything that it publishes."""

    def __init__(self, venue: FeedVenue) -> None:
        self.venue = venue
        self.folder = Path(tempfile.mkdtemp(prefix="cw"))
        self.output = io.StringIO()
        self.images: list[BookImage] = []
        self.image_heard_ns: list[int] = []
        self.statuses: list[FeedStatusChanged] = []
        self.trades: list[TradePrinted] = []

    async def start(self, is_venue_up: bool = True) -> None:
        await self.venue.start()
        if not is_venue_up:
            await self.venue.stop()
        text = (PROJECT / "configs" / "paper" / "fleet.toml").read_text()
        text = text.replace('var_dir = "var/paper"', f'var_dir = "{self.folder}/v"')
        (self.folder / "fleet.toml").write_text(text.replace("127.0.0.1:18080", f"127.0.0.1:{self.venue.port}"))
        fleet = load_fleet(self.folder)
        self.service = QuoteServerService(FAST, fleet, "binance", Log(SERVER, stream=self.output))
        self.running = asyncio.ensure_future(self.service.run())
        self.reader = Bus("market_maker", time.time_ns(), fleet.endpoints(), time.time_ns)
        self.reader.follow(SERVER, ["book.", "feed.", "trade."], self._on_message, lambda _facts: None)

    async def stop(self) -> None:
        try:
            if not self.running.done():
                self.service.shut_down()
            await self.running
        finally:
            self.service.log.close()
            self.reader.close()
            await self.venue.stop()
            shutil.rmtree(self.folder)

    async def state(self, wanted: str) -> FeedStatusChanged:
        """Wait until the newest published status is the wanted one."""
        await until(lambda: bool(self.statuses) and self.statuses[-1].state == wanted)
        return self.statuses[-1]

    def _on_message(self, message: Message, _header: Header) -> None:
        match message:
            case BookImage():
                self.images.append(message)
                self.image_heard_ns.append(time.monotonic_ns())
            case FeedStatusChanged():
                self.statuses.append(message)
            case TradePrinted():
                self.trades.append(message)


def play(story: Callable[[World], Awaitable[None]], venue: FeedVenue | None = None, is_venue_up: bool = True) -> None:
    async def run() -> None:
        world = World(venue or FeedVenue())
        await world.start(is_venue_up)
        try:
            await story(world)
        except BaseException:
            print(world.output.getvalue())
            raise
        finally:
            await world.stop()

    asyncio.run(run())


def test_images_touches_and_trades_with_a_venue_clock_that_is_off() -> None:
    async def story(world: World) -> None:
        await until(lambda: bool(world.venue.sockets))
        world.venue.flow()
        status = await world.state("live")
        assert status.reason == "" and status.gaps == 0
        assert abs(status.clock_offset_ns / 1e6 - OFFSET_MS) < 100
        await until(lambda: bool(world.images))
        assert world.images[-1].bids == [(250_000, 10_000), (249_900, 20_000)]
        assert world.images[-1].asks == [(250_001, 30_000), (250_100, 40_000)]
        world.venue.still()
        await world.venue.change({"2500.00": "0", "2499.50": "1.5"})
        await until(lambda: world.images[-1].bids == [(249_950, 15_000), (249_900, 20_000)])
        ahead = world.venue.update_id + 1
        await world.venue.touch(("2499.00", "0.5000"), ("2500.00", "0.1000"), ahead)
        await until(lambda: world.images[-1].update_id == ahead)
        assert world.images[-1].bids == [(249_900, 5_000)]
        assert world.images[-1].asks == [(250_000, 1_000), (250_001, 30_000), (250_100, 40_000)]
        await world.venue.trade(7, "2500.00", "0.1", buyer_is_maker=False)
        await until(lambda: bool(world.trades))
        trade = world.trades[0]
        assert (trade.trade_id, trade.price_ticks, trade.quantity_lots, trade.aggressor) == (
            7,
            250_000,
            1_000,
            Side.BUY,
        )

    play(story)


def test_gap_is_seen_and_the_book_rebuilt() -> None:
    async def story(world: World) -> None:
        await until(lambda: bool(world.venue.sockets))
        world.venue.flow()
        await world.state("live")
        before = world.venue.snapshots
        await world.venue.change({"2500.00": "9"}, skip=3)
        await until(lambda: any(status.gaps == 1 and status.state == "syncing" for status in world.statuses))
        status = await world.state("live")
        assert (status.gaps, status.resyncs, world.venue.snapshots) == (1, 1, before + 1)
        await until(lambda: world.images[-1].bids[0] == (250_000, 90_000))

    play(story)


def test_failed_snapshots_are_asked_for_again() -> None:
    async def story(world: World) -> None:
        world.venue.refuse_snapshots = 3
        await until(lambda: bool(world.venue.sockets))
        world.venue.flow()
        await world.state("live")
        assert world.venue.snapshots == 4

    play(story)


def test_crossed_book_and_garbage_frames_do_not_kill_and_are_rebuilt() -> None:
    async def story(world: World) -> None:
        await until(lambda: bool(world.venue.sockets))
        world.venue.flow()
        await world.state("live")
        for garbage in ("", "{", "[]", "null", '{"stream":"ethusdt@depth@100ms","data":{}}', "\u0000\ud7ff"):
            await world.venue.send(garbage)
        await until(lambda: world.service.counters["malformed_frames"] == 6)
        assert world.statuses[-1].state == "live"
        await world.venue.change({"2600.00": "1"})
        await until(lambda: any("crossed" in status.reason for status in world.statuses))
        await world.venue.change({"2600.00": "0"})
        await world.state("live")
        assert all(image.bids[0][0] < image.asks[0][0] for image in world.images)

    play(story)


def test_silence_makes_stale_then_redials() -> None:
    async def story(world: World) -> None:
        await until(lambda: bool(world.venue.sockets))
        world.venue.flow()
        await world.state("live")
        world.venue.still()
        still_ns = time.monotonic_ns()
        await world.state("stale")
        assert (time.monotonic_ns() - still_ns) / 1e6 < FAST.stale_after_ms + 100
        count = len(world.images)
        await until(lambda: world.service._stream.connects == 2)
        assert len(world.images) == count
        world.venue.flow()
        await world.state("live")

    play(story)


def test_late_frames_make_stale_until_they_are_in_time() -> None:
    async def story(world: World) -> None:
        await until(lambda: bool(world.venue.sockets))
        world.venue.flow()
        await world.state("live")
        world.venue.lag_ms = 400
        status = await world.state("stale")
        assert "late" in status.reason
        world.venue.lag_ms = 0
        await world.state("live")

    play(story)


def test_rate_is_kept_and_an_unchanged_book_still_shows_life() -> None:
    async def story(world: World) -> None:
        await until(lambda: bool(world.venue.sockets))
        await world.venue.change()
        await until(lambda: bool(world.venue.snapshots))
        world.venue.flow()
        await world.state("live")
        start, started_ns = len(world.images), time.monotonic_ns()
        await asyncio.sleep(0.6)
        quiet = len(world.images) - start
        assert 4 <= quiet <= 9
        world.venue.still()
        start, started_ns = len(world.images), time.monotonic_ns()
        while time.monotonic_ns() - started_ns < 5e8:
            await world.venue.change({"2500.00": f"{1 + world.venue.update_id % 7}"})
            await asyncio.sleep(0.001)
        busy = len(world.images) - start
        assert busy <= FAST.images_per_s_max * (time.monotonic_ns() - started_ns) / 1e9 + FAST.image_burst
        assert busy >= 5

    play(story)


def test_restarted_venue_is_live_again_within_two_seconds() -> None:
    async def story(world: World) -> None:
        await until(lambda: bool(world.venue.sockets))
        world.venue.flow()
        await world.state("live")
        port = world.venue.port
        await world.venue.stop()
        await world.state("syncing")
        await asyncio.sleep(0.5)
        await world.venue.start(port)
        world.venue.flow()
        started_ns = time.monotonic_ns()
        await world.state("live")
        assert time.monotonic_ns() - started_ns < 2e9

    play(story)


def test_venue_that_comes_later_is_waited_for() -> None:
    async def story(world: World) -> None:
        status = await world.state("syncing")
        assert "not connected" in status.reason
        await world.venue.start(world.venue.port)
        await until(lambda: bool(world.venue.sockets))
        world.venue.flow()
        await world.state("live")

    play(story, is_venue_up=False)


def test_other_tick_size_is_refused_as_bad_configuration() -> None:
    async def story(world: World) -> None:
        await until(lambda: world.running.done())
        assert "tick_size" in world.output.getvalue()

    with pytest.raises(ConfigInvalid, match=r"tick_size at fleet.toml: ETH-USDT: expected 0.10"):
        play(story, FeedVenue(tick_size="0.10000000"))
