"""Figures of a run from journals that the services themselves would write."""

import asyncio
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from common.exchange.commands import PlaceOrder, SetLevels
from common.exchange.configuration import ExchangeConfig
from common.exchange.fees.schedule import FeeSchedule
from common.messages import ExecutionReported, OrderFilled, SubmitOrder
from common.model.instrument import Instrument
from common.model.order import OrderState, Side
from common.storage import Journal
from services.console.figures import percentile
from services.console.journals import read_orders, read_positions, read_venue
from services.paper_exchange.venue import PaperVenue

SENT_NS = 1_000_000


class OrderAccepted(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """As the oms writes it."""

    command: SubmitOrder
    at_ns: int


class OrderReported(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """As the oms writes it."""

    report: ExecutionReported
    at_ns: int


class FillBooked(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """As the oms writes it."""

    fill: OrderFilled
    at_ns: int


class FillEntered(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """As the position server writes it."""

    fill: OrderFilled
    mid: float


def _submit(name: str, trigger_ns: int) -> OrderAccepted:
    command = SubmitOrder(
        client_order_id=name, strategy="mm", venue="binance", symbol="ETH-USDT", side=Side.BUY, price_ticks=1,
        quantity_lots=10, expires_at_ns=1, trigger_received_ns=trigger_ns,
    )  # fmt: skip
    return OrderAccepted(command=command, at_ns=0)


def _report(name: str, sent_ns: int) -> OrderReported:
    report = ExecutionReported(
        client_order_id=name, venue="binance", symbol="ETH-USDT", state=OrderState.OPEN, filled_lots=0,
        event_time_ns=0, received_ns=0, sent_ns=sent_ns,
    )  # fmt: skip
    return OrderReported(report=report, at_ns=0)


def _fill(side: Side, lots: int, maker: bool = True) -> OrderFilled:
    return OrderFilled(
        fill_sequence=1, client_order_id="cw-a", strategy="mm", venue="binance", symbol="ETH-USDT", trade_id=1,
        side=side, price_ticks=1, quantity_lots=lots, maker=maker, fee="0", fee_asset="USDT", event_time_ns=0,
    )  # fmt: skip


def test_orders_fills_and_latency_of_the_run_only(tmp_path: Path) -> None:
    now = [50]
    journal = Journal(tmp_path / "oms.db", now_ns=lambda: now[0])
    journal.record(_submit("cw-before", 1))
    now[0] = 100
    for record in (
        _submit("cw-a", SENT_NS - 500_000), _report("cw-a", SENT_NS), _report("cw-a", 9 * SENT_NS),
        _submit("cw-b", 0), _report("cw-b", SENT_NS), _submit("cw-c", 7), _report("cw-c", 0),
        FillBooked(fill=_fill(Side.BUY, 3), at_ns=0), FillBooked(fill=_fill(Side.SELL, 1, maker=False), at_ns=0),
    ):  # fmt: skip
        journal.append(record)
    journal.close()
    book = read_orders(tmp_path / "oms.db", since_ns=100)
    assert (book.orders, book.fills, book.taker_fills) == (3, 2, 1)
    assert book.tick_to_order_us == [500.0], "only sent orders with a cause, and only the first time they were sent"


def test_no_journal_is_no_orders(tmp_path: Path) -> None:
    assert read_orders(tmp_path / "oms.db", 0).orders == 0
    assert not read_positions(tmp_path / "position_server.db")
    assert not read_venue(tmp_path / "paper_exchange-binance.db").lots


def test_positions_are_the_snapshot_and_what_came_after(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "p.db")
    sequence = journal.record(FillEntered(fill=_fill(Side.BUY, 99), mid=1.0))
    market = {"venue": "binance", "symbol": "ETH-USDT", "position": {"quantity_lots": 7}}
    journal.save_snapshot(sequence, msgspec.msgpack.encode({"markets": [market]}))
    journal.record(FillEntered(fill=_fill(Side.SELL, 2), mid=1.0))
    journal.close()
    assert read_positions(tmp_path / "p.db") == {("binance", "ETH-USDT"): 5}


def test_the_venues_journal_is_played_again(tmp_path: Path) -> None:
    """Also from a snapshot on, and beside its writer."""
    eth = Instrument(
        venue="binance", symbol="ETH-USDT", venue_symbol="ETHUSDT", base="ETH", quote="USDT",
        tick_size=Decimal("0.01"), lot_size=Decimal("0.0001"),
    )  # fmt: skip
    config = ExchangeConfig(instruments=[eth], fees=FeeSchedule.flat(0, 0))
    orders = (("cw-a", Side.BUY, 110, 4), ("cw-a", Side.SELL, 90, 1), ("me", Side.BUY, 50, 1))
    commands = [SetLevels(time_ns=2, symbol="ETH-USDT", bids=[(90, 3)], asks=[(110, 5)])] + [
        PlaceOrder(
            time_ns=3, account="paper", symbol="ETH-USDT", client_order_id=name, side=side, price_ticks=price,
            quantity_lots=lots,
        )
        for name, side, price, lots in orders
    ]  # fmt: skip

    async def trade(journal: Journal, snapshot_commands: int) -> None:
        venue = PaperVenue(config, journal, lambda: 1, snapshot_commands)
        venue.open({"paper": {"USDT": 10**16, "ETH": 10**10}}, True)
        for command in commands:
            venue.execute(command)
            await venue.committed()

    for snapshot_commands in (1, 10**9):
        journal = Journal(tmp_path / f"v{snapshot_commands}.db", "process")
        asyncio.run(trade(journal, snapshot_commands))
        book = read_venue(journal.path)
        journal.close()
        assert book.lots["ETH-USDT"] == 4 - 1
        assert book.duplicate_client_ids == 1


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [([], 0.5, None), ([3.0], 0.99, 3.0), ([4.0, 1.0, 3.0, 2.0], 0.5, 2.0), (list(range(1, 101)), 0.99, 99)],
)
def test_nearest_rank_percentile(values: list[float], share: float, expected: float | None) -> None:
    assert percentile(values, share) == expected
