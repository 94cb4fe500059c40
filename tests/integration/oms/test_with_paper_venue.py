"""The order processes against the real paper venue: kill -9 of each while orders trade; the venue's word counts."""

import asyncio
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.messages import (
    BookImage,
    CancelAllOrders,
    Header,
    Message,
    OrderChanged,
    PositionChanged,
    Rejected,
)
from common.model.errors import OutcomeUnknown, PeerUnavailable
from common.model.order import OrderState, Side, TimeInForce
from common.runtime import load_fleet
from services.console.journals import read_orders, read_positions, read_venue
from tests.conftest import PROJECT, until
from tests.integration.oms.peers import BOOKS, SYMBOL, VENUE, MakerPeer
from tests.integration.position_server.peers import LpPeer

PROCESSES = {
    "paper_exchange-binance": ["services.paper_exchange", "--venue", "binance"],
    "quote_server-binance": ["services.quote_server", "--venue", "binance"],
    "execution_handler-binance": ["services.execution_handler", "--venue", "binance"],
    "oms": ["services.oms"],
    "position_server": ["services.position_server"],
}
KILLED = ("oms", "execution_handler-binance", "position_server", "oms", "execution_handler-binance")


@pytest.fixture
def configs() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="cw"))
    for file in (PROJECT / "configs" / "paper").glob("*.toml"):
        shutil.copy(file, folder)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    text = (folder / "fleet.toml").read_text().replace('var_dir = "var/paper"', f'var_dir = "{folder}/v"')
    (folder / "fleet.toml").write_text(text.replace("127.0.0.1:18080", f"127.0.0.1:{port}"))
    text = (folder / "position_server.toml").read_text()
    (folder / "position_server.toml").write_text(
        text.replace("reconcile_interval_s = 60.0", "reconcile_interval_s = 0.5")
    )
    yield folder
    shutil.rmtree(folder)


class Trader(MakerPeer):
    """Crosses the spread and rests, at the real book's prices; follows the position."""

    def __init__(self, configs: Path) -> None:
        fleet = load_fleet(configs)
        super().__init__(fleet)
        self.book: BookImage | None = None
        self.position: PositionChanged | None = None
        self.random, self.sent = random.Random(7), 0
        self.bus.subscribe(BOOKS, f"book.{VENUE}.{SYMBOL}|", self._on_book)
        self.bus.follow("position_server", ["position."], self._on_position, self._on_positions)

    async def trade(self) -> None:
        """One order: a small taker, or one that rests at the touch. Whatever becomes of it."""
        if self.book is None or not (self.book.bids and self.book.asks):
            return
        side, crosses = self.random.choice(list(Side)), self.random.random() < 0.5
        ours, theirs = (self.book.bids, self.book.asks) if side is Side.BUY else (self.book.asks, self.book.bids)
        command = self.command(
            self.random.randint(50, 500), side, (theirs if crosses else ours)[0][0], post_only=not crosses,
            time_in_force=TimeInForce.IOC if crosses else TimeInForce.GTC,
        )  # fmt: skip
        try:
            await self.bus.request("oms", command, 0.3)
        except (PeerUnavailable, OutcomeUnknown):
            pass
        self.sent += 1

    async def trades_again(self, timeout_s: float) -> None:
        """Return once an order far from the touch rests at the venue; orders before that may be refused."""
        deadline = time.monotonic() + timeout_s
        while True:
            assert time.monotonic() < deadline and self.book is not None
            command = self.command(100, Side.BUY, round(self.book.bids[0][0] * 0.99))
            try:
                reply = await self.bus.request("oms", command, 0.3)
            except (PeerUnavailable, OutcomeUnknown) as error:
                reply = Rejected(code="absent", detail=str(error))
            if isinstance(reply, OrderChanged):
                while time.monotonic() < deadline and self.state(command.client_order_id) in (None, OrderState.PENDING):
                    await asyncio.sleep(0.01)
                if self.state(command.client_order_id) is OrderState.OPEN:
                    return
            await asyncio.sleep(0.05)

    def _on_book(self, message: Message, _header: Header) -> None:
        if isinstance(message, BookImage):
            self.book = message

    def _on_positions(self, facts: list[Message]) -> None:
        for fact in facts:
            self._on_position(fact, None)

    def _on_position(self, message: Message, _header: Header | None) -> None:
        if isinstance(message, PositionChanged):
            self.position = message


class Fleet:
    """The real processes."""

    def __init__(self, configs: Path) -> None:
        self.configs = configs
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        for name in PROCESSES:
            self.start(name)

    def start(self, name: str) -> None:
        module, *options = PROCESSES[name]
        self.processes[name] = subprocess.Popen(
            [sys.executable, "-m", module, str(self.configs), *options], cwd=PROJECT,
            env=os.environ | {"COUNTERWEIGHT_RUN_ID": "test"},
        )  # fmt: skip

    def replace(self, name: str) -> None:
        """kill -9, and another life at once."""
        self.processes[name].kill()
        self.processes[name].wait()
        self.start(name)

    def end(self) -> list[int]:
        """SIGTERM to all, those that give orders first; their exit codes."""
        codes = []
        for name in reversed(PROCESSES):
            process = self.processes[name]
            process.terminate()
            try:
                codes.append(process.wait(10))
            except subprocess.TimeoutExpired:
                process.kill()
                codes.append(process.wait())
        return codes


def test_positions_equal_the_venues_fills_through_kill_9_of_every_order_process(configs: Path) -> None:
    async def run() -> None:
        fleet, trader = Fleet(configs), Trader(configs)
        lp = LpPeer(load_fleet(configs))
        lp.tell(0.0)
        try:
            await until(lambda: trader.book is not None, 15)
            await trader.trades_again(15)
            for name in KILLED:
                for _ in range(15):
                    await trader.trade()
                    await asyncio.sleep(0.02)
                killed_s = time.monotonic()
                fleet.replace(name)
                await trader.trade()
                await trader.trades_again(8)
                assert time.monotonic() - killed_s < 5.0, f"{name} took {time.monotonic() - killed_s:.1f} s"
            await trader.ask(CancelAllOrders(venue=VENUE, reason="end"))
            venue_path, db = configs / "v" / "paper_exchange-binance.db", configs / "v"

            def agreed() -> bool:
                lots = read_venue(venue_path).lots[SYMBOL]
                position = trader.position
                return position is not None and position.quantity_lots == lots and position.reconciled_ns > ended_ns

            ended_ns = time.time_ns()
            await until(agreed, 10)
            assert trader.position is not None and trader.position.venue_difference_lots == 0
            assert read_venue(venue_path).duplicate_client_ids == 0
            orders = read_orders(db / "oms.db", 0)
            assert orders.fills >= 10 and trader.position.fill_count == orders.fills
        finally:
            codes = fleet.end()
            await trader.close()
            await lp.close()
        assert codes == [0] * len(codes)
        assert read_positions(db / "position_server.db")[VENUE, SYMBOL] == read_venue(venue_path).lots[SYMBOL]

    asyncio.run(run())
