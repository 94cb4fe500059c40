"""Profit of the LP by source, against holding, reading by reading. It closes exactly, deposits and restarts included.

At each reading the LP owns B base and Q quote in all (in ranges, owed, idle), has ever earned F in fees, was ever paid
D from outside (deposits less withdrawals), has itself swapped S, and spent G of the chain's coin on gas; M is the CeFi
mid, N the coin's price. Between two readings (d = change; everything is valued at the later mid):

    market  = B_before dM          what a portfolio that always owned the same base earned (the rebalancing portfolio)
    fees    = dF_b M + dF_q
    swaps   = -(dS_b M + dS_q)     fee, impact and gap to the mid of our own swaps
    lvr     = -(a M + b)           a = dB - dF_b - dD_b - dS_b, b likewise: what the pool's flow traded with our ranges
    deposits = dD_b M + dD_q
    hold    = H_before dM          H = the base owned at the start and every deposit since, held
    gas     = dG N

A trade of a base at p_amm = -b/a loses a (p_market - p_amm), which is LVR per trade (Milionis, Moallemi, Roughgarden,
Zhang, "Automated market making and loss-versus-rebalancing", 2022, where profit = rebalancing portfolio + fees - LVR).
It is measured, not modelled: flow that traded at worse than the mid lowers it. The same sums tell impermanent loss:

    profit       = value - value at the start - deposits - gas = market + fees - lvr - swaps - gas
    impermanent  = market - lvr - swaps - hold          at most 0 on a path that only the pool's curve made
    profit       = hold + fees + impermanent - gas,     against_hold = profit - hold

Both hold for any sequence of readings: each term is a telescoping sum of what changed. A gap without readings (the
process was away) is one long step: what it hides between market and lvr is not lost, only told coarsely.
"""

import math

import msgspec

SECOND_NS = 10**9
YEAR_S = 365 * 86_400


class LpWealth(msgspec.Struct, frozen=True, kw_only=True):
    """All that the LP owns, in whole tokens, fees included; the rest is all that it ever earned, got, swapped or spent.

    `deposited_*` is what others paid into the wallet less what went out of it for anything but liquidity and swaps;
    `swapped_*` what its own swaps brought (negative = gave). `gas_native` in the chain's own coin, which is kept apart
    from the tokens.
    """

    base: float
    quote: float
    fees_base: float
    fees_quote: float
    gas_native: float
    deposited_base: float = 0.0
    deposited_quote: float = 0.0
    swapped_base: float = 0.0
    swapped_quote: float = 0.0

    def value(self, price: float) -> float:
        """Everything owned, in quote."""
        return self.base * price + self.quote


class LpPerformance(msgspec.Struct, frozen=True, kw_only=True):
    """The sums since `start`, and the newest reading: all that the next step needs, so it may be journaled anywhere.

    Figures in quote; `lvr`, `swaps` and `gas` are costs (positive = lost). `capital_s` is value x seconds.
    """

    start: LpWealth
    price_start: float
    time_start_ns: int
    last: LpWealth
    price: float
    time_ns: int
    market: float = 0.0
    hold: float = 0.0
    fees: float = 0.0
    lvr: float = 0.0
    swaps: float = 0.0
    gas: float = 0.0
    deposits: float = 0.0
    capital_s: float = 0.0


class LpProfit(msgspec.Struct, frozen=True, kw_only=True):
    """Profit since the start by source, in quote. See the identities above.

    `inventory` = market - lvr - swaps is the change of the tokens' value without fees and deposits. `fee_apr` is fees
    per year and unit of capital, None before any time has passed.
    """

    value: float
    profit: float
    hold: float
    against_hold: float
    fees: float
    impermanent: float
    inventory: float
    market: float
    lvr: float
    swaps: float
    gas: float
    deposits: float
    fee_apr: float | None


def begin_performance(wealth: LpWealth, price: float, time_ns: int) -> LpPerformance:
    """A performance that begins with this reading. Raises ValueError for a price that is none."""
    _require_price(price)
    return LpPerformance(
        start=wealth, price_start=price, time_start_ns=time_ns, last=wealth, price=price, time_ns=time_ns
    )  # fmt: skip


def advance_performance(
    performance: LpPerformance, wealth: LpWealth, price: float, native_price: float, time_ns: int
) -> LpPerformance:
    """The performance after one more reading; an undone block is just a reading that says less.

    Raises ValueError for a price that is none. Time that runs backwards counts as none.
    """
    _require_price(price)
    _require_price(native_price)
    before, moved = performance.last, price - performance.price
    fees_base, fees_quote = wealth.fees_base - before.fees_base, wealth.fees_quote - before.fees_quote
    paid_base = wealth.deposited_base - before.deposited_base
    paid_quote = wealth.deposited_quote - before.deposited_quote
    swapped_base = wealth.swapped_base - before.swapped_base
    swapped_quote = wealth.swapped_quote - before.swapped_quote
    traded_base = wealth.base - before.base - fees_base - paid_base - swapped_base
    traded_quote = wealth.quote - before.quote - fees_quote - paid_quote - swapped_quote
    held_base = performance.start.base + before.deposited_base - performance.start.deposited_base
    elapsed_s = max(time_ns - performance.time_ns, 0) / SECOND_NS
    return msgspec.structs.replace(
        performance,
        last=wealth,
        price=price,
        time_ns=time_ns,
        market=performance.market + before.base * moved,
        hold=performance.hold + held_base * moved,
        fees=performance.fees + fees_base * price + fees_quote,
        lvr=performance.lvr - (traded_base * price + traded_quote),
        swaps=performance.swaps - (swapped_base * price + swapped_quote),
        gas=performance.gas + (wealth.gas_native - before.gas_native) * native_price,
        deposits=performance.deposits + paid_base * price + paid_quote,
        capital_s=performance.capital_s + before.value(performance.price) * elapsed_s,
    )


def profit_of(performance: LpPerformance) -> LpProfit:
    """What the sums say."""
    inventory = performance.market - performance.lvr - performance.swaps
    profit = inventory + performance.fees - performance.gas
    return LpProfit(
        value=performance.last.value(performance.price),
        profit=profit,
        hold=performance.hold,
        against_hold=profit - performance.hold,
        fees=performance.fees,
        impermanent=inventory - performance.hold,
        inventory=inventory,
        market=performance.market,
        lvr=performance.lvr,
        swaps=performance.swaps,
        gas=performance.gas,
        deposits=performance.deposits,
        fee_apr=performance.fees * YEAR_S / performance.capital_s if performance.capital_s > 0 else None,
    )


def _require_price(price: float) -> None:
    if not (math.isfinite(price) and price > 0):
        raise ValueError(f"expected a price that is finite and above 0, got {price}")
