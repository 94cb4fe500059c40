"""What a strategy of each kind is told to do. Lots and ticks are of its market, amounts of a base in units of 1e-8."""

import msgspec

from common.exchange.grids.levels import GridSpacing


class GridTerms(msgspec.Struct, frozen=True, kw_only=True, tag="grid"):
    """A grid, as `StartGrid` says it."""

    symbol: str
    spacing: GridSpacing
    low_ticks: int
    high_ticks: int
    levels: int
    quantity_lots: int
    reference_ticks: int = 0


class TwoSidedTerms(msgspec.Struct, frozen=True, kw_only=True, tag="two_sided"):
    """A bid and an ask around the mark that lean against what is held and are whole again after each trade.

    The fields are those of `QuoteTerms`; `held_lots_max` is the most that it may hold, either way.
    """

    symbol: str
    bid_lots: int
    ask_lots: int
    spread_bps: int
    held_lots_max: int
    skew_bps: int = 0
    spread_bps_min: int = 0
    threshold_bps: int = 0


class DeltaNeutralTerms(msgspec.Struct, frozen=True, kw_only=True, tag="delta_neutral"):
    """Keep what the account holds of a base, spot and perpetuals together, within a band around a target.

    hedge_symbol     a market of that base; hedges rest there at the best price of their side, post-only
    band_units       so far from the target nothing is done; a hedge that was begun goes on to the target
    order_lots_max   the largest hedge order
    reprice_bps      an order moves when the best price is so far from its own (0 = by anything)
    """

    base: str
    hedge_symbol: str
    band_units: int
    order_lots_max: int
    target_units: int = 0
    reprice_bps: int = 0


class CustomTerms(msgspec.Struct, frozen=True, kw_only=True, tag="custom"):
    """No orders of its own: the account's or its manager's own commands, within these limits. One an account.

    symbols             markets in which it trades; empty = all
    order_lots_max      of one order; 0 = any
    position_lots_max   by market, long or short, all open orders of one side filled; a missing one = any
    """

    symbols: list[str] = []
    order_lots_max: int = 0
    position_lots_max: dict[str, int] = {}


StrategyTerms = GridTerms | TwoSidedTerms | DeltaNeutralTerms | CustomTerms
"""One of the four kinds."""
