"""The quotes of a pool: a ladder of bids and asks around a middle that leans away from the inventory."""

from collections.abc import Iterator

import msgspec

from common.exchange.admission import is_whole
from common.exchange.pools.records import LEVELS_MAX, Ladder
from common.model.order import Side


class Rung(msgspec.Struct, frozen=True, order=True):
    """One quote: price in ticks, quantity in lots."""

    side: Side
    price: int
    lots: int


class Means(msgspec.Struct, frozen=True, kw_only=True):
    """What a pool can quote with: its position in lots, lots that it may sell, and what its bids may cost.

    `bid_cost_max` is a sum of ticks x lots; None = its margin decides when the order comes in.
    """

    position_lots: int
    ask_lots_max: int
    bid_cost_max: int | None = None


def spacing_of(ladder: Ladder, mark: int) -> int:
    """Ticks between two rungs, rounded up: quotes are never closer than agreed."""
    return max(1, -(-mark * ladder.spacing_bps // 10_000))


def middle_of(ladder: Ladder, mark: int, position_lots: int) -> int:
    """Lower than the mark when the pool is long, higher when it is short; rounded towards the mark."""
    held = min(abs(position_lots), ladder.inventory_lots_max)
    shift = mark * ladder.skew_bps * held // (10_000 * ladder.inventory_lots_max)
    return mark - shift if position_lots > 0 else mark + shift


def rungs(ladder: Ladder, mark: int, means: Means) -> list[Rung]:
    """All quotes that the ladder, the inventory limit and the means allow; best first, bids before asks."""
    if not ladder.levels:
        return []
    return [*_bids(ladder, mark, means), *_asks(ladder, mark, means)]


def _bids(ladder: Ladder, mark: int, means: Means) -> Iterator[Rung]:
    spacing, middle = spacing_of(ladder, mark), middle_of(ladder, mark, means.position_lots)
    room, cost = ladder.inventory_lots_max - means.position_lots, means.bid_cost_max
    for level in range(1, ladder.levels + 1):
        price = middle - level * spacing
        if price < 1:
            return
        lots = min(ladder.lots, room, ladder.lots if cost is None else cost // price)
        if lots < 1:
            return
        room -= lots
        cost = None if cost is None else cost - price * lots
        yield Rung(Side.BUY, price, lots)
        if lots < ladder.lots:
            return


def _asks(ladder: Ladder, mark: int, means: Means) -> Iterator[Rung]:
    spacing, middle = spacing_of(ladder, mark), middle_of(ladder, mark, means.position_lots)
    room = min(means.ask_lots_max, ladder.inventory_lots_max + means.position_lots)
    for level in range(1, ladder.levels + 1):
        lots = min(ladder.lots, room)
        if lots < 1:
            return
        room -= lots
        yield Rung(Side.SELL, middle + level * spacing, lots)


def ladder_fits(ladder: Ladder) -> bool:
    """True for terms that make sense; without levels the others do not matter."""
    if not is_whole(ladder.levels, 0, LEVELS_MAX):
        return False
    sizes = is_whole(ladder.lots, 1) and is_whole(ladder.inventory_lots_max, 1)
    spacing = is_whole(ladder.spacing_bps, 1, 10_000 // LEVELS_MAX) and is_whole(ladder.skew_bps, 0, ladder.spacing_bps)
    return ladder.levels == 0 or (sizes and spacing)
