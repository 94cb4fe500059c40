"""Each limit at its edge, with its code and what it says."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.model.instrument import Instrument
from common.model.order import OrderType, Side
from common.risk.limits import (
    MarketExposure,
    MarketPrice,
    OrderLimits,
    OrderTerms,
    Refusal,
    check_gross,
    check_order,
    gross_notional,
)

ETH = Instrument(
    venue="v", symbol="ETH-USDT", venue_symbol="ETHUSDT", base="ETH", quote="USDT", tick_size=Decimal("0.01"),
    lot_size=Decimal("0.0001"), quantity_lots_min=2, notional_min=Decimal(5),
)  # fmt: skip
LIMITS = OrderLimits(
    order_lots_max=10_000, order_notional_max=2_600.0, position_lots_max=20_000, open_orders_max=3,
    price_collar_bps=100.0, book_age_ms_max=500.0,
)  # fmt: skip
NOW_NS = 10**15
PRICE = MarketPrice(mid_ticks=250_000.0, received_ns=NOW_NS)
ORDER = OrderTerms(side=Side.BUY, price_ticks=250_000, quantity_lots=1_000)


def code(refusal: Refusal | None) -> str:
    return refusal.code if refusal else ""


def check(exposure: MarketExposure | None = None, price: MarketPrice | None = PRICE, **changes: object) -> str:
    order = msgspec.structs.replace(ORDER, **changes)
    return code(check_order(order, ETH, LIMITS, exposure or MarketExposure(), price, NOW_NS))


@pytest.mark.parametrize(("lots", "expected"), [(1, "order_size"), (20, ""), (10_000, ""), (10_001, "order_size")])
def test_order_size(lots: int, expected: str) -> None:
    assert check(quantity_lots=lots) == expected


@pytest.mark.parametrize(
    ("ticks", "expected"), [(252_500, ""), (252_501, "price_collar"), (247_500, ""), (247_499, "price_collar")]
)
def test_price_collar(ticks: int, expected: str) -> None:
    assert check(price_ticks=ticks) == expected


def test_market_orders_are_valued_at_the_middle_and_have_no_collar() -> None:
    assert check(order_type=OrderType.MARKET, price_ticks=0) == ""
    assert check(price_ticks=0) == "price_collar"
    tight = msgspec.structs.replace(LIMITS, order_notional_max=249.9)
    market = msgspec.structs.replace(ORDER, order_type=OrderType.MARKET, price_ticks=0)
    assert code(check_order(market, ETH, tight, MarketExposure(), PRICE, NOW_NS)) == "order_notional"


def test_notional_from_the_venues_least_to_ours() -> None:
    assert check(quantity_lots=19) == "order_notional"  # 4.75 USDT
    assert check(quantity_lots=10_000, price_ticks=252_400) == ""
    tight = msgspec.structs.replace(LIMITS, order_notional_max=250.0)
    assert check_order(ORDER, ETH, tight, MarketExposure(), PRICE, NOW_NS) is None
    dearer = msgspec.structs.replace(ORDER, price_ticks=250_001)
    assert code(check_order(dearer, ETH, tight, MarketExposure(), PRICE, NOW_NS)) == "order_notional"


def test_open_orders() -> None:
    assert check(MarketExposure(live_orders=2)) == ""
    assert check(MarketExposure(live_orders=3)) == "open_orders"


@pytest.mark.parametrize(
    ("position", "buys", "sells", "side", "expected"),
    [
        (10_000, 9_000, 99_999, Side.BUY, ""),
        (10_000, 9_001, 0, Side.BUY, "position_limit"),
        (-10_000, 99_999, 9_000, Side.SELL, ""),
        (-10_000, 0, 9_001, Side.SELL, "position_limit"),
        (-50_000, 0, 0, Side.BUY, ""),  # far beyond the limit: the way back is open
        (50_000, 0, 0, Side.SELL, ""),
        (50_000, 0, 0, Side.BUY, "position_limit"),
    ],
)
def test_position_counts_the_worst_of_all_live_orders(
    position: int, buys: int, sells: int, side: Side, expected: str
) -> None:
    exposure = MarketExposure(position_lots=position, live_buy_lots=buys, live_sell_lots=sells)
    assert check(exposure, side=side) == expected


def test_book_must_exist_and_be_young() -> None:
    assert check(price=None) == "book_missing"
    young = MarketPrice(mid_ticks=250_000.0, received_ns=NOW_NS - 500_000_000)
    assert check(price=young) == ""
    assert check(price=msgspec.structs.replace(young, received_ns=young.received_ns - 1)) == "book_stale"


def test_a_refusal_says_what_was_expected_and_what_it_got() -> None:
    refusal = check_order(
        msgspec.structs.replace(ORDER, quantity_lots=20_000), ETH, LIMITS, MarketExposure(), PRICE, NOW_NS
    )
    assert refusal is not None and refusal.detail == "expected 2 to 10000 lots, got 20000"


def test_gross_exposure_adds_markets_and_lets_reductions_pass() -> None:
    long = MarketExposure(position_lots=10_000, live_sell_lots=30_000)
    short = MarketExposure(position_lots=-10_000)
    assert gross_notional([(long, 0.25), (short, 0.25)]) == 5_000.0 + 2_500.0
    assert check_gross(0.0, 100.0, 100.0) is None
    assert code(check_gross(0.0, 100.1, 100.0)) == "gross_exposure"
    assert check_gross(200.0, 200.0, 100.0) is None


@given(
    st.integers(-(10**6), 10**6),
    st.lists(st.tuples(st.sampled_from(Side), st.integers(1, 10**5)), max_size=8),
    st.data(),
)
def test_no_fills_of_live_orders_lead_beyond_the_worst_case(
    position: int, orders: list[tuple[Side, int]], data: st.DataObject
) -> None:
    exposure = MarketExposure(position_lots=position)
    for side, lots in orders:
        exposure = exposure.with_order(side, lots)
    filled = position
    for side, lots in orders:
        filled += side.sign * data.draw(st.integers(0, lots))
    assert exposure.worst_lots(Side.SELL) <= filled <= exposure.worst_lots(Side.BUY)
    assert abs(filled) <= exposure.gross_lots
