"""The CeFi middle: fresh or absent, and its volatility."""

from decimal import Decimal

import pytest

from common.messages import BookImage
from common.model.instrument import Instrument
from services.defi_lp.mid import SECONDS_PER_YEAR, MidWatch

SECOND = 10**9
INSTRUMENT = Instrument(
    venue="binance", symbol="ETH-USDT", venue_symbol="ETHUSDT", base="ETH", quote="USDT",
    tick_size=Decimal("0.01"), lot_size=Decimal("0.0001"),
)  # fmt: skip


def book(second: float, mid: int = 270_000, empty: bool = False) -> BookImage:
    at = int(second * SECOND)
    return BookImage(
        venue="binance", symbol="ETH-USDT", update_id=1, event_time_ns=at, received_ns=at,
        bids=[] if empty else [(mid - 1, 5)], asks=[(mid + 1, 5)],
    )  # fmt: skip


def watch() -> MidWatch:
    return MidWatch(INSTRUMENT, age_ms_max=2_000, half_life_s=60, floor_annual=0.4)


def test_a_middle_is_given_while_it_is_fresh() -> None:
    mid = watch()
    assert mid.mid(0) is None
    mid.take(book(1))
    assert mid.mid(3 * SECOND) == 2700.0 and mid.mid(3 * SECOND + 1) is None


def test_a_book_with_an_empty_side_says_nothing() -> None:
    mid = watch()
    mid.take(book(1, empty=True))
    assert mid.mid(SECOND) is None


def test_volatility_is_measured_and_never_below_its_floor() -> None:
    mid, floor = watch(), 0.4 / SECONDS_PER_YEAR**0.5
    assert mid.sigma == floor
    for second in range(60):
        mid.take(book(second, 270_000 + 270 * (second % 2)))
    assert mid.sigma == pytest.approx(1e-3, rel=0.01)
    still = watch()
    for second in range(60):
        still.take(book(second))
    assert still.sigma == floor
