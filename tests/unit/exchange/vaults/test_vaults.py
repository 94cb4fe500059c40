"""Vaults through the exchange: people, payments, profit share, limits, pauses and closing."""

import msgspec
import pytest

from common.exchange.catalogue import AnyCommand
from common.exchange.commands import AmendOrder, Batch, CancelOrder, Deposit, PlaceOrder, SetMark, Withdraw
from common.exchange.configuration import Features
from common.exchange.events import CommandRefused, OrderExpired, OrderRejected, RejectReason, TradeExecuted
from common.exchange.exchange import Exchange
from common.exchange.grids.levels import GridSpacing
from common.exchange.margin.commands import MoveCollateral, SetLeverage, SplitPosition
from common.exchange.strategies.commands import StartStrategy
from common.exchange.strategies.terms import GridTerms, TwoSidedTerms
from common.exchange.vaults.commands import (
    OF_TREASURY,
    CancelVaultWithdrawal,
    ChangeVaultManager,
    CloseVault,
    ConfigureVault,
    CreateVault,
    CrystalliseProfit,
    DepositToVault,
    PauseVault,
    ResumeVault,
    WithdrawFromVault,
)
from common.exchange.vaults.events import (
    ProfitShareCharged,
    VaultClosed,
    VaultConfigured,
    VaultCreated,
    VaultDeposited,
    VaultStopped,
    VaultWithdrawalCanceled,
    VaultWithdrawalQueued,
    VaultWithdrawn,
)
from common.exchange.vaults.records import DAY_NS, VAULTS_OF_OWNER_MAX, RiskLimits, VaultStatus
from common.exchange.vaults.reviews import REVIEW_NS
from tests.unit.exchange.margin.perpetual_desk import BUY, SELL, UNIT, refusal
from tests.unit.exchange.vaults.vault_desk import SHARE, V, VaultDesk, paid


def _of(events, kind):  # type: ignore[no-untyped-def]
    return [event for event in events if isinstance(event, kind)]


def test_trap_1_a_profit_beyond_64_bits_is_exact():
    """Equity 2^64 + 5 on a collateral of 10: the lowest 64 bits alone would make it a loss of 5."""
    desk = VaultDesk()
    desk.run(DepositToVault, account="a", vault="v", units=10)
    position = desk.exchange.margin.held(V, "X-PERP")
    position.lots, position.cost = 1, 100 * UNIT - (2**64 - 5)
    equity = desk.exchange.vaults.purse.equity(V, "USD")
    assert equity == 2**64 + 5 and equity - 10 == 18446744073709551611


def test_traps_9_and_10_a_vault_is_an_ordinary_account_whose_equity_nobody_sets():
    desk = VaultDesk()
    desk.pay_in("a", 1_000)
    desk.order(BUY, 98, 10)
    assert _of(desk.place("other", SELL, 98, 10), TradeExecuted), "its orders are filled like anybody's"
    assert (desk.position(V).lots, desk.position("other").lots, desk.position("mary").lots) == (10, -10, 0)
    for mark in (100, 120, 95):
        desk.mark(mark)
        assert desk.worth() == 1_000 + 10 * (mark - 98)
    fields = {field for kind in OF_TREASURY for field in kind.__struct_fields__}
    assert not {field for field in fields if "equity" in field or "profit" in field} - {"profit_share_bps"}


def test_trap_13_money_is_paid_in_the_same_order_whoever_came_first():
    """A snapshot keeps nobody's place in a dict, so nothing may depend on it."""
    desk = VaultDesk(profit_share_bps=1_000)
    for account in ("c", "a", "mary", "b"):
        desk.pay_in(account, 333)
    desk.win(110)
    events = []
    for exchange in (desk.loaded(), desk.exchange):
        desk.exchange = exchange
        events.append(desk.run(CloseVault, account="boss", vault="v"))
    assert events[0] == events[1]
    assert [name for name, _money in paid(events[0])] == ["a", "b", "c", "mary"]


def test_trap_4_deposits_come_from_the_payer_and_withdrawals_go_to_the_owner_of_the_shares():
    desk = VaultDesk()
    (event,) = _of(desk.pay_in("a", 1_000), VaultDeposited)
    assert (event.units, event.shares, event.equity_units) == (1_000 * UNIT, str(1_000 * SHARE), 0)
    assert (desk.free("a"), desk.worth(), desk.wallet(V)) == (9_000, 1_000, 1_000)
    assert paid(desk.pay_out("a", 400)) == [("a", 400)]
    assert (desk.free("a"), desk.worth(), desk.shares("a")) == (9_400, 600, 600)
    assert paid(desk.pay_out("a")) == [("a", 600)]
    assert (desk.free("a"), desk.worth(), desk.vault.depositors) == (10_000, 0, {})


def test_trap_5_an_open_profit_counts_for_whoever_joins():
    """A 1000, open profit +500, B pays 1500: B has 1000 of 2000 shares."""
    desk = VaultDesk()
    desk.pay_in("a", 1_000)
    desk.order(BUY, 100, 50)
    desk.place("other", SELL, 100, 50)
    desk.mark(110)
    assert (desk.wallet(V), desk.worth()) == (1_000, 1_500)
    desk.pay_in("b", 1_500)
    assert (desk.shares("a"), desk.shares("b"), desk.vault.supply // SHARE) == (1_000, 1_000, 2_000)
    assert desk.worth() == 3_000


def test_trap_6_the_same_profit_is_charged_once():
    """Equity 1200 at 10 % -> 20, 1200 -> 0, 1000 -> 0, 1180 -> 0, 1280 -> 10, the manager's own shares left out."""
    desk = VaultDesk(profit_share_bps=1_000)
    desk.pay_in("a", 1_000)
    due = []
    for step in (200, 0, -200, 180, 100):
        desk.win(step) if step else None
        events = desk.run(CrystalliseProfit, account="boss", vault="v", depositor="a")
        due.append(round(sum(event.due_units for event in _of(events, ProfitShareCharged)) / UNIT, 2))
    # A is left with 1180 of 1200 shares' worth, so of 1280 with 1258.67: a tenth of what that is above 1180.
    assert due == [20, 0, 0, 0, 7.87]
    assert round(desk.vault.depositors["a"].high_water_mark / UNIT, 2) == 1_250.8
    assert desk.worth() == 1_280 and desk.vault.supply == 1_000 * SHARE


@pytest.mark.parametrize("way", ["deposit", "withdraw", "close", "new_manager"])
def test_trap_7_profit_is_charged_before_shares_change(way):
    desk = VaultDesk(profit_share_bps=2_000)
    desk.pay_in("a", 1_000)
    desk.win(500)
    events = {
        "deposit": lambda: desk.pay_in("a", 100),
        "withdraw": lambda: desk.pay_out("a", 10),
        "close": lambda: desk.run(CloseVault, account="boss", vault="v"),
        "new_manager": lambda: desk.run(ChangeVaultManager, account="boss", vault="v", manager="c"),
    }[way]()
    names = [type(event).__name__ for event in events]
    (charge,) = _of(events, ProfitShareCharged)
    assert round(charge.profit_units / UNIT, 6) == 500 and round(charge.due_units / UNIT, 6) == 100
    changes = [name for name in names if name in ("VaultDeposited", "VaultWithdrawn", "VaultManagerChanged")]
    assert changes and names.index("ProfitShareCharged") < names.index(changes[0])
    if way == "close":
        assert round(desk.free("mary") - 10_000, 6) == 100 and round(desk.free("a") - 9_000, 6) == 1_400
    else:
        assert desk.vault.depositors["mary"].shares > 0


@pytest.mark.parametrize(
    ("kind", "account", "terms", "reason"),
    [
        (ConfigureVault, "mary", {"profit_share_bps": 0}, RejectReason.NOT_AUTHORISED),
        (PauseVault, "a", {}, RejectReason.NOT_AUTHORISED),
        (ResumeVault, "a", {}, RejectReason.NOT_AUTHORISED),
        (CloseVault, "mary", {}, RejectReason.NOT_AUTHORISED),
        (ChangeVaultManager, "mary", {"manager": "mary"}, RejectReason.NOT_AUTHORISED),
        (CrystalliseProfit, "a", {}, RejectReason.NOT_AUTHORISED),
        (CrystalliseProfit, "boss", {"depositor": "b"}, RejectReason.NO_SHARES),
        (WithdrawFromVault, "mary", {}, RejectReason.NO_SHARES),
        (WithdrawFromVault, "b", {}, RejectReason.NO_SHARES),
        (WithdrawFromVault, "a", {"shares": str(1_000 * SHARE + 1)}, RejectReason.NO_SHARES),
        (WithdrawFromVault, "a", {"shares": "0"}, RejectReason.AMOUNT_INVALID),
        (WithdrawFromVault, "a", {"shares": "-1"}, RejectReason.AMOUNT_INVALID),
        (WithdrawFromVault, "a", {"shares": "1e9"}, RejectReason.AMOUNT_INVALID),
        (WithdrawFromVault, "a", {"shares": 5}, RejectReason.AMOUNT_INVALID),
        (WithdrawFromVault, "a", {"shares": "9" * 99}, RejectReason.AMOUNT_INVALID),
        (WithdrawFromVault, "a", {"shares": "1"}, RejectReason.AMOUNT_INVALID),
        (CancelVaultWithdrawal, "a", {}, RejectReason.NOT_REQUESTED),
        (DepositToVault, "a", {"units": 0}, RejectReason.AMOUNT_INVALID),
        (DepositToVault, "a", {"units": -5}, RejectReason.AMOUNT_INVALID),
        (DepositToVault, "a", {"units": 2**63}, RejectReason.AMOUNT_INVALID),
        (DepositToVault, "a", {"units": 1.5}, RejectReason.AMOUNT_INVALID),
        (DepositToVault, "a", {"units": 10_000 * UNIT}, RejectReason.INSUFFICIENT_BALANCE),
        (DepositToVault, "a", {"units": 5, "shares_min": "x"}, RejectReason.AMOUNT_INVALID),
        (DepositToVault, "a", {"units": UNIT, "shares_min": str(SHARE + 1)}, RejectReason.WORSE_THAN_AGREED),
        (ConfigureVault, "boss", {"profit_share_bps": 1_001}, RejectReason.ONLY_DOWNWARDS),
        (ConfigureVault, "boss", {"profit_share_bps": -1}, RejectReason.TERMS_INVALID),
        (ConfigureVault, "boss", {"lock_up_ns": -1}, RejectReason.TERMS_INVALID),
        (ConfigureVault, "boss", {"deposit_units_min": 0}, RejectReason.TERMS_INVALID),
        (ConfigureVault, "boss", {"limits": RiskLimits(symbols=("Y",))}, RejectReason.TERMS_INVALID),
        (ConfigureVault, "boss", {"limits": RiskLimits(leverage_max=-1)}, RejectReason.TERMS_INVALID),
        (ConfigureVault, "boss", {"limits": RiskLimits(drawdown_bps_max=10_001)}, RejectReason.TERMS_INVALID),
        (ResumeVault, "boss", {}, RejectReason.NOT_OPEN),
    ],
)
def test_traps_3_8_and_11_what_is_not_allowed_changes_nothing(kind, account, terms, reason):
    """Nothing is clamped to what would fit; `run` compares the state hashes of each refused command."""
    desk = VaultDesk(profit_share_bps=1_000)
    desk.pay_in("a", 1_000)
    assert refusal(desk.run(kind, account=account, vault="v", **terms)) is reason
    assert refusal(desk.run(kind, account=account, vault="w", **terms)) in (RejectReason.UNKNOWN_VAULT, reason)


@pytest.mark.parametrize(
    ("terms", "reason"),
    [
        ({"vault": "v"}, RejectReason.NAME_TAKEN),
        ({"vault": "squatted"}, RejectReason.NAME_TAKEN),
        ({"vault": ""}, RejectReason.NAME_INVALID),
        ({"vault": "a/b"}, RejectReason.NAME_INVALID),
        ({"vault": "x" * 33}, RejectReason.NAME_INVALID),
        ({"vault": 7}, RejectReason.NAME_INVALID),
        ({"manager": "vault/v"}, RejectReason.NAME_INVALID),
        ({"manager": "treasury"}, RejectReason.NAME_INVALID),
        ({"asset": "EUR"}, RejectReason.UNKNOWN_MARKET),
        ({"profit_share_bps": 5_001}, RejectReason.TERMS_INVALID),
        ({"lock_up_ns": 31 * DAY_NS}, RejectReason.TERMS_INVALID),
        ({"account": "vault/v"}, RejectReason.NOT_AUTHORISED),
        ({"account": "fees"}, RejectReason.UNKNOWN_ACCOUNT),
    ],
)
def test_vaults_that_may_not_be_created(terms, reason):
    desk = VaultDesk()
    desk.run(Deposit, account="vault/squatted", asset="X", units=5)
    usual = {"account": "boss", "vault": "w", "asset": "USD"}
    assert refusal(desk.run(CreateVault, **usual | terms)) is reason


def test_nobody_opens_vaults_without_end():
    desk = VaultDesk()
    for number in range(1, VAULTS_OF_OWNER_MAX):
        assert _of(desk.run(CreateVault, account="boss", vault=f"v{number}", asset="USD"), VaultCreated)
    refused = desk.run(CreateVault, account="boss", vault="more", asset="USD")
    assert refusal(refused) is RejectReason.TOO_MANY_FUNDS
    assert _of(desk.run(CreateVault, account="mary", vault="more", asset="USD"), VaultCreated)


def test_trap_8_the_manager_trades_and_never_withdraws():
    desk = VaultDesk()
    desk.pay_in("a", 1_000)
    assert not _of(desk.order(BUY, 90, 1), CommandRefused)
    assert not _of(desk.run(SetLeverage, account=V, by="mary", symbol="X-PERP", leverage=2), CommandRefused)
    assert not _of(desk.run(MoveCollateral, account=V, by="mary", asset="USD", units=-100 * UNIT), CommandRefused)
    assert desk.worth() == 1_000, "its own cash is the vault's too"
    for by in ("mary", "boss", ""):
        events = desk.run(Withdraw, account=V, by=by, asset="USD", units=100 * UNIT)
        assert refusal(events) is RejectReason.NOT_AUTHORISED
        assert refusal(desk.run(WithdrawFromVault, account=V, by=by, vault="v")) is RejectReason.NOT_AUTHORISED
    for by in ("boss", "a", "", V):
        assert refusal(desk.order(BUY, 90, 1, by=by)) is RejectReason.NOT_AUTHORISED
    desk.run(ChangeVaultManager, account="boss", vault="v", manager="c")
    assert refusal(desk.order(BUY, 90, 1)) is RejectReason.NOT_AUTHORISED
    assert not _of(desk.order(BUY, 90, 1, by="c"), CommandRefused)


def test_terms_change_by_their_owner_and_profit_share_only_downwards():
    desk = VaultDesk(profit_share_bps=1_000)
    (event,) = desk.run(ConfigureVault, account="boss", vault="v", profit_share_bps=900, lock_up_ns=DAY_NS)
    assert isinstance(event, VaultConfigured) and (event.profit_share_bps, event.lock_up_ns) == (900, DAY_NS)
    again = desk.run(ConfigureVault, account="boss", vault="v", profit_share_bps=901)
    assert refusal(again) is RejectReason.ONLY_DOWNWARDS


def test_trap_12_a_deposit_is_locked_up_and_later_ones_anew():
    desk = VaultDesk(lock_up_ns=DAY_NS)
    desk.pay_in("a", 100)
    first = desk.exchange.time_ns
    assert refusal(desk.pay_out("a")) is RejectReason.LOCKED_UP
    desk.wait_until(first + DAY_NS - 2)
    assert refusal(desk.pay_out("a")) is RejectReason.LOCKED_UP
    desk.pay_in("b", 100)
    assert paid(desk.pay_out("a")) == [("a", 100)]
    assert refusal(desk.pay_out("b")) is RejectReason.LOCKED_UP


def test_trap_2_only_what_margin_does_not_need_is_paid_and_the_rest_waits():
    """Wallet 1000, open loss 500, initial margin 45: of shares worth 500, 455 leave."""
    desk = VaultDesk()
    desk.pay_in("a", 1_000)
    desk.order(BUY, 100, 50)
    desk.place("other", SELL, 100, 50)
    desk.mark(90)
    assert (desk.wallet(V), desk.worth()) == (1_000, 500)
    events = desk.pay_out("a")
    assert paid(events) == [("a", 500 - 450)]
    (queued,) = _of(events, VaultWithdrawalQueued)
    assert queued.waiting == 0 and desk.worth() == 450
    assert refusal(desk.pay_out("a")) is RejectReason.ALREADY_REQUESTED
    # The manager closes half, which frees half of the margin: the queue is served by that trade.
    desk.order(SELL, 90, 25)
    assert paid(desk.place("other", BUY, 90, 25)) == [("a", 225)]
    desk.order(SELL, 90, 25)
    assert paid(desk.place("other", BUY, 90, 25)) == [("a", 225)]
    assert (desk.vault.queue, desk.vault.depositors, desk.worth()) == ([], {}, 0)


def test_trap_2_cash_outside_of_the_wallet_is_not_paid_while_margin_lacks():
    """Wallet 100 with 9 lots at 100, cash 900; at 95 the wallet has 55 and needs 86."""
    desk = VaultDesk()
    desk.pay_in("a", 1_000)
    desk.run(MoveCollateral, account=V, by="mary", asset="USD", units=-900 * UNIT)
    desk.order(BUY, 100, 9)
    desk.place("other", SELL, 100, 9)
    desk.mark(95)
    assert paid(desk.pay_out("a")) == [("a", 900 + 55 - 85.5)]
    assert desk.free(V) == 85.5 - 55


def test_requests_are_paid_in_their_order():
    desk = VaultDesk()
    for account in "abc":
        desk.pay_in(account, 300)
    desk.order(BUY, 100, 85)
    desk.place("other", SELL, 100, 85)
    assert paid(desk.pay_out("b")) == [("b", 50)]
    assert paid(desk.pay_out("a")) == []
    (queued,) = _of(desk.pay_out("c", 10), VaultWithdrawalQueued)
    assert queued.waiting == 2
    (gone,) = desk.run(CancelVaultWithdrawal, account="a", vault="v")
    assert isinstance(gone, VaultWithdrawalCanceled)
    desk.order(SELL, 100, 85)
    assert paid(desk.place("other", BUY, 100, 85)) == [("b", 250), ("c", 10)]
    assert desk.shares("a") == 300
    assert [row.account for row in desk.exchange.vaults.queue("v")] == []


def test_profit_made_while_waiting_is_charged_before_the_rest_is_paid():
    desk = VaultDesk(profit_share_bps=2_000)
    desk.pay_in("a", 1_000)
    desk.order(BUY, 100, 90)
    desk.place("other", SELL, 100, 90)
    desk.pay_out("a")
    asked = desk.vault.queue[0].shares
    desk.mark(110)
    (request,) = desk.vault.queue
    assert request.shares == desk.vault.depositors["a"].shares < asked, "the manager's part waits no more"
    desk.order(SELL, 110, 90)
    events = desk.place("other", BUY, 110, 90)
    assert "a" not in desk.vault.depositors and desk.vault.queue == []
    assert paid(events) and desk.vault.supply == desk.vault.depositors["mary"].shares
    # 1000 and 900 of profit, less a fifth of the profit.
    assert round(desk.free("a") - 10_000, 4) == 720


def test_collateral_that_a_cancelled_order_frees_is_paid_at_the_next_look():
    desk = VaultDesk()
    desk.pay_in("a", 100)
    desk.order(BUY, 100, 9, client_order_id="bid")
    assert paid(desk.pay_out("a")) == [("a", 10)]
    assert paid(desk.run(CancelOrder, account=V, by="mary", symbol="X-PERP", client_order_id="bid")) == []
    assert paid(desk.wait_until(desk.exchange.time_ns + REVIEW_NS)) == [("a", 90)]


def test_a_manager_cannot_keep_money_in_positions_for_ever():
    desk = VaultDesk()
    desk.pay_in("a", 1_000)
    desk.pay_in("b", 1_000)
    desk.order(BUY, 100, 190)
    desk.place("other", SELL, 100, 190)
    desk.order(SELL, 150, 1)
    assert paid(desk.pay_out("a")) == [("a", 100)]
    asked = desk.exchange.time_ns
    desk.place("other", BUY, 99, 1_000)
    desk.wait_until(asked + DAY_NS - 1)
    assert desk.position(V).lots == 190
    events = desk.wait_until(asked + DAY_NS + REVIEW_NS)
    assert [event.reason for event in _of(events, OrderExpired)] == ["vault_owes"]
    # A owns 900 of 1900, so 90 lots or a few more are sold one below the mark; A bears A's part of that.
    assert 85 <= desk.position(V).lots <= 100
    assert [account for account, _money in paid(events)] == ["a"] * len(paid(events))
    assert 850 < sum(money for _account, money in paid(events)) < 858
    assert (desk.vault.queue, desk.shares("b")) == ([], 1_000)
    assert _of(desk.order(SELL, 150, 100), OrderRejected) == [], "nothing is owed any more"


def test_trap_17_no_deposit_into_what_is_worth_nothing_and_no_payout_from_it():
    desk = VaultDesk()
    desk.pay_in("a", 1_000)
    desk.order(BUY, 100, 99)
    desk.place("other", SELL, 100, 99)
    desk.mark(89)
    assert desk.worth() == 0, "liquidated, and its debt was others'"
    assert refusal(desk.pay_in("b", 1_000)) is RejectReason.NO_EQUITY
    assert refusal(desk.pay_out("a")) is RejectReason.NO_EQUITY


@pytest.mark.parametrize(
    ("limits", "lots", "reason"),
    [
        (RiskLimits(symbols=("X-USD",)), 1, RejectReason.SYMBOL_NOT_ALLOWED),
        (RiskLimits(position_lots_max={"X-PERP": 5}), 6, RejectReason.POSITION_TOO_LARGE),
        (RiskLimits(gross_notional_units_max=600 * UNIT), 7, RejectReason.NOTIONAL_TOO_LARGE),
        (RiskLimits(leverage_max=150), 16, RejectReason.LEVERAGE_TOO_HIGH),
    ],
)
def test_orders_meet_the_vault_s_own_limits(limits, lots, reason):
    desk = VaultDesk(limits=limits)
    desk.pay_in("a", 1_000)
    assert refusal(desk.order(BUY, 100, lots)) is reason
    if reason is not RejectReason.SYMBOL_NOT_ALLOWED:
        assert not _of(desk.order(BUY, 100, lots - 1), OrderRejected)
        assert refusal(desk.order(BUY, 100, 1)) is reason, "open orders count"
        assert not _of(desk.order(SELL, 100, 1), OrderRejected), "the other side is another worst case"


def test_limits_hold_over_a_batch_and_over_amendments():
    desk = VaultDesk(limits=RiskLimits(position_lots_max={"X-PERP": 5}))
    desk.pay_in("a", 1_000)
    items = [
        PlaceOrder(
            time_ns=0, account=V, by="mary", symbol="X-PERP", client_order_id=f"n{number}", side=BUY, quantity_lots=3,
            price_ticks=90,
        )
        for number in (1, 2)
    ]  # fmt: skip
    (event,) = desk.run(Batch, items=items, atomic=True)
    assert (event.index, event.reason) == (1, RejectReason.POSITION_TOO_LARGE)
    desk.run(Batch, items=items[:1], atomic=True)
    amend = {"account": V, "by": "mary", "symbol": "X-PERP", "client_order_id": "n1"}
    assert refusal(desk.run(AmendOrder, open_lots=6, **amend)) is RejectReason.POSITION_TOO_LARGE
    assert desk.run(AmendOrder, open_lots=5, price_ticks=91, **amend)
    assert desk.position(V).bid_lots == 5


def test_limits_over_all_markets_hold_over_a_batch():
    desk = VaultDesk(limits=RiskLimits(gross_notional_units_max=700 * UNIT))
    desk.pay_in("a", 1_000)
    desk.run(MoveCollateral, account=V, by="mary", asset="USD", units=-500 * UNIT)
    desk.run(SetMark, symbol="X-USD", price_ticks=100)
    items = [
        PlaceOrder(
            time_ns=0, account=V, by="mary", symbol=symbol, client_order_id="n", side=BUY, quantity_lots=4,
            price_ticks=90,
        )
        for symbol in ("X-PERP", "X-USD")
    ]  # fmt: skip
    (event,) = desk.run(Batch, items=items, atomic=True)
    assert (event.index, event.reason) == (1, RejectReason.NOTIONAL_TOO_LARGE)


def test_goods_bought_on_spot_are_part_of_the_equity_and_of_the_limits():
    desk = VaultDesk(limits=RiskLimits(position_lots_max={"X-USD": 5}))
    desk.run(Deposit, account="other", asset="X", units=10 * UNIT)
    desk.pay_in("a", 1_000)
    desk.run(MoveCollateral, account=V, by="mary", asset="USD", units=-600 * UNIT)
    desk.place("other", SELL, 100, 10, symbol="X-USD")
    assert refusal(desk.order(BUY, 100, 6, symbol="X-USD")) is RejectReason.POSITION_TOO_LARGE
    desk.order(BUY, 100, 5, symbol="X-USD")
    assert (desk.worth(), desk.wallet(V), desk.free(V)) == (1_000, 400, 100)
    assert paid(desk.pay_out("a")) == [("a", 500)], "goods are not cash"
    assert desk.worth() == 500


def test_the_drawdown_limit_stops_a_vault():
    desk = VaultDesk(limits=RiskLimits(drawdown_bps_max=2_000))
    desk.pay_in("a", 1_000)
    desk.order(BUY, 100, 50)
    desk.place("other", SELL, 100, 50)
    desk.order(BUY, 80, 1)
    desk.mark(110)
    assert not _of(desk.mark(105), VaultStopped)
    events = desk.mark(103)
    (stopped,) = _of(events, VaultStopped)
    assert (stopped.peak_price[:5], stopped.price[:5]) == ("1.499", "1.149")
    assert [event.reason for event in _of(events, OrderExpired)] == ["vault_stopped"]
    assert refusal(desk.order(BUY, 100, 1)) is RejectReason.ONLY_REDUCING
    assert refusal(desk.pay_in("b", 10)) is RejectReason.NOT_OPEN
    assert not _of(desk.order(SELL, 100, 50, reduce_only=True), OrderRejected)
    desk.run(ResumeVault, account="boss", vault="v")
    assert not _of(desk.order(BUY, 80, 1), OrderRejected)
    assert not _of(desk.mark(104), VaultStopped)


def test_a_paused_vault_only_reduces_and_still_pays():
    desk = VaultDesk()
    desk.pay_in("a", 1_000)
    desk.order(BUY, 100, 5)
    desk.place("other", SELL, 100, 5)
    desk.order(BUY, 90, 5)
    events = desk.run(PauseVault, account="boss", vault="v")
    assert [event.reason for event in _of(events, OrderExpired)] == ["vault_paused"]
    assert refusal(desk.run(PauseVault, account="boss", vault="v")) is RejectReason.NOT_OPEN
    assert refusal(desk.pay_in("b", 10)) is RejectReason.NOT_OPEN
    assert refusal(desk.order(BUY, 100, 1)) is RejectReason.ONLY_REDUCING
    assert refusal(desk.order(SELL, 100, 1)) is RejectReason.ONLY_REDUCING
    assert not _of(desk.order(SELL, 100, 5, reduce_only=True), OrderRejected)
    assert paid(desk.pay_out("a", 10)) == [("a", 10)]
    desk.run(ResumeVault, account="boss", vault="v")
    assert not _of(desk.pay_in("b", 10), CommandRefused)


def test_a_closing_vault_pays_everybody_once_it_is_flat():
    desk = VaultDesk(profit_share_bps=1_000)
    desk.pay_in("a", 1_000)
    desk.pay_in("b", 500)
    desk.order(BUY, 100, 50)
    desk.place("other", SELL, 100, 50)
    assert not _of(desk.run(CloseVault, account="boss", vault="v"), VaultClosed)
    assert refusal(desk.run(CloseVault, account="boss", vault="v")) is RejectReason.NOT_OPEN
    assert refusal(desk.pay_in("b", 10)) is RejectReason.NOT_OPEN
    desk.order(SELL, 103, 50, reduce_only=True)
    events = desk.place("other", BUY, 103, 50)
    (closed,) = _of(events, VaultClosed)
    # 150 of profit: a tenth of it is the manager's, a and b get 2 : 1 of the rest.
    assert [(name, round(money, 5)) for name, money in paid(events)] == [("a", 1_090), ("b", 545), ("mary", 15)]
    assert 0 <= closed.dust_units <= 3
    assert (desk.vault.status, desk.vault.supply, desk.worth()) == (VaultStatus.CLOSED, 0, 0)
    assert desk.exchange.ledger.accounts.free("treasury", "USD") == closed.dust_units
    assert refusal(desk.order(SELL, 103, 1)) is RejectReason.NOT_AUTHORISED
    for kind in (PauseVault, ResumeVault, CloseVault, ConfigureVault):
        assert refusal(desk.run(kind, account="boss", vault="v")) is RejectReason.NOT_OPEN


def test_closing_by_force_goes_through_the_market_as_far_as_it_can():
    desk = VaultDesk()
    desk.pay_in("a", 1_000)
    desk.order(BUY, 100, 50)
    desk.place("other", SELL, 100, 50)
    desk.place("other", BUY, 99, 20)
    events = desk.run(CloseVault, account="boss", vault="v", force=True)
    (trade,) = _of(events, TradeExecuted)
    assert (trade.taker.account, trade.quantity_lots, desk.position(V).lots) == (V, 20, 30)
    desk.place("other", BUY, 98, 100)
    events = desk.wait_until(desk.exchange.time_ns + REVIEW_NS)
    assert paid(events) == [("a", 1_000 - 20 - 60)] and _of(events, VaultClosed)


def test_closing_without_force_becomes_force_after_a_day():
    desk = VaultDesk()
    desk.pay_in("a", 1_000)
    desk.order(SELL, 100, 10)
    desk.place("other", BUY, 100, 10)
    desk.run(CloseVault, account="boss", vault="v")
    desk.place("other", SELL, 100, 10)
    desk.wait_until(desk.exchange.time_ns + DAY_NS - REVIEW_NS)
    assert desk.position(V).lots == -10
    assert _of(desk.wait_until(desk.exchange.time_ns + 2 * REVIEW_NS), VaultClosed)


def test_the_venue_can_own_the_vault_that_takes_over_positions():
    desk = VaultDesk()
    owned = {"account": "treasury", "vault": "backstop"}
    (event,) = desk.run(CreateVault, asset="USD", lock_up_ns=4 * DAY_NS, **owned)
    assert (event.owner, event.manager) == ("treasury", "treasury")
    desk.run(DepositToVault, account="a", vault="backstop", units=1_000 * UNIT)
    assert not _of(desk.place("vault/backstop", BUY, 90, 1, by="treasury"), CommandRefused)
    assert refusal(desk.place("treasury", BUY, 90, 1)) is RejectReason.UNKNOWN_ACCOUNT
    assert not _of(desk.run(PauseVault, **owned), CommandRefused)
    assert CreateVault in OF_TREASURY and Withdraw not in OF_TREASURY


def test_the_backstop_vault_takes_positions_over_and_its_depositors_bear_them():
    """ "weak" has 1000 and 95 lots from 100 on; at 92 it is worth 240, below two thirds of its maintenance margin."""
    desk = VaultDesk()
    desk.run(CreateVault, account="treasury", vault="backstop", asset="USD", lock_up_ns=0)
    desk.run(DepositToVault, account="a", vault="backstop", units=10_000 * UNIT)
    desk.fund("weak", 1_000)
    desk.deal("weak", "other", 100, 95)
    desk.mark(92)
    assert (desk.position("weak").lots, desk.position("vault/backstop").lots) == (0, 95)
    assert desk.exchange.vaults.view("backstop").equity_units == (10_000 + 240) * UNIT
    events = desk.run(WithdrawFromVault, account="a", vault="backstop")
    assert 0 < sum(event.units for event in _of(events, VaultWithdrawn)) < 10_000 * UNIT
    assert _of(events, VaultWithdrawalQueued)


def test_nothing_leaves_a_vault_in_liquidation():
    desk = VaultDesk()
    desk.pay_in("a", 1_000)
    desk.order(BUY, 100, 99)
    desk.place("other", SELL, 100, 99)
    desk.mark(94)
    assert desk.exchange.margin.is_liquidating(V) and desk.worth() == 406
    assert paid(desk.pay_out("a")) == [] and len(desk.vault.queue) == 1
    desk.pay_in("b", 5_000)
    assert not desk.exchange.margin.is_liquidating(V), "money that comes in ends it"
    assert [account for account, _money in paid(desk.wait_until(desk.exchange.time_ns + REVIEW_NS))] == ["a"]
    assert desk.vault.queue == [] and 405 < desk.free("a") - 9_000 <= 406


def test_what_a_manager_has_split_off_counts_and_is_closed():
    desk = VaultDesk(limits=RiskLimits(position_lots_max={"X-PERP": 50}))
    desk.pay_in("a", 1_000)
    desk.order(BUY, 100, 50)
    desk.place("other", SELL, 100, 50)
    assert not _of(desk.run(SplitPosition, account=V, by="mary", symbol="X-PERP", lots=30), CommandRefused)
    assert refusal(desk.order(BUY, 100, 1)) is RejectReason.POSITION_TOO_LARGE
    desk.mark(110)
    assert desk.worth() == 1_500
    desk.place("other", BUY, 110, 50)
    events = desk.run(CloseVault, account="boss", vault="v", force=True)
    assert paid(events)[0][0] == "a" and _of(events, VaultClosed)


GRID = GridTerms(
    symbol="X-PERP", spacing=GridSpacing.ARITHMETIC, low_ticks=80, high_ticks=120, levels=5, quantity_lots=2
)
TWO_SIDED = TwoSidedTerms(symbol="X-PERP", bid_lots=4, ask_lots=4, spread_bps=1_000, held_lots_max=20)


@pytest.mark.parametrize("terms", [GRID, TWO_SIDED])
def test_strategies_run_in_a_vault_within_its_limits(terms):
    desk = VaultDesk(limits=RiskLimits(position_lots_max={"X-PERP": 4}))
    desk.pay_in("a", 1_000)
    start = {"account": V, "strategy": "s", "terms": terms}
    assert refusal(desk.run(StartStrategy, by="a", **start)) is RejectReason.NOT_AUTHORISED
    assert not _of(desk.run(StartStrategy, by="mary", **start), CommandRefused)
    assert (desk.position(V).bid_lots, desk.position(V).ask_lots) == (4, 4)
    assert refusal(desk.order(BUY, 50, 1)) is RejectReason.POSITION_TOO_LARGE, "its orders count"
    assert _of(desk.place("other", SELL, 80, 2), TradeExecuted)
    assert desk.position(V).worst_lots <= 4, "what it places again does not get past them"
    desk.run(PauseVault, account="boss", vault="v")
    position = desk.position(V)
    assert position.lots == 2 and (position.bid_lots, position.ask_lots) == (0, 0), "nothing comes back"


def test_a_strategy_beyond_the_limits_does_not_start():
    desk = VaultDesk(limits=RiskLimits(position_lots_max={"X-PERP": 3}))
    desk.pay_in("a", 1_000)
    for terms in (GRID, TWO_SIDED):
        events = desk.run(StartStrategy, account=V, by="mary", strategy="s", terms=terms)
        assert refusal(events) is RejectReason.POSITION_TOO_LARGE
    assert desk.position(V).bid_lots == 0


def test_vaults_can_be_switched_off():
    desk = VaultDesk(desk={"features": Features(vaults=False)})
    assert not desk.exchange.vaults.vaults
    assert refusal(desk.pay_in("a", 10)) is RejectReason.FEATURE_OFF


def test_a_vault_survives_a_snapshot_with_its_queue_and_timer():
    desk = VaultDesk(profit_share_bps=1_000, limits=RiskLimits(drawdown_bps_max=9_000, leverage_max=1_000))
    for account in "cab":
        desk.pay_in(account, 1_000)
    desk.order(BUY, 100, 190)
    desk.place("other", SELL, 100, 190)
    desk.mark(101)
    for account in "bca":
        desk.pay_out(account)
    loaded = desk.loaded()
    assert loaded.state_hash() == desk.exchange.state_hash()
    assert [row.account for row in loaded.vaults.queue("v")] == [row.account for row in desk.exchange.vaults.queue("v")]
    desk.exchange, live = loaded, desk.exchange
    events = []
    for exchange in (live, loaded):
        desk.exchange = exchange
        sold = desk.order(SELL, 101, 150, client_order_id="x") + desk.place("other", BUY, 101, 150, client_order_id="y")
        events.append(sold + desk.mark(95))
    assert events[0] == events[1] and len(paid(events[0])) >= 1
    assert live.state_hash() == loaded.state_hash()


def test_what_vaults_hear_and_say_fits_the_wire():
    desk = VaultDesk(profit_share_bps=1_000)
    desk.cash("a", 10**10)
    command = DepositToVault(time_ns=desk.exchange.time_ns + 1, account="a", vault="v", units=10**10 * UNIT)
    sent = msgspec.msgpack.encode(command)
    assert msgspec.msgpack.decode(sent, type=AnyCommand) == command
    for event in desk.exchange.execute(command):
        assert msgspec.msgpack.decode(msgspec.msgpack.encode(event), type=type(event)) == event
    assert int(desk.exchange.vaults.view("v").supply) == 10**24, "beyond 64 bits"
    again = Exchange(desk.config)
    again.load(msgspec.msgpack.decode(msgspec.msgpack.encode(desk.exchange.state()), type=type(desk.exchange.state())))
    assert again.vaults.vaults == desk.exchange.vaults.vaults


def test_what_can_be_seen_of_a_vault():
    desk = VaultDesk(profit_share_bps=1_000)
    desk.pay_in("a", 1_000)
    desk.pay_in("b", 1_000)
    desk.win(200)
    view = desk.exchange.vaults.view("v")
    assert (view.equity_units, view.share_price, view.return_bps) == (2_200 * UNIT, "1.099999999", 999)
    assert (view.depositors, view.waiting, view.status) == (2, 0, VaultStatus.OPEN)
    a, _b = desk.exchange.vaults.depositors("v")
    assert (a.account, round(a.value_units / UNIT, 6), round(a.profit_units / UNIT, 6)) == ("a", 1_100, 100)
    assert (a.high_water_mark, round(a.due_units / UNIT, 6)) == (1_000 * UNIT, 10)
    before = desk.exchange.state_hash()
    desk.exchange.vaults.view("v"), desk.exchange.vaults.queue("v")
    assert desk.exchange.state_hash() == before
    assert isinstance(msgspec.json.encode(view), bytes)
    assert _of(desk.pay_out("a"), VaultWithdrawn)
