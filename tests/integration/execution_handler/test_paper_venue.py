"""Both venue processes against the real paper venue, a process of its own, through a kill -9 of it."""

import asyncio
import io
import os
import socket
import subprocess
import sys
import time
from itertools import count

import msgspec

from common.bus import Bus
from common.messages import (
    AccountReported,
    BookImage,
    CancelAllOrders,
    CancelOrder,
    ExecutionReported,
    ExecutionsListed,
    FeedStatusChanged,
    Header,
    Message,
    QueryAccount,
    QueryExecutions,
)
from common.model.order import OrderState, TimeInForce
from common.runtime import Log
from services.quote_server.config import QuoteServerConfig
from services.quote_server.service import QuoteServerService
from tests.conftest import PROJECT, until
from tests.integration.execution_handler.world import FAST, SYMBOL, VENUE, World

QUOTES = "quote_server-binance"


class PaperWorld(World):
    """As World, with the paper venue as a process and a quote server beside the handler."""

    async def start(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.venue.port = probe.getsockname()[1]
        self._numbers = count(time.time_ns() // 1_000_000)
        self.fleet = self._fleet()
        settings = (PROJECT / "configs" / "paper" / "paper_exchange-binance.toml").read_text()
        (self.folder / "paper_exchange-binance.toml").write_text(settings)
        self.books: list[BookImage] = []
        self.feed: list[FeedStatusChanged] = []
        self.start_venue()
        self.oms = Bus("oms", time.time_ns(), self.fleet.endpoints(), time.time_ns)
        self._publisher = self.oms.bind()
        self._publisher.state = "running"
        self.beating = asyncio.ensure_future(self.beat())
        self.oms.follow("execution_handler-binance", ["execution."], self._on_report, self._on_joined)
        self.oms.follow(QUOTES, ["book.", "feed."], self._on_quote, lambda _facts: None)
        quote_config = QuoteServerConfig(reconnect_first_s=0.05, reconnect_cap_s=0.2)
        self.quotes = QuoteServerService(quote_config, self.fleet, VENUE, Log(QUOTES, stream=io.StringIO()))
        self.quoting = asyncio.ensure_future(self.quotes.run())
        await self.start_handler()
        await until(lambda: bool(self.feed) and self.feed[-1].state == "live" and bool(self.books), 10.0)

    def start_venue(self) -> None:
        """A new life of the paper venue, with synthetic flow."""
        environment = {name: value for name, value in os.environ.items() if name != "COUNTERWEIGHT_FLOW"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "services.paper_exchange", str(self.folder), "--venue", VENUE],
            cwd=PROJECT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT,
        )  # fmt: skip

    async def stop(self) -> None:
        self.quotes.shut_down()
        await self.quoting
        self.quotes.log.close()
        try:
            await super().stop()
        finally:
            self.process.terminate()
            self.process.wait(5)

    def passive(self, ticks_behind: int) -> ExecutionReported | Message:
        """A post-only buy that far behind the best bid."""
        return self.order(price_ticks=self.books[-1].bids[0][0] - ticks_behind, quantity_lots=500)

    def _on_quote(self, message: Message, _header: Header) -> None:
        if isinstance(message, BookImage):
            self.books.append(message)
        elif isinstance(message, FeedStatusChanged):
            self.feed.append(message)


def test_orders_fills_and_feed_survive_the_venues_death() -> None:
    async def story(world: PaperWorld) -> None:
        resting = world.passive(500)
        placed = await world.ask(resting)
        assert isinstance(placed, ExecutionReported) and placed.state is OrderState.OPEN
        taker = world.order(
            price_ticks=world.books[-1].asks[0][0] + 500, quantity_lots=500, post_only=False,
            time_in_force=TimeInForce.IOC,
        )  # fmt: skip
        await world.ask(taker)
        await until(lambda: any(report.state is OrderState.FILLED for report in world.told(taker.client_order_id)))
        crossing = msgspec.structs.replace(
            taker, client_order_id="cw-mm-x", post_only=True, time_in_force=TimeInForce.GTC
        )
        refused = await world.ask(crossing)
        assert isinstance(refused, ExecutionReported) and refused.reason_code == "post_only_would_take"

        world.process.kill()
        world.process.wait()
        await until(lambda: world.feed[-1].state != "live")
        images = len(world.books)
        world.start_venue()
        started_s = time.monotonic()
        await until(lambda: world.feed[-1].state == "live", 10.0)
        assert time.monotonic() - started_s < 5.0, "most of it is the start of the venue's own process"
        await until(lambda: len(world.books) > images)
        await until(lambda: world.service._user_stream.is_live)

        # The paper venue expires what rested when it died; nobody told us, so the reconciliation has to find it.
        await until(lambda: any(report.state.is_final for report in world.told(resting.client_order_id)))
        assert world.told(resting.client_order_id)[-1].state is OrderState.EXPIRED
        listed = await world.ask(QueryExecutions(venue=VENUE, symbol=SYMBOL, after_trade_id=-1))
        assert isinstance(listed, ExecutionsListed) and listed.open_orders == []
        told = {report.fill.trade_id for report in world.reports if report.fill}
        assert told == {fill.trade_id for fill in listed.fills} and len(told) >= 1
        assert all(fill.client_order_id == taker.client_order_id for fill in listed.fills)
        again = world.passive(500)
        placed = await world.ask(again)
        assert isinstance(placed, ExecutionReported) and placed.state is OrderState.OPEN
        canceled = await world.ask(CancelOrder(client_order_id=again.client_order_id, venue=VENUE, symbol=SYMBOL))
        assert isinstance(canceled, ExecutionReported) and canceled.state is OrderState.CANCELED
        await world.ask(world.passive(500))
        await world.ask(CancelAllOrders(venue=VENUE, reason="test"))
        account = await world.ask(QueryAccount(venue=VENUE))
        assert isinstance(account, AccountReported) and account.open_order_count == 0 and account.balances["ETH"]

    async def run() -> None:
        world = PaperWorld(FAST)
        await world.start()
        try:
            await story(world)
        except BaseException:
            print(world.output.getvalue())
            raise
        finally:
            await world.stop()

    asyncio.run(run())
