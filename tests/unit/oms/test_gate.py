"""Refusals that come from the desk's own state, in their order, and gross exposure over markets."""

from decimal import Decimal

import msgspec
import pytest

from common.messages import BookImage, SubmitOrder
from common.model.instrument import Instrument
from common.model.order import Side
from common.risk.limits import OrderLimits
from services.oms.gate import Gate, check_command
from services.oms.ledger import Ledger
from services.oms.records import OrderAccepted

COMMAND = SubmitOrder(
    client_order_id="cw-mm-1-1", strategy="mm", venue="v", symbol="a", side=Side.BUY, price_ticks=100,
    quantity_lots=10, expires_at_ns=1_000,
)  # fmt: skip
FINE = {
    "now_ns": 1_000, "killed": False, "reconciled": True, "silence_s": 0.5, "silence_s_max": 3.0,
    "strategies": ("mm",),
}  # fmt: skip


@pytest.mark.parametrize(
    ("trouble", "code"),
    [
        ({}, None),
        ({"killed": True, "now_ns": 2_000, "reconciled": False}, "killed"),
        ({"now_ns": 1_001}, "expired"),
        ({"strategies": ("other",)}, "strategy_unknown"),
        ({"silence_s": 3.1}, "execution_unavailable"),
        ({"silence_s": float("inf")}, "execution_unavailable"),
        ({"reconciled": False}, "not_reconciled"),
    ],
)
def test_the_desks_own_reasons(trouble: dict[str, object], code: str | None) -> None:
    refusal = check_command(COMMAND, **(FINE | trouble))  # type: ignore[arg-type]
    assert (refusal.code if refusal else None) == code


def test_a_limit_order_needs_a_price() -> None:
    refusal = check_command(msgspec.structs.replace(COMMAND, price_ticks=0), **FINE)  # type: ignore[arg-type]
    assert refusal is not None and refusal.code == "price_collar"


def make_gate(gross_max: float) -> tuple[Gate, Ledger]:
    limits = OrderLimits(
        order_lots_max=10**6, order_notional_max=1e9, position_lots_max=10**6, open_orders_max=10,
        price_collar_bps=500.0, book_age_ms_max=1.0,
    )  # fmt: skip
    markets = {
        ("v", symbol): (
            Instrument(
                venue="v", symbol=symbol, venue_symbol=symbol, base="B", quote="Q", tick_size=Decimal(1),
                lot_size=Decimal(1),
            ),
            limits,
        )
        for symbol in ("a", "b")
    }  # fmt: skip
    ledger = Ledger(10, 10)
    gate = Gate(ledger, markets, gross_max)
    for symbol in ("a", "b"):
        gate.see_book(book(symbol, [(99, 1)], [(101, 1)]))
    return gate, ledger


def book(symbol: str, bids: list[tuple[int, int]], asks: list[tuple[int, int]], received_ns: int = 1_000) -> BookImage:
    return BookImage(
        venue="v", symbol=symbol, update_id=1, event_time_ns=0, received_ns=received_ns, bids=bids, asks=asks
    )


def test_gross_exposure_counts_all_markets() -> None:
    gate, ledger = make_gate(2_500.0)
    other = msgspec.structs.replace(COMMAND, symbol="b", client_order_id="cw-mm-1-2", quantity_lots=15)
    assert gate.check(other, 1_000) is None
    ledger.apply(OrderAccepted(command=other, at_ns=1), 1)
    assert gate.check(COMMAND, 1_000) is None
    refusal = gate.check(msgspec.structs.replace(COMMAND, quantity_lots=11), 1_000)
    assert refusal is not None and refusal.code == "gross_exposure"


def test_markets_without_limits_and_one_sided_books_refuse() -> None:
    gate, _ = make_gate(1e9)
    refusal = gate.check(msgspec.structs.replace(COMMAND, symbol="c"), 1_000)
    assert refusal is not None and refusal.code == "market_unknown" and "v a" in refusal.expected
    gate.see_book(book("a", [], [(101, 1)], received_ns=5_000_000))
    stale = gate.check(COMMAND, 5_000_000)
    assert stale is not None and stale.code == "book_stale"
    gate.see_book(book("a", [(99, 1)], [(101, 1)], received_ns=5_000_000))
    assert gate.check(COMMAND, 5_000_000) is None
