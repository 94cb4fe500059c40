"""Nothing is made or lost by fees and rebates, and the fee account owns what it pays out, whoever trades with whom."""

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from common.exchange.catalogue import AnyCommand
from common.exchange.commands import PrintTrade, SelfTradePrevention, SetLevels, TakeLiquidity
from common.exchange.exchange import Exchange
from common.exchange.fees.schedule import FeeSchedule, FeeTier, ShareRebate
from common.exchange.fees.volumes import NS_PER_DAY
from common.model.order import Side
from tests.unit.exchange.fees.fee_desk import LOTS, UNIT, FeeDesk

ACCOUNTS = ("a", "b", "c")
# Rates that never divide evenly, and a best maker whose rebate is all that the cheapest taker pays.
TIGHT = FeeSchedule(
    (
        FeeTier(0, 512_345, 201_111),
        FeeTier(5_000 * UNIT, 444_443, 7),
        FeeTier(30_000 * UNIT, 333_331, -111_110),
    ),
    (ShareRebate(50_000_000, -77_777), ShareRebate(300_000_000, -222_221)),
)
INVERTED = FeeSchedule((FeeTier(0, -99_999, 300_001), FeeTier(20_000 * UNIT, -99_999, 99_999)), ())
SYMBOLS, SIDES, PRICES = st.sampled_from(["X-PERP", "X-USD"]), st.sampled_from(list(Side)), st.integers(998, 1_002)
QUANTITIES, MODES = st.integers(1, 40), st.sampled_from([SelfTradePrevention.NONE, SelfTradePrevention.EXPIRE_MAKER])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("place"), st.sampled_from(ACCOUNTS), SYMBOLS, SIDES, PRICES, QUANTITIES, MODES),
        st.tuples(st.just("place"), st.sampled_from(ACCOUNTS), SYMBOLS, SIDES, PRICES, QUANTITIES, MODES),
        st.tuples(st.just("levels"), SYMBOLS, st.integers(996, 999), st.integers(1_001, 1_004), QUANTITIES),
        st.tuples(st.just("take"), SYMBOLS, SIDES, PRICES, QUANTITIES),
        st.tuples(st.just("print"), SYMBOLS, SIDES, PRICES, QUANTITIES),
        st.tuples(st.just("days"), st.sampled_from([1, 1, 1, 2, 29, 30, 31])),
    ),
    min_size=15,
    max_size=50,
)


def step(desk: FeeDesk, what: str, *terms) -> None:  # type: ignore[no-untyped-def]
    if what == "place":
        account, symbol, side, price, lots, mode = terms
        desk.place(account, side, price, lots, symbol=symbol, self_trade_prevention=mode)
    elif what == "levels":
        symbol, bid, ask, lots = terms
        desk.run(SetLevels, symbol=symbol, bids=[(bid, lots)], asks=[(ask, lots)])
    elif what == "days":
        desk.wait_until((desk.exchange.time_ns // NS_PER_DAY + terms[0]) * NS_PER_DAY)
    else:
        symbol, side, price, lots = terms
        names = {"side": side} if what == "take" else {"aggressor": side}
        kind = TakeLiquidity if what == "take" else PrintTrade
        desk.run(kind, symbol=symbol, price_ticks=price, quantity_lots=lots, **names)


@settings(max_examples=120, deadline=None)
@given(steps=STEPS, schedule=st.sampled_from([TIGHT, INVERTED]))
def test_fees_and_rebates_are_conserved_and_the_fee_account_pays_what_it_has(steps, schedule):  # type: ignore[no-untyped-def]
    desk = FeeDesk(*ACCOUNTS, money=10**6, fees=schedule, groups={"a": "us", "b": "us"})
    for each in steps:
        # Every command is followed by a look at all USD and at the fee account: see the desk.
        step(desk, *each)
        assert desk.exchange.ledger.accounts.total("X") == len(ACCOUNTS) * LOTS * UNIT
        for account in ACCOUNTS:
            kept = desk.exchange.fee_standing(account)
            assert (kept.maker_rate, kept.taker_rate) == desk.exchange._core.fees.rates(account, kept.day)
    replayed = Exchange(desk.config)
    for command in desk.commands:
        replayed.execute(msgspec.msgpack.decode(msgspec.msgpack.encode(command), type=AnyCommand))
    assert replayed.state_hash() == desk.loaded().state_hash() == desk.exchange.state_hash()
