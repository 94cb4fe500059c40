"""Where a quote's two prices stand, in ticks: rounded outwards, so that the spread is never less than asked for."""

BPS = 10_000
SPREAD_BPS_MAX = 2 * BPS
"""A spread so wide leaves a bid of nothing."""


def half_spread(mid_ticks: int, spread_bps: int) -> int:
    """Distance of either price from the middle."""
    return -(-mid_ticks * spread_bps // SPREAD_BPS_MAX)


def prices_around(mid_ticks: int, spread_bps: int) -> tuple[int, int]:
    """Bid and ask around a middle. The bid is below 1 when the spread is too wide for so few ticks."""
    half = half_spread(mid_ticks, spread_bps)
    return mid_ticks - half, mid_ticks + half


def keeps_spread(bid_ticks: int, ask_ticks: int, spread_bps: int) -> bool:
    """True when the two are apart, and by at least this much of the middle between them."""
    return ask_ticks > bid_ticks and (ask_ticks - bid_ticks) * SPREAD_BPS_MAX >= spread_bps * (ask_ticks + bid_ticks)


def skewed_middle(mid_ticks: int, held_lots: int, held_lots_max: int, skew_bps: int) -> int:
    """The middle moved against what is held: down by `skew_bps` of it at +`held_lots_max`, up at -, no farther beyond.

    Rounded towards the middle as it was.
    """
    held = max(-held_lots_max, min(held_lots, held_lots_max))
    shift = mid_ticks * skew_bps * abs(held) // (BPS * held_lots_max)
    return mid_ticks - shift if held > 0 else mid_ticks + shift


def room(lots: int, held_lots: int, held_lots_max: int, sign: int) -> int:
    """Lots of a side (`sign` +1 buys) that may trade without holding more than `held_lots_max` either way."""
    return max(0, min(lots, held_lots_max - sign * held_lots))


def has_moved(before_ticks: int, now_ticks: int, threshold_bps: int) -> bool:
    """True when a price has moved by at least a threshold; without one (0) by anything."""
    moved = abs(now_ticks - before_ticks)
    return moved > 0 and moved * BPS >= before_ticks * threshold_bps
