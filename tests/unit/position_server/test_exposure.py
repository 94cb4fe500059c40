"""Net exposure, the hedge target in lots, and every reason that makes it incomplete."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.messages import LpInventoryChanged, NetExposureChanged
from common.model.instrument import Instrument
from services.position_server.exposure import Sources, net_exposure
from services.position_server.mids import Mids

HEDGE = Instrument(
    venue="binance", symbol="ETH-USDT", venue_symbol="ETHUSDT", base="ETH", quote="USDT",
    tick_size=Decimal("0.01"), lot_size=Decimal("0.0001"),
)  # fmt: skip
OTHER = msgspec.structs.replace(HEDGE, venue="kraken", lot_size=Decimal("0.01"))
NOW_NS = 10**15


def inventory(residual: float, received_ns: int = NOW_NS) -> LpInventoryChanged:
    return LpInventoryChanged(
        chain="paper", pool="p", block_number=1, block_hash="0x", block_time_ns=1, received_ns=received_ns,
        price=2500.0, tick=0, ranges=[], idle_base="0", idle_quote="0", base_total=1.0, quote_total=1.0,
        fees_base=0.0, fees_quote=0.0, price_lower=1.0, price_upper=2.0, delta=residual + 1, gamma=-0.5,
        reference=1.0, residual=residual, delta_change=0.0, value_quote=1.0, provisional=False, rebalances=0,
        fees_collected_base=0.0, fees_collected_quote=0.0, gas_spent_native=0.0, state="in_range",
    )  # fmt: skip


def exposure(beta: float = 1.0, **changes: object) -> NetExposureChanged:
    fine = Sources(
        base="ETH", hedge=HEDGE, positions=[(HEDGE, -10_000), (OTHER, 50)], lp=inventory(2.0), lp_silence_s=0.1,
        fills_synced=True, oms_silence_s=0.1, book_seen=True, trigger_received_ns=5,
    )  # fmt: skip
    sources = msgspec.structs.replace(fine, **changes)
    return net_exposure(sources, beta=beta, lp_age_ms_max=1_000.0, silence_s_max=3.0, now_ns=NOW_NS)


def test_both_legs_in_one_number() -> None:
    told = exposure()
    assert (told.lp_delta, told.cefi_delta, told.net_delta) == (2.0, -0.5, 1.5)
    assert (told.hedge_target, told.cefi_position_lots) == (-2.0, -10_000)
    # The other venue holds +0.5 already, so the hedge market must hold -2.5.
    assert told.cefi_target_lots == -25_000
    assert told.complete and told.reason == "" and told.trigger_received_ns == 5
    assert exposure(beta=0.5).cefi_target_lots == -15_000


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"lp": None}, "lp_missing"),
        ({"lp_silence_s": 3.1}, "lp_silent"),
        ({"lp": inventory(2.0, NOW_NS - 1_000_000_001)}, "lp_stale"),
        ({"fills_synced": False}, "fills_unsynced"),
        ({"oms_silence_s": float("inf"), "fills_synced": False}, "oms_silent"),
        ({"book_seen": False}, "book_missing"),
        ({"book_seen": False, "lp": None, "fills_synced": False}, "lp_missing,fills_unsynced,book_missing"),
    ],
)
def test_whatever_is_missing_makes_it_incomplete(changes: dict[str, object], reason: str) -> None:
    told = exposure(**changes)
    assert not told.complete and told.reason == reason


@given(st.floats(-1e4, 1e4), st.integers(-(10**7), 10**7))
def test_holding_the_target_leaves_less_than_a_lot(residual: float, elsewhere: int) -> None:
    told = exposure(lp=inventory(residual), positions=[(HEDGE, 0), (OTHER, elsewhere)])
    hedged = exposure(lp=inventory(residual), positions=[(HEDGE, told.cefi_target_lots), (OTHER, elsewhere)])
    assert abs(hedged.net_delta) <= 0.00005 + 1e-7


def test_the_middle_at_a_moment_is_the_last_one_before_it() -> None:
    mids = Mids()
    assert mids.at(1) is None
    for second, mid in ((10, 100.0), (11, 101.0), (12, 102.0)):
        mids.add(second * 10**9, mid)
    mids.add(9 * 10**9, 1.0)  # late: ignored
    assert mids.at(10**10 - 1) is None
    assert (mids.at(10**10), mids.at(11 * 10**9 + 1), mids.at(13 * 10**9)) == (100.0, 101.0, 102.0)
    assert mids.at(15 * 10**9) is None
