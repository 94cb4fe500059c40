"""Pools through the exchange: holders, payments in cash and in kind, fees, quotes, pauses and closing."""

import msgspec
import pytest

from common.exchange.catalogue import AnyCommand
from common.exchange.commands import Deposit, SetMark
from common.exchange.configuration import Features
from common.exchange.events import CommandRefused, OrderPlaced, RejectReason, TradeExecuted
from common.exchange.pools.commands import (
    AddPoolFees,
    ClosePool,
    ConfigurePool,
    CreatePool,
    DepositToPool,
    PausePool,
    ResumePool,
    SetPoolFeeShare,
    WithdrawFromPool,
    WithdrawInKind,
    WithdrawUnitsFromPool,
)
from common.exchange.pools.events import (
    PoolClosed,
    PoolCreated,
    PoolDeposited,
    PoolFeesAdded,
    PoolFeesHeld,
    PoolWithdrawn,
)
from common.exchange.pools.records import LEVELS_MAX, POOLS_OF_OWNER_MAX, Ladder, PoolStatus
from common.exchange.pools.reviews import REVIEW_NS
from common.exchange.pools.streams import STREAM_NS
from tests.unit.exchange.margin.perpetual_desk import BUY, SELL, UNIT, refusal
from tests.unit.exchange.pools.pool_desk import LADDER, SHARE, PoolDesk

HOUR_NS = STREAM_NS // 6
BOTH = pytest.mark.parametrize("name", ["s", "p"])


def _of(events, kind):  # type: ignore[no-untyped-def]
    return [event for event in events if isinstance(event, kind)]


@BOTH
def test_tokens_for_cash_and_back(name):
    desk = PoolDesk()
    (event,) = _of(desk.pay_in("a", 1_000, name), PoolDeposited)
    assert (event.units, event.shares, event.nav_units) == (1_000 * UNIT, str(1_000 * SHARE), 0)
    assert (desk.free("a"), desk.nav(name)) == (9_000, 1_000)
    (gone,) = _of(desk.pay_out("a", 400, name), PoolWithdrawn)
    assert (gone.units, gone.base_units, gone.value_units) == (400 * UNIT, 0, 400 * UNIT)
    assert _of(desk.pay_out("a", pool=name), PoolWithdrawn)
    assert (desk.free("a"), desk.nav(name), desk.pool(name).holders) == (10_000, 0, {})


def test_trap_14_a_donation_before_the_first_deposit_costs_the_donor():
    """A mint of 1 unit, a gift of 10,000,000 units, a victim of 19,999,999 units: the victim keeps 19,999,998."""
    desk = PoolDesk()
    desk.run(DepositToPool, account="a", pool="s", units=1)
    desk.deposited += 10_000_000
    desk.run(Deposit, account="pool/s", asset="USD", units=10_000_000)
    desk.run(DepositToPool, account="b", pool="s", units=19_999_999)
    worth = {view.account: view.value_units for view in desk.exchange.pools.holders("s")}
    assert worth == {"a": 5_000_001, "b": 19_999_998}


@BOTH
def test_trap_16_fees_of_an_empty_pool_are_not_the_next_holder_s_at_once(name):
    """500 of fees, then 100 are paid in: the 100 are worth 100, and 500 more only 6 hours later."""
    desk = PoolDesk()
    (held,) = desk.run(AddPoolFees, account="b", pool=name, units=500 * UNIT)
    assert isinstance(held, PoolFeesHeld) and held.held_units == 500 * UNIT
    assert (desk.free("treasury"), desk.nav(name)) == (500, 0)
    (_deposit, fees) = desk.pay_in("a", 100, name)
    assert isinstance(fees, PoolFeesAdded) and fees.units == 500 * UNIT
    assert (desk.free("treasury"), desk.nav(name), desk.pool(name).held_units) == (0, 100, 0)
    start = desk.exchange.time_ns
    desk.wait_until(start + 3 * HOUR_NS)
    assert desk.nav(name) == 350
    desk.wait_until(start + 6 * HOUR_NS)
    assert desk.nav(name) == 600
    (view,) = desk.exchange.pools.holders(name)
    # The virtual tokens earn as well: 10^6 of 10^16.
    assert (view.fee_units, view.value_units) == (500 * UNIT, 600 * UNIT - 5)


def test_what_the_treasury_has_spent_stays_owed_without_harm():
    desk = PoolDesk()
    desk.run(AddPoolFees, account="b", pool="s", units=500 * UNIT)
    desk.run(CreatePool, account="treasury", pool="t", symbol="X-USD")
    desk.run(DepositToPool, account="treasury", pool="t", units=400 * UNIT)
    desk.pay_in("a", 100)
    assert (desk.free("treasury"), desk.pool().held_units) == (0, 400 * UNIT)


@BOTH
def test_trap_17_no_deposit_into_what_is_worth_nothing(name):
    desk = PoolDesk()
    desk.pay_in("a", 100, name)
    if name == "s":
        desk.exchange.ledger.accounts.credit("pool/s", "USD", -100 * UNIT)
        desk.deposited -= 100 * UNIT
    else:
        desk.exchange.margin.account("pool/p", "USD").wallet -= 100 * UNIT
        desk.deposited -= 100 * UNIT
    assert refusal(desk.pay_in("b", 100, name)) is RejectReason.NO_EQUITY
    assert refusal(desk.pay_out("a", pool=name)) is RejectReason.NO_EQUITY


def test_trap_19_taking_exact_cash_burns_tokens_rounded_up():
    desk = PoolDesk()
    desk.pay_in("a", 1_000)
    desk.deposited += 3
    desk.run(Deposit, account="pool/s", asset="USD", units=3)
    take = {"account": "a", "pool": "s"}
    (event,) = _of(desk.run(WithdrawUnitsFromPool, units=1, **take), PoolWithdrawn)
    nav, whole = 1_000 * UNIT + 3, 1_000 * SHARE + 10**6
    assert int(event.shares) == whole // (nav + 1) + 1 == 10**6
    most = str(499 * SHARE)
    too_much = desk.run(WithdrawUnitsFromPool, units=500 * UNIT, shares_max=most, **take)
    assert refusal(too_much) is RejectReason.WORSE_THAN_AGREED
    assert refusal(desk.run(WithdrawUnitsFromPool, units=1_001 * UNIT, **take)) is RejectReason.NO_SHARES
    assert desk.run(WithdrawUnitsFromPool, units=500 * UNIT, shares_max=str(500 * SHARE), **take)
    assert desk.free("a") == 9_500 + 1 / UNIT


def test_trap_21_losses_are_everybody_s():
    """A pool that counted only deposits would pay the first 500 of 500 and leave the last nothing."""
    desk = PoolDesk(ladder=Ladder(levels=1, spacing_bps=500, lots=10, inventory_lots_max=10))
    for account in "ab":
        desk.pay_in(account, 500)
    desk.place("other", SELL, 95, 10, symbol="X-USD")
    assert desk.free("pool/s", "X") == 0 and desk.exchange.ledger.accounts.balance("pool/s", "X").total == 10 * UNIT
    desk.set_marks(45)
    assert desk.nav() == 50 + 450
    views = desk.exchange.pools.holders("s")
    assert [view.value_units for view in views] == [250 * UNIT, 250 * UNIT]
    assert [view.profit_units for view in views] == [-250 * UNIT, -250 * UNIT]
    assert refusal(desk.pay_out("a")) is RejectReason.NOT_CASH
    (paid,) = _of(desk.run(WithdrawInKind, account="a", pool="s"), PoolWithdrawn)
    assert (paid.units, paid.base_units) == (25 * UNIT - 2, 5 * UNIT - 1)
    assert desk.run(WithdrawInKind, account="b", pool="s")
    assert desk.pool().supply == 0


@pytest.mark.parametrize(
    ("kind", "account", "terms", "reason"),
    [
        (DepositToPool, "a", {"units": 0}, RejectReason.AMOUNT_INVALID),
        (DepositToPool, "a", {"units": -1}, RejectReason.AMOUNT_INVALID),
        (DepositToPool, "a", {"units": 2**63}, RejectReason.AMOUNT_INVALID),
        (DepositToPool, "a", {"units": 1, "shares_min": "a"}, RejectReason.AMOUNT_INVALID),
        (DepositToPool, "a", {"units": UNIT, "shares_min": str(SHARE + 1)}, RejectReason.WORSE_THAN_AGREED),
        (DepositToPool, "a", {"units": 10_000 * UNIT}, RejectReason.INSUFFICIENT_BALANCE),
        (WithdrawFromPool, "b", {}, RejectReason.NO_SHARES),
        (WithdrawFromPool, "a", {"shares": str(1_000 * SHARE + 1)}, RejectReason.NO_SHARES),
        (WithdrawFromPool, "a", {"shares": "1"}, RejectReason.AMOUNT_INVALID),
        (WithdrawFromPool, "a", {"shares": "0"}, RejectReason.AMOUNT_INVALID),
        (WithdrawFromPool, "a", {"units_min": 1_000 * UNIT + 1}, RejectReason.WORSE_THAN_AGREED),
        (WithdrawFromPool, "a", {"units_min": -1}, RejectReason.AMOUNT_INVALID),
        (WithdrawUnitsFromPool, "b", {"units": 1}, RejectReason.NO_SHARES),
        (WithdrawUnitsFromPool, "a", {"units": 0}, RejectReason.AMOUNT_INVALID),
        (WithdrawInKind, "b", {}, RejectReason.NO_SHARES),
        (WithdrawInKind, "a", {"units_min": 1_001 * UNIT}, RejectReason.WORSE_THAN_AGREED),
        (WithdrawInKind, "a", {"base_units_min": 1}, RejectReason.WORSE_THAN_AGREED),
        (WithdrawInKind, "a", {"shares": "1"}, RejectReason.AMOUNT_INVALID),
        (AddPoolFees, "a", {"units": 0}, RejectReason.AMOUNT_INVALID),
        (AddPoolFees, "a", {"units": 10_000 * UNIT}, RejectReason.INSUFFICIENT_BALANCE),
        (ConfigurePool, "a", {"ladder": LADDER}, RejectReason.NOT_AUTHORISED),
        (ConfigurePool, "boss", {"ladder": Ladder(levels=1)}, RejectReason.TERMS_INVALID),
        (ConfigurePool, "boss", {"ladder": Ladder(levels=LEVELS_MAX + 1)}, RejectReason.TERMS_INVALID),
        (PausePool, "a", {}, RejectReason.NOT_AUTHORISED),
        (ResumePool, "boss", {}, RejectReason.NOT_OPEN),
        (ClosePool, "a", {}, RejectReason.NOT_AUTHORISED),
    ],
)
def test_trap_20_and_23_what_is_not_allowed_changes_nothing(kind, account, terms, reason):
    """`run` compares the state hashes of each refused command."""
    desk = PoolDesk()
    desk.pay_in("a", 1_000)
    assert refusal(desk.run(kind, account=account, pool="s", **terms)) is reason
    unknown = desk.run(kind, account=account, pool="none", **terms)
    assert refusal(unknown) is RejectReason.UNKNOWN_POOL
    assert refusal(desk.run(SetPoolFeeShare, pool="s", fee_share_bps=10_001)) is RejectReason.TERMS_INVALID


@pytest.mark.parametrize(
    ("terms", "reason"),
    [
        ({"pool": "s"}, RejectReason.NAME_TAKEN),
        ({"pool": "squatted"}, RejectReason.NAME_TAKEN),
        ({"pool": "a b"}, RejectReason.NAME_INVALID),
        ({"symbol": "Y-USD"}, RejectReason.UNKNOWN_MARKET),
        ({"ladder": Ladder(levels=1, lots=1, spacing_bps=10, inventory_lots_max=0)}, RejectReason.TERMS_INVALID),
        ({"ladder": Ladder(levels=1, lots=1, spacing_bps=9, inventory_lots_max=1, skew_bps=10)}, "terms_invalid"),
        ({"account": "pool/s"}, RejectReason.NOT_AUTHORISED),
    ],
)
def test_pools_that_may_not_be_created(terms, reason):
    desk = PoolDesk()
    desk.deposited += 5
    desk.run(Deposit, account="pool/squatted", asset="USD", units=5)
    assert refusal(desk.run(CreatePool, **{"account": "boss", "pool": "n", "symbol": "X-USD"} | terms)) == reason


def test_nobody_opens_pools_without_end():
    desk = PoolDesk()
    for number in range(POOLS_OF_OWNER_MAX):
        assert _of(desk.run(CreatePool, account="a", pool=f"n{number}", symbol="X-USD"), PoolCreated)
    assert refusal(desk.run(CreatePool, account="a", pool="n", symbol="X-USD")) is RejectReason.TOO_MANY_FUNDS


@BOTH
def test_trap_23_a_deposit_around_a_fee_earns_nothing(name):
    desk = PoolDesk()
    desk.pay_in("a", 1_000, name)
    desk.pay_in("b", 9_000, name)
    desk.run(AddPoolFees, account="other", pool=name, units=600 * UNIT)
    desk.pay_out("b", pool=name)
    assert desk.free("b") <= 10_000
    desk.wait_until(desk.exchange.time_ns + 6 * HOUR_NS)
    assert round(desk.nav(name), 6) == 1_600


def test_trap_22_fees_of_trades_reach_the_holders():
    """Taker 5 bps, a maker rebate of 1 bp, half of the venue's net for the pool: 1 + 2 bps, over six hours."""
    desk = PoolDesk(ladder=LADDER, taker_bps=5, maker_bps=-1)
    desk.pay_in("a", 1_000, "p")
    desk.run(SetPoolFeeShare, pool="p", fee_share_bps=5_000)
    before = desk.nav("p")
    events = desk.place("other", SELL, 95, 2)
    (fees,) = _of(events, PoolFeesAdded)
    notional = 190 * UNIT
    assert (fees.account, fees.units) == ("fees", notional * 3 // 10_000)
    assert desk.nav("p") == before + 10, "two lots bought 5 below the mark; neither rebate nor fees are theirs yet"
    desk.wait_until(desk.exchange.time_ns + 6 * HOUR_NS)
    assert desk.nav("p") * UNIT == before * UNIT + 10 * UNIT + notional * 3 // 10_000
    view = desk.exchange.pools.view("p")
    assert (view.earned_fees, view.unvested_units) == (notional * 3 // 10_000, 0)


def test_fees_on_their_way_are_held_when_the_last_holder_leaves():
    desk = PoolDesk()
    desk.pay_in("a", 100)
    desk.run(AddPoolFees, account="b", pool="s", units=600 * UNIT)
    desk.wait_until(desk.exchange.time_ns + 2 * HOUR_NS)
    (paid, held) = desk.pay_out("a")
    assert isinstance(paid, PoolWithdrawn) and paid.units == 300 * UNIT - 2
    assert isinstance(held, PoolFeesHeld) and held.held_units == 400 * UNIT
    assert desk.free("treasury") == 400 + 2 / UNIT and desk.exchange.ledger.accounts.balance("pool/s", "USD").total == 0


@BOTH
def test_a_pool_quotes_levels_around_the_mark(name):
    desk = PoolDesk(ladder=LADDER)
    events = desk.pay_in("a", 1_000, name)
    assert {event.terms.post_only for event in _of(events, OrderPlaced)} == {True}
    asks = [] if name == "s" else [(SELL, 105, 2), (SELL, 110, 2)]
    assert desk.quotes(name) == [(BUY, 95, 2), (BUY, 90, 2), *asks], "goods that it does not have are not offered"
    symbol = desk.pool(name).symbol
    desk.place("other", SELL, 95, 1, symbol=symbol)
    asks = [(SELL, 105, 1)] if name == "s" else asks
    assert desk.quotes(name) == [(BUY, 95, 2), (BUY, 90, 2), *asks], "a fill renews the ladder"


def test_quotes_follow_the_mark_by_levels_and_keep_their_place_otherwise():
    desk = PoolDesk(ladder=LADDER)
    desk.pay_in("a", 1_000, "p")
    before = [order.order_id for order in desk.exchange.ledger.open_of("pool/p", "X-PERP").values()]
    assert not _of(desk.mark(104), OrderPlaced)
    assert before == [order.order_id for order in desk.exchange.ledger.open_of("pool/p", "X-PERP").values()]
    assert len(_of(desk.mark(105), OrderPlaced)) == 4
    assert desk.quotes("p") == [(BUY, 99, 2), (BUY, 93, 2), (SELL, 111, 2), (SELL, 117, 2)]
    kept = desk.exchange.ledger.open_of("pool/p", "X-PERP").keys() - {0}
    desk.place("other", SELL, 99, 2)
    assert len(desk.exchange.ledger.open_of("pool/p", "X-PERP").keys() & kept) == 3


def test_a_pool_stops_buying_at_its_inventory():
    desk = PoolDesk(ladder=Ladder(levels=3, spacing_bps=100, lots=4, skew_bps=100, inventory_lots_max=10))
    desk.pay_in("a", 10_000, "p")
    for _ in range(5):
        desk.place("other", SELL, 1, 20, client_order_id=str(desk.exchange.time_ns))
        desk.run(SetMark, symbol="X-PERP", price_ticks=100)
        for order in list(desk.exchange.ledger.open_of("other", "X-PERP").values()):
            desk.cancel("other", order.terms.client_order_id)
    assert desk.position("pool/p").lots == 10
    assert desk.quotes("p") == [(SELL, 100, 4), (SELL, 101, 4), (SELL, 102, 4)], "leaning down by a whole level"


def test_cash_behind_quotes_is_paid_out():
    desk = PoolDesk(ladder=LADDER)
    desk.pay_in("a", 400)
    assert desk.free("pool/s") == 30
    assert _of(desk.pay_out("a", 300), PoolWithdrawn)
    assert desk.quotes() == [(BUY, 95, 1)]
    assert (desk.free("a"), desk.nav()) == (9_900, 100)


def test_a_paused_pool_takes_no_deposits_and_does_not_quote():
    desk = PoolDesk(ladder=LADDER)
    desk.pay_in("a", 1_000)
    desk.run(PausePool, account="boss", pool="s")
    assert desk.quotes() == []
    assert refusal(desk.pay_in("b", 10)) is RejectReason.NOT_OPEN
    desk.set_marks(150)
    assert desk.quotes() == []
    assert _of(desk.pay_out("a", 100), PoolWithdrawn)
    desk.run(ResumePool, account="boss", pool="s")
    assert [price for _side, price, _lots in desk.quotes()] == [142, 134]


def test_a_spot_pool_closes_in_kind():
    desk = PoolDesk(ladder=LADDER)
    for account in "ab":
        desk.pay_in(account, 500)
    desk.place("other", SELL, 95, 2, symbol="X-USD")
    desk.run(AddPoolFees, account="other", pool="s", units=60 * UNIT)
    events = desk.run(ClosePool, account="boss", pool="s")
    paid = _of(events, PoolWithdrawn)
    assert [(each.account, each.base_units, each.units) for each in paid] == [
        ("a", UNIT - 1, 405 * UNIT - 2),
        ("b", UNIT, 405 * UNIT),
    ]
    (closed,) = _of(events, PoolClosed)
    assert (desk.pool().status, desk.pool().supply, closed.dust_units) == (PoolStatus.CLOSED, 0, 2)
    assert desk.free("treasury") == 60 + 2 / UNIT
    assert refusal(desk.run(ClosePool, account="boss", pool="s")) is RejectReason.NOT_OPEN
    assert refusal(desk.run(AddPoolFees, account="b", pool="s", units=5)) is RejectReason.NOT_OPEN


def test_a_perpetual_pool_closes_once_its_position_is_sold():
    desk = PoolDesk(ladder=LADDER)
    desk.pay_in("a", 1_000, "p")
    desk.place("other", SELL, 95, 2)
    assert not _of(desk.run(ClosePool, account="boss", pool="p"), PoolClosed)
    assert refusal(desk.run(WithdrawInKind, account="a", pool="p")) is RejectReason.TERMS_INVALID
    desk.place("other", BUY, 96, 2)
    events = desk.wait_until(desk.exchange.time_ns + REVIEW_NS)
    assert _of(events, TradeExecuted) and _of(events, PoolClosed)
    assert 0 <= 10_000 + 2 - desk.free("a") < 3 / UNIT


def test_impermanent_loss_is_the_value_less_that_of_what_was_put_in():
    desk = PoolDesk(ladder=Ladder(levels=1, spacing_bps=500, lots=4, inventory_lots_max=10))
    desk.pay_in("a", 1_000)
    desk.place("other", SELL, 95, 4, symbol="X-USD")
    desk.pay_in("b", 1_020)
    (a, b) = desk.exchange.pools.holders("s")
    assert (a.basket_units, a.impermanent_loss_units) == (1_000 * UNIT, 20 * UNIT - 1 + 1 - 1)
    assert abs(b.impermanent_loss_units) <= 2 and b.basket_units // UNIT in (1_019, 1_020)
    desk.set_marks(110)
    # A held only cash; B's tokens stood for 2 of 4 X and cash: having held those would be worth 20 more as well.
    (a, b) = desk.exchange.pools.holders("s")
    assert [round(each.value_units / UNIT, 4) for each in (a, b)] == [1_040, 1_040]
    assert [round(each.impermanent_loss_units / UNIT, 4) for each in (a, b)] == [40, 0]
    desk.place("other", BUY, 115, 4, symbol="X-USD")
    desk.set_marks(130)
    # The goods went for 115 at most; whoever had held 2 X would have 130 for each.
    (a, b) = desk.exchange.pools.holders("s")
    view = desk.exchange.pools.view("s")
    assert b.impermanent_loss_units < 0 < a.impermanent_loss_units
    assert abs(view.impermanent_loss_units - a.impermanent_loss_units - b.impermanent_loss_units) <= 4
    assert view.profit_units == view.nav_units - 2_020 * UNIT


def test_goods_without_a_price_stop_payments():
    desk = PoolDesk()
    desk.run(CreatePool, account="boss", pool="n", symbol="X-USD")
    desk.pay_in("a", 100)
    desk.exchange.markets["X-USD"].facts.set_mark(0)
    desk.exchange.ledger.accounts.credit("other", "X", -UNIT)
    desk.exchange.ledger.accounts.credit("pool/s", "X", UNIT)
    for events in (desk.pay_in("b", 1), desk.pay_out("a")):
        assert refusal(events) is RejectReason.NO_MARK_PRICE
    assert desk.exchange.pools.view("s").nav_units is None


def test_nobody_trades_for_a_pool():
    desk = PoolDesk()
    desk.pay_in("a", 1_000)
    for by in ("boss", "a", "", "pool/s"):
        events = desk.place("pool/s", BUY, 95, 1, symbol="X-USD", by=by)
        assert refusal(events) is RejectReason.NOT_AUTHORISED


def test_pools_can_be_switched_off():
    desk = PoolDesk(features=Features(pools=False))
    assert refusal(desk.pay_in("a", 10)) is RejectReason.FEATURE_OFF


def test_a_pool_survives_a_snapshot():
    desk = PoolDesk(ladder=LADDER, taker_bps=5, maker_bps=-1)
    for name in "sp":
        for account in "ba":
            desk.pay_in(account, 1_000, name)
        desk.run(SetPoolFeeShare, pool=name, fee_share_bps=3_000)
        desk.place("other", SELL, 95, 1, symbol=desk.pool(name).symbol)
    loaded, live = desk.loaded(), desk.exchange
    assert loaded.state_hash() == live.state_hash()
    assert (loaded.pools.view("p"), loaded.pools.holders("s")) == (live.pools.view("p"), live.pools.holders("s"))
    heard = []
    for exchange in (live, loaded):
        desk.exchange = exchange
        taken = desk.place("other", BUY, 105, 1, client_order_id="x")
        heard.append(taken + desk.mark(109) + desk.pay_out("a", 100, "p"))
    assert heard[0] == heard[1] and _of(heard[0], PoolFeesAdded) and _of(heard[0], OrderPlaced)
    assert live.state_hash() == loaded.state_hash()


def test_what_pools_hear_and_say_fits_the_wire():
    desk = PoolDesk()
    desk.cash("a", 10**10)
    command = DepositToPool(time_ns=desk.exchange.time_ns + 1, account="a", pool="s", units=10**10 * UNIT)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(command), type=AnyCommand) == command
    for event in desk.exchange.execute(command):
        assert msgspec.msgpack.decode(msgspec.msgpack.encode(event), type=type(event)) == event
    assert int(desk.exchange.pools.view("s").supply) == 10**24, "beyond 64 bits"
    assert desk.loaded().pools.pools == desk.exchange.pools.pools
    assert not _of(desk.pay_out("a"), CommandRefused)
