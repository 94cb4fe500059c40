"""The order book alone, beside the books of PyPI, on one recorded list of operations; what single orders cost us."""

import json
import statistics
import subprocess
import tempfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

from common.exchange.commands import CancelOrder, Command, Deposit, PlaceOrder
from common.exchange.configuration import ExchangeConfig
from common.exchange.events import Refusal
from common.exchange.exchange import Exchange
from common.exchange.fees.schedule import FeeSchedule
from common.exchange.rules import MarketRules
from common.model.instrument import Instrument
from common.model.order import OrderType, Side, TimeInForce
from tests.benchmarks.book_operations import record
from tests.benchmarks.book_peers import run
from tests.benchmarks.measure import best_ns, percentile, table

OPERATIONS, SEED, ROUNDS = 1_000_000, 7, 5
SLOW_OPERATIONS = 200_000
RESTING = (200, 20_000)
LEVELS = 500
CALLS = 5_000
INSTRUMENT = Instrument(
    venue="bench", symbol="X-Y", venue_symbol="XY", base="X", quote="Y", tick_size=Decimal(1), lot_size=Decimal(1)
)


def main() -> None:
    """Print three tables: mixed operations, inserts beside many resting orders, single commands."""
    with tempfile.TemporaryDirectory() as folder:
        _mixed(Path(folder) / "operations")
    print()
    _inserts()
    print()
    _singles()


def _mixed(file: Path) -> None:
    record(OPERATIONS, SEED, file)
    rows: list[tuple[object, ...]] = []
    for peer, count, wanted in (("cython-orderbook", OPERATIONS, 3.5), ("lightmatchingengine", SLOW_OPERATIONS, 10.0)):
        try:
            # In turns and the same operations each, so that a busy machine slows both.
            pairs = [[_once(book, file, count) for book in ("ours", peer)] for _ in range(ROUNDS)]
        except (OSError, subprocess.SubprocessError) as error:
            print(f"{peer} is left out: {error}")
            continue
        ours, theirs = ([pair[side] for pair in pairs] for side in (0, 1))
        rates = [statistics.median(each["rates"][0] for each in side) for side in (ours, theirs)]
        ratio = statistics.median(mine["rates"][0] / its["rates"][0] for mine, its in pairs)
        same = "yes" if ours[0]["crc"] == theirs[0]["crc"] else f"NO: {ours[0]['fills']} and {theirs[0]['fills']}"
        rows.append((peer, count, ours[0]["fills"], same, round(rates[0]), round(rates[1]), ratio, wanted))
    table(("book", "operations", "fills", "same fills", "ours op/s", "its op/s", "ours / its", "must"), rows)


def _once(book: str, file: Path, count: int) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run(book, "book_worker.py", book, file, 1, count))
    return found


def _inserts() -> None:
    rows: list[tuple[object, ...]] = []
    for what, book, where in (
        ("our book", "ours", "book"),
        ("our exchange: checks, ledger, events", "ours", "exchange"),
        ("NautilusTrader OrderMatchingEngine", "nautilus_trader", "nautilus"),
    ):
        try:
            found = json.loads(run(book, "book_inserts.py", where, *RESTING))
        except (OSError, subprocess.SubprocessError) as error:
            print(f"{book} is left out: {error}")
            continue
        few, many = (found[str(resting)] for resting in RESTING)
        rows.append((what, few, many, many / few))
    table(("insert", *(f"µs at {resting:,} resting" for resting in RESTING), "ratio"), rows)


def _singles() -> None:
    desk = _Desk()
    best = best_ns(lambda: desk.exchange.markets["X-Y"].book.bids.best(), CALLS)
    rows: list[tuple[object, ...]] = [(f"best bid of {LEVELS} levels", best / 1000, "", "5.00")]
    for what, make in (
        ("limit order that rests", desk.resting),
        ("cancel of it", desk.cancel),
        ("IOC order that trades with one", desk.taking),
    ):
        times = [desk.time(make) for _ in range(CALLS)]
        rows.append((what, percentile(times, 0.5) / 1000, percentile(times, 0.99) / 1000, ""))
    table(("our exchange, one command", "median µs", "p99 µs", "must be below"), rows)


class _Desk:
    """An exchange with LEVELS levels on both sides, balances, fees and two customers."""

    def __init__(self) -> None:
        rules = {"X-Y": MarketRules(open_orders_max=10**6)}
        fees = FeeSchedule.flat(Decimal(2), Decimal(5))
        self.exchange = Exchange(ExchangeConfig(instruments=[INSTRUMENT], fees=fees, rules=rules))
        self.number = 0
        for account in ("maker", "taker"):
            for asset in ("X", "Y"):
                self._carry_out(Deposit(time_ns=1, account=account, asset=asset, units=4 * 10**18))
        for level in range(LEVELS):
            self._carry_out(self._place("maker", Side.BUY, 10_000 - level, CALLS))
            self._carry_out(self._place("maker", Side.SELL, 10_001 + level, CALLS))

    def time(self, make: Callable[[], Command]) -> float:
        """Nanoseconds of one command."""
        command = make()
        return best_ns(lambda: self._carry_out(command), 1, rounds=1)

    def _carry_out(self, command: Command) -> None:
        if isinstance(self.exchange.execute(command)[0], Refusal):
            raise RuntimeError(f"refused, so it measures nothing: {command}")

    def resting(self) -> Command:
        """An order behind the best bid."""
        return self._place("maker", Side.BUY, 10_000 - self.number % LEVELS, 1)

    def cancel(self) -> Command:
        """The cancel of the newest order, which rests."""
        name, self.number = str(self.number), self.number - 1
        return CancelOrder(time_ns=1, account="maker", symbol="X-Y", client_order_id=name)

    def taking(self) -> Command:
        """A buy of one lot from the best ask."""
        return self._place("taker", Side.BUY, 10_001, 1, TimeInForce.IOC)

    def _place(
        self, account: str, side: Side, price: int, lots: int, time_in_force: TimeInForce = TimeInForce.GTC
    ) -> PlaceOrder:
        self.number += 1
        return PlaceOrder(
            time_ns=1, account=account, symbol="X-Y", client_order_id=str(self.number), side=side, price_ticks=price,
            quantity_lots=lots, order_type=OrderType.LIMIT, time_in_force=time_in_force,
        )  # fmt: skip
