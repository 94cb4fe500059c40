"""What may be seen of pools. Computed from records and marks, changes nothing. LP tokens are decimal text."""

import msgspec

from common.exchange.pools.accounting import Mix, earned_fees, fees_of
from common.exchange.pools.records import Basket, Ladder, Pool, PoolStatus
from common.exchange.pools.streams import unvested
from common.exchange.shares import price, price_text, redeemed


class Present(msgspec.Struct, frozen=True, kw_only=True):
    """A pool at a moment: net asset value, what it consists of, and units of quote that one base unit is worth.

    The worth of goods is `base_units * rate[0] // rate[1]`.
    """

    time_ns: int
    nav_units: int
    mix: Mix
    rate: tuple[int, int]


class PoolView(msgspec.Struct, frozen=True, kw_only=True):
    """A pool now. Money in 1e-8 of its quote asset, None = goods without a price.

    basket_units              what the deposits stood for when they came, at today's mark: the value of having held it
    impermanent_loss_units    net asset value less that; negative = holding would have been better
    profit_units              net asset value less all net deposits
    earned_fees, unvested_units, held_units   fees that holders have, that are on their way, that wait for a holder
    """

    pool: str
    owner: str
    symbol: str
    asset: str
    status: PoolStatus
    ladder: Ladder
    fee_share_bps: int
    supply: str
    holders: int
    share_price: str | None
    nav_units: int | None
    base_units: int | None
    quote_units: int | None
    basket_units: int | None
    impermanent_loss_units: int | None
    profit_units: int | None
    earned_fees: int
    unvested_units: int
    held_units: int
    quoted_mark: int
    created_ns: int


class HolderView(msgspec.Struct, frozen=True, kw_only=True):
    """One holder now; fields as those of the pool. `fee_units` is part of the value already."""

    pool: str
    account: str
    shares: str
    net_deposits: int
    value_units: int | None
    profit_units: int | None
    basket_units: int | None
    impermanent_loss_units: int | None
    fee_units: int


def pool_view(pool: Pool, present: Present | None, time_ns: int) -> PoolView:
    """A pool; nothing about its value when there is no price."""
    nav = None if present is None else present.nav_units
    held = None if present is None else _worth(pool.basket, present)
    deposits = sum(each.net_deposits for each in pool.holders.values())
    return PoolView(
        pool=pool.name, owner=pool.owner, symbol=pool.symbol, asset=pool.asset, status=pool.status,
        ladder=pool.ladder, fee_share_bps=pool.fee_share_bps, supply=str(pool.supply), holders=len(pool.holders),
        share_price=None if nav is None else price_text(price(pool.supply, nav)),
        nav_units=nav, base_units=None if present is None else present.mix.base_units,
        quote_units=None if present is None else present.mix.quote_units,
        basket_units=held, impermanent_loss_units=None if nav is None or held is None else nav - held,
        profit_units=None if nav is None else nav - deposits,
        earned_fees=earned_fees(pool, time_ns), unvested_units=unvested(pool.streams, time_ns),
        held_units=pool.held_units, quoted_mark=pool.quoted_mark, created_ns=pool.created_ns,
    )  # fmt: skip


def holder_view(pool: Pool, account: str, present: Present | None, time_ns: int) -> HolderView:
    """One holder of a pool."""
    holder = pool.holders[account]
    value = None if present is None else redeemed(holder.shares, pool.supply, present.nav_units)
    held = None if present is None else _worth(holder.basket, present)
    return HolderView(
        pool=pool.name, account=account, shares=str(holder.shares), net_deposits=holder.net_deposits,
        value_units=value, profit_units=None if value is None else value - holder.net_deposits,
        basket_units=held, impermanent_loss_units=None if value is None or held is None else value - held,
        fee_units=fees_of(pool, holder, time_ns),
    )  # fmt: skip


def _worth(basket: Basket, present: Present) -> int:
    return basket.quote_units + basket.base_units * present.rate[0] // present.rate[1]
