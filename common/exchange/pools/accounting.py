"""LP tokens of a pool: decided from its records and its net asset value, then written in one go.

`nav` is always the value in the quote asset of what the holders own before the payment in question: inventory at the
mark, cash and open profit, without fees that are still on their way. `mix` is what it consists of.
"""

import msgspec

from common.exchange.events import RejectReason
from common.exchange.pools.records import HOLDERS_MAX, Holder, Pool, PoolStatus
from common.exchange.pools.streams import unvested, with_fee
from common.exchange.shares import SHARES_MAX, minted

FEE_SCALE = 10**30
"""Of `fees_per_share`: a unit spread over the most shares that there can be is still more than zero."""


class Mix(msgspec.Struct, frozen=True, kw_only=True):
    """What a pool's holders own: base units (a perpetual's position too), and quote units besides. Both signed."""

    base_units: int
    quote_units: int


def deposit_refusal(pool: Pool, account: str, units: int, nav: int, shares_min: int) -> RejectReason | None:
    """Why a payment into a pool is refused, whoever could pay it."""
    if pool.status is not PoolStatus.OPEN:
        return RejectReason.NOT_OPEN
    if units <= 0:
        return RejectReason.AMOUNT_INVALID
    if nav < 0 or (pool.supply and nav == 0):
        return RejectReason.NO_EQUITY
    if account not in pool.holders and len(pool.holders) >= HOLDERS_MAX:
        return RejectReason.TOO_MANY_DEPOSITORS
    shares = minted(units, pool.supply, nav)
    if not shares:
        return RejectReason.ZERO_SHARES
    if shares < shares_min:
        return RejectReason.WORSE_THAN_AGREED
    return RejectReason.TOO_MANY_SHARES if pool.supply + shares > SHARES_MAX else None


def earned_fees(pool: Pool, time_ns: int) -> int:
    """Fees that have reached the holders so far."""
    return pool.streamed - unvested(pool.streams, time_ns)


def count_fees(pool: Pool, time_ns: int) -> None:
    """Give the present holders what has reached them. Call before every change of the supply."""
    earned = earned_fees(pool, time_ns)
    if pool.supply:
        pool.fees_per_share += (earned - pool.earned_fees) * FEE_SCALE // pool.supply
    pool.earned_fees = earned


def fees_of(pool: Pool, holder: Holder, time_ns: int) -> int:
    """Fees that a holder's tokens have earned so far. They are part of the tokens' value already."""
    earned = earned_fees(pool, time_ns) - pool.earned_fees
    per_share = pool.fees_per_share + (earned * FEE_SCALE // pool.supply if pool.supply else 0)
    return holder.fee_units + holder.shares * (per_share - holder.fee_mark) // FEE_SCALE


def stream(pool: Pool, units: int, time_ns: int) -> None:
    """A fee has come into the account of a pool that has holders."""
    pool.streams = with_fee(pool.streams, units, time_ns)
    pool.streamed += units


def stop_streams(pool: Pool, time_ns: int) -> int:
    """Nobody holds a token any more: ends the streams and returns what was on its way."""
    rest = unvested(pool.streams, time_ns)
    pool.streams, pool.streamed = [], pool.streamed - rest
    return rest


def pay_in(pool: Pool, account: str, units: int, nav: int, mix: Mix) -> int:
    """Mint the tokens of an accepted payment; `count_fees` came before. Returns them."""
    shares = minted(units, pool.supply, nav)
    holder = pool.holders.get(account)
    if holder is None:
        holder = pool.holders[account] = Holder()
    _settle_fees(pool, holder)
    pool.supply += shares
    holder.shares += shares
    holder.net_deposits += units
    base = mix.base_units * shares // pool.supply
    quote = (mix.quote_units + units) * shares // pool.supply
    for basket in (holder.basket, pool.basket):
        basket.base_units += base
        basket.quote_units += quote
    return shares


def pay_out(pool: Pool, account: str, units: int, shares: int) -> None:
    """Burn the tokens of a payout that is worth `units`; `count_fees` came before. No token left: forgotten."""
    holder = pool.holders[account]
    _settle_fees(pool, holder)
    base = holder.basket.base_units * shares // holder.shares
    quote = holder.basket.quote_units * shares // holder.shares
    for basket in (holder.basket, pool.basket):
        basket.base_units -= base
        basket.quote_units -= quote
    holder.net_deposits -= units
    holder.shares -= shares
    pool.supply -= shares
    if not holder.shares:
        del pool.holders[account]


def _settle_fees(pool: Pool, holder: Holder) -> None:
    holder.fee_units += holder.shares * (pool.fees_per_share - holder.fee_mark) // FEE_SCALE
    holder.fee_mark = pool.fees_per_share
