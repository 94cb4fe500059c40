"""The market maker's neighbours. It and the oms are real processes; the others are played by the test, because the
stories need a book, an exposure and a venue that do exactly what the story says, at the moment it says so.
"""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from common.messages import (
    BookImage,
    EngageKill,
    FeedStatusChanged,
    FillsListed,
    Header,
    HealthReported,
    ListFills,
    Message,
    NetExposureChanged,
    OrderFilled,
    PositionChanged,
    QueryHealth,
    QuotesUpdated,
    RearmTrading,
    SubmitOrder,
)
from common.runtime import Fleet, load_fleet
from tests.conftest import PROJECT, until
from tests.integration.oms.peers import SYMBOL, VENUE, Peer, ToyVenue, VenuePeer

IMAGE_S = 0.05
POSITIONS, FEED = "position_server", "quote_server-binance"


class FeedPeer(Peer):
    """A quote server: 20 images a second of a book that the test moves. `quiet` stops the images, not the heartbeat."""

    def __init__(self, fleet: Fleet) -> None:
        super().__init__(fleet, FEED)
        self.bid, self.ask, self.quiet, self.state = 268_380, 268_381, False, "live"
        self._images = asyncio.get_running_loop().create_task(self._show())

    async def close(self) -> None:
        self._images.cancel()
        await asyncio.gather(self._images, return_exceptions=True)
        await super().close()

    async def _show(self) -> None:
        while True:
            if not self.quiet:
                now_ns = time.time_ns()
                self.bus.publish(
                    f"book.{VENUE}.{SYMBOL}",
                    BookImage(
                        venue=VENUE, symbol=SYMBOL, update_id=1, event_time_ns=now_ns, received_ns=now_ns,
                        bids=[(self.bid - away, 60_000) for away in range(5)],
                        asks=[(self.ask + away, 60_000) for away in range(5)],
                    ),
                )  # fmt: skip
            self.bus.publish(
                f"feed.{VENUE}.{SYMBOL}",
                FeedStatusChanged(
                    venue=VENUE, symbol=SYMBOL, state=self.state, reason="", clock_offset_ns=0, gaps=0, resyncs=0,
                    event_time_ns=time.time_ns(), received_ns=time.time_ns(),
                ),
            )  # fmt: skip
            await asyncio.sleep(IMAGE_S)


class PositionPeer(Peer):
    """A position server whose target the test sets; positions are the sum of the oms's fills, as in truth."""

    def __init__(self, fleet: Fleet) -> None:
        self.target_lots, self.complete, self.lots, self.sequence = 0, True, 0, 0
        super().__init__(fleet, POSITIONS)
        self.bus.follow("oms", ["fill."], self._on_fill, self._on_oms)
        self._showing = asyncio.get_running_loop().create_task(self._show())

    def aim(self, target_lots: int) -> None:
        """A new target, published at once."""
        self.target_lots = target_lots
        self._publish()

    async def close(self) -> None:
        self._showing.cancel()
        await asyncio.gather(self._showing, return_exceptions=True)
        await super().close()

    def _on_oms(self, _facts: list[Message]) -> None:
        """What was filled between two lives of the oms stands in its list."""
        self.bus.send("oms", ListFills(after_sequence=self.sequence), self._on_list, 2.0)

    def _on_list(self, reply: object) -> None:
        assert isinstance(reply, FillsListed), reply
        for fill in reply.fills:
            self._count(fill)

    def _on_fill(self, message: Message, _header: Header) -> None:
        if isinstance(message, OrderFilled):
            self._count(message)

    def _count(self, fill: OrderFilled) -> None:
        if fill.fill_sequence == self.sequence + 1:
            self.sequence += 1
            self.lots += fill.side.sign * fill.quantity_lots
            self._publish()

    async def _show(self) -> None:
        while True:
            self._publish()
            await asyncio.sleep(0.2)

    def _publish(self) -> None:
        self.facts = [self._position(), self._exposure()]
        self.bus.publish(f"position.{VENUE}.{SYMBOL}", self.facts[0])
        self.bus.publish("exposure.ETH", self.facts[1])

    def _position(self) -> PositionChanged:
        return PositionChanged(
            venue=VENUE, symbol=SYMBOL, quantity_lots=self.lots, cash="0", fees="0", average_price=0.0,
            mark_price=0.0, realized_pnl=0.0, unrealized_pnl=0.0, fill_count=0, taker_fill_count=0,
            last_fill_sequence=self.sequence, reconciled_ns=0, venue_difference_lots=0,
        )  # fmt: skip

    def _exposure(self) -> NetExposureChanged:
        return NetExposureChanged(
            base="ETH", lp_delta=-self.target_lots / 1e4, lp_gamma=0.0, cefi_delta=self.lots / 1e4,
            hedge_target=self.target_lots / 1e4, net_delta=(self.lots - self.target_lots) / 1e4,
            cefi_position_lots=self.lots, cefi_target_lots=self.target_lots, lp_age_ms=10.0,
            complete=self.complete, reason="" if self.complete else "lp_missing",
            trigger_received_ns=time.time_ns(),
        )  # fmt: skip


class WatchfulVenue(ToyVenue):
    """Remembers every order, and the most that ever rested at once."""

    def __init__(self) -> None:
        super().__init__()
        self.history: list[SubmitOrder] = []
        self.resting_max = 0

    def place(self, command: SubmitOrder) -> None:
        super().place(command)
        self.history.append(command)
        self.resting_max = max(self.resting_max, len(self.resting()))


class Program:
    """A real process of the fleet."""

    def __init__(self, service: str, configs: Path) -> None:
        self._service, self._configs = service, configs
        self.start()

    def start(self) -> None:
        """A (new) life."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", f"services.{self._service}", str(self._configs)],
            cwd=PROJECT, env=os.environ | {"PYTHONPATH": str(PROJECT)}, stdout=subprocess.DEVNULL,
        )  # fmt: skip

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.process.wait()

    def end(self) -> int:
        """SIGTERM; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.kill()
            return self.process.returncode


class World:
    """Everybody, started."""

    def __init__(self, configs: Path) -> None:
        fleet = load_fleet(configs)
        self.venue = WatchfulVenue()
        self.handler = VenuePeer(fleet, self.venue)
        self.feed, self.positions = FeedPeer(fleet), PositionPeer(fleet)
        self.oms, self.maker = Program("oms", configs), Program("market_maker", configs)
        self.quotes: list[QuotesUpdated] = []
        self.positions.bus.follow("market_maker", ["quotes."], self._on_quotes, self._on_quotes_snapshot)

    async def close(self) -> None:
        """End the real ones, then leave the bus."""
        codes = [await asyncio.to_thread(self.maker.end), await asyncio.to_thread(self.oms.end)]
        for peer in (self.handler, self.feed, self.positions):
            await peer.close()
        assert codes == [0, 0], codes

    def rests(self, lots: int) -> bool:
        """Exactly one order of this size rests."""
        return [self.resting_lots(each) for each in self.venue.resting()] == [lots]

    def resting_lots(self, client_order_id: str) -> int:
        """What is left of an order."""
        command, _, filled = self.venue.orders[client_order_id]
        return command.quantity_lots - filled

    def resting_order(self) -> SubmitOrder:
        """The one order that rests."""
        (client_order_id,) = self.venue.resting()
        return self.venue.orders[client_order_id][0]

    async def health(self) -> HealthReported:
        """Of the market maker."""
        reply = await self.positions.bus.request("market_maker", QueryHealth(), 5.0)
        assert isinstance(reply, HealthReported)
        return reply

    async def kill_switch(self, engage: bool) -> None:
        """Of the oms."""
        request = EngageKill(reason="test", operator="test") if engage else RearmTrading(operator="test")
        await self.positions.bus.request("oms", request, 5.0)

    async def pulled(self, reason: str, timeout_s: float = 5.0) -> None:
        """Until the market maker says that it pulled its quotes for this reason."""
        await until(lambda: self.quotes and self.quotes[-1].reason == reason, timeout_s)

    def _on_quotes(self, message: Message, _header: Header) -> None:
        if isinstance(message, QuotesUpdated):
            self.quotes.append(message)

    def _on_quotes_snapshot(self, facts: list[Message]) -> None:
        self.quotes += [fact for fact in facts if isinstance(fact, QuotesUpdated)]
