"""Share accounting of a vault alone: deposits, payouts and the manager's profit share, by the traps' numbers."""

import msgspec
import pytest

from common.exchange.events import RejectReason
from common.exchange.shares import SHARES_MAX, SHARES_PER_UNIT, redeemed
from common.exchange.vaults.accounting import deposit_refusal, pay_in, pay_out, payout_of
from common.exchange.vaults.charges import charge_due, charge_of, collect, hand_over
from common.exchange.vaults.limits import Exposure, is_drawn_down, order_refusal
from common.exchange.vaults.records import DEPOSITORS_MAX, Depositor, RiskLimits, Vault, VaultStatus

UNIT = 10**8
DAY_NS = 86_400 * 10**9


def _vault(**terms) -> Vault:  # type: ignore[no-untyped-def]
    usual = {"profit_share_bps": 1000, "lock_up_ns": DAY_NS, "deposit_units_min": 1, "limits": RiskLimits()}
    return Vault(name="v", owner="owner", manager="manager", asset="USDT", created_ns=0, **usual | terms)


def test_trap_5_shares_of_a_profit_are_not_given_away() -> None:
    vault = _vault()
    pay_in(vault, "a", 1000 * UNIT, 0, 1)
    pay_in(vault, "b", 1500 * UNIT, 1500 * UNIT, 2)
    whole = UNIT * SHARES_PER_UNIT
    assert [each.shares // whole for each in vault.depositors.values()] == [1000, 1000]
    assert vault.supply // whole == 2000
    assert vault.depositors["b"].net_deposits == 1500 * UNIT


def test_trap_6_and_7_a_profit_is_charged_once_and_in_shares() -> None:
    """Equity 1200 -> 20 (mark 1180), 1000 -> 0, 1180 -> 0, 1280 -> 10, at 10 %."""
    vault, due, equity = _vault(), [], 0
    pay_in(vault, "a", 1000 * UNIT, 0, 1)
    supply, a = vault.supply, vault.depositors["a"]
    for value_of_a in (1200, None, 1000, 1180, 1280):
        # The manager's shares earn too, so this much equity makes A's shares worth so much. None = asked again.
        equity = equity if value_of_a is None else value_of_a * UNIT * vault.supply // a.shares
        charge = charge_due(vault, "a", equity)
        due.append(0 if charge is None else round(charge.due_units / UNIT, 6))
        if charge is not None:
            collect(vault, "a", charge)
            assert 0 <= redeemed(a.shares, vault.supply, equity) - a.high_water_mark <= 1
    assert due == [20, 0, 0, 0, 10]
    assert vault.supply == supply == sum(each.shares for each in vault.depositors.values())
    assert round(a.high_water_mark / UNIT, 6) == 1270
    assert round(vault.depositors["manager"].net_deposits / UNIT, 6) == 30
    assert charge_due(vault, "manager", 10**20) is None


def test_trap_6_each_depositor_has_an_own_mark() -> None:
    """A vault-wide mark at 1500 would let B, who joined at 1000, ride back to 1500 for free."""
    vault = _vault()
    pay_in(vault, "a", 1000 * UNIT, 0, 1)
    collect(vault, "a", charge_due(vault, "a", 1500 * UNIT))  # type: ignore[arg-type]
    pay_in(vault, "b", 1000 * UNIT, 1000 * UNIT, 2)
    equity = 3000 * UNIT
    assert charge_due(vault, "a", equity) is None
    of_b = charge_due(vault, "b", equity)
    assert of_b is not None and of_b.profit_units // UNIT in (499, 500)


def test_a_profit_too_small_to_be_charged_is_kept_for_later() -> None:
    """Else a depositor could have nine units written off at a time."""
    depositor = Depositor(shares=10**6 * SHARES_PER_UNIT, net_deposits=10**6)
    assert charge_of(depositor, depositor.shares, 10**6 + 10, 1000) is None
    charge = charge_of(depositor, depositor.shares, 10**6 + 20, 1000)
    assert charge is not None and (charge.profit_units, charge.due_units) == (19, 1)


def test_trap_11_a_charge_takes_at_most_half_of_a_profit() -> None:
    depositor = Depositor(shares=1000 * SHARES_PER_UNIT, net_deposits=1000)
    charge = charge_of(depositor, depositor.shares, 2001, 5000)
    assert charge is not None and charge.due_units == 500
    assert charge.shares <= depositor.shares // 4


def test_a_new_manager_gets_nothing_of_the_former_one_s_profit() -> None:
    vault = _vault()
    pay_in(vault, "manager", 1000 * UNIT, 0, 1)
    hand_over(vault, "other", 2000 * UNIT)
    assert charge_due(vault, "manager", 2000 * UNIT) is None
    charge = charge_due(vault, "manager", 2100 * UNIT)
    assert charge is not None and charge.profit_units // UNIT in (99, 100)


def test_withdrawn_money_is_no_loss_to_be_recovered_first() -> None:
    vault = _vault()
    pay_in(vault, "a", 1000 * UNIT, 0, 1)
    collect(vault, "a", charge_due(vault, "a", 1200 * UNIT))  # type: ignore[arg-type]
    payout = payout_of(vault.depositors["a"].shares // 2, vault.supply, 1200 * UNIT, 10**20)
    assert payout is not None
    pay_out(vault, "a", payout)
    assert round(vault.depositors["a"].high_water_mark / UNIT, 6) == 590


def test_trap_2_a_payout_is_never_more_than_what_is_free() -> None:
    """Collateral 1000, equity 400: 1000 of shares are worth 400, and with 300 of margin only 100 leave now."""
    vault = _vault()
    pay_in(vault, "a", 1000 * UNIT, 0, 1)
    shares, equity = vault.supply, 400 * UNIT
    whole = payout_of(shares, vault.supply, equity, equity)
    assert whole is not None and whole.units // UNIT in (399, 400) and whole.shares == shares
    part = payout_of(shares, vault.supply, equity, 100 * UNIT)
    assert part is not None and part.units == 100 * UNIT
    assert abs(part.shares - shares // 4) < SHARES_PER_UNIT
    assert payout_of(shares, vault.supply, equity, 0) is None
    assert payout_of(shares, vault.supply, equity, -5) is None
    assert payout_of(shares, vault.supply, equity, 3 * UNIT) is None, "parts below 1 % would go on for ever"


def test_whoever_has_left_is_forgotten() -> None:
    vault = _vault()
    pay_in(vault, "a", 1000, 0, 1)
    payout = payout_of(vault.supply, vault.supply, 1000, 1000)
    assert payout is not None and payout.units == 1000
    pay_out(vault, "a", payout)
    assert (vault.supply, vault.depositors) == (0, {})


def test_trap_12_each_deposit_is_locked_up() -> None:
    vault = _vault()
    pay_in(vault, "a", 1000, 0, 5)
    assert vault.depositors["a"].locked_until_ns == 5 + DAY_NS
    pay_in(vault, "a", 1000, 1000, 9)
    assert vault.depositors["a"].locked_until_ns == 9 + DAY_NS


@pytest.mark.parametrize(
    ("terms", "units", "equity", "reason"),
    [
        ({}, 0, 0, RejectReason.AMOUNT_INVALID),
        ({}, -1, 0, RejectReason.AMOUNT_INVALID),
        ({"deposit_units_min": 10}, 9, 0, RejectReason.AMOUNT_INVALID),
        ({"status": VaultStatus.PAUSED}, 10, 0, RejectReason.NOT_OPEN),
        ({"status": VaultStatus.CLOSING}, 10, 0, RejectReason.NOT_OPEN),
        ({"supply": 5}, 10, 0, RejectReason.NO_EQUITY),
        ({"supply": 5}, 10, -1, RejectReason.NO_EQUITY),
        ({}, 10, -1, RejectReason.NO_EQUITY),
        ({}, 1, SHARES_PER_UNIT, RejectReason.ZERO_SHARES),
        ({"supply": SHARES_MAX}, 1, 1, RejectReason.TOO_MANY_SHARES),
        ({"depositors": {str(n): Depositor() for n in range(DEPOSITORS_MAX)}}, 1, 1, RejectReason.TOO_MANY_DEPOSITORS),
    ],
)
def test_deposits_that_are_refused(terms, units, equity, reason) -> None:  # type: ignore[no-untyped-def]
    """Traps 11, 15 and 17: zero amounts, payments for no share, and payments into what is worth nothing."""
    vault = _vault(**terms)
    before = msgspec.json.encode(vault)
    assert deposit_refusal(vault, "a", units, equity) is reason
    assert msgspec.json.encode(vault) == before
    assert deposit_refusal(_vault(), "a", 10, 0) is None


def _exposure(lots: int = 0, bids: int = 0, asks: int = 0, symbol: str = "ETH-PERP") -> Exposure:
    return Exposure(symbol=symbol, lots=lots, bid_lots=bids, ask_lots=asks, lot_units=100)


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (RiskLimits(), None),
        (RiskLimits(symbols=("ETH-PERP",)), None),
        (RiskLimits(symbols=("BTC-PERP",)), RejectReason.SYMBOL_NOT_ALLOWED),
        (RiskLimits(position_lots_max={"ETH-PERP": 15, "BTC-PERP": 1}), None),
        (RiskLimits(position_lots_max={"ETH-PERP": 14}), RejectReason.POSITION_TOO_LARGE),
        (RiskLimits(gross_notional_units_max=3500), None),
        (RiskLimits(gross_notional_units_max=3499), RejectReason.NOTIONAL_TOO_LARGE),
        (RiskLimits(leverage_max=350), None),
        (RiskLimits(leverage_max=349), RejectReason.LEVERAGE_TOO_HIGH),
    ],
)
def test_risk_limits_look_at_the_worst_side(limits, reason) -> None:  # type: ignore[no-untyped-def]
    """5 long with 10 bid and 10 ask is 15 at worst; 20 elsewhere; 3500 of notional on 1000 of equity."""
    others = [_exposure(lots=-20, symbol="BTC-PERP")]
    assert order_refusal(limits, _exposure(5, 4, 10), _exposure(5, 10, 10), others, 1000) is reason


def test_an_order_that_makes_nothing_worse_is_always_allowed() -> None:
    limits = RiskLimits(leverage_max=1, gross_notional_units_max=1, symbols=("X",), position_lots_max={"ETH-PERP": 1})
    assert order_refusal(limits, _exposure(5, 4, 0), _exposure(5, 4, 9), [], -7) is None
    assert order_refusal(limits, _exposure(5, 4, 0), _exposure(5, 4, 15), [], -7) is not None


def test_leverage_without_equity_is_too_high() -> None:
    for equity in (0, -1):
        reason = order_refusal(RiskLimits(leverage_max=500), _exposure(), _exposure(0, 1), [], equity)
        assert reason is RejectReason.LEVERAGE_TOO_HIGH


def test_drawdown_is_measured_from_the_peak() -> None:
    limits = RiskLimits(drawdown_bps_max=2000)
    assert not is_drawn_down(limits, 10**9, 800_000_001)
    assert is_drawn_down(limits, 10**9, 800_000_000)
    assert not is_drawn_down(RiskLimits(), 10**9, -5)
