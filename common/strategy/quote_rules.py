"""Everything about hedge quotes that an operator may choose, on the instrument's grid."""

from enum import StrEnum

import msgspec


class QuoteMode(StrEnum):
    """Whether the side that would move us away from the target is quoted too (wide), or left empty."""

    ONE_SIDED = "one_sided"
    TWO_SIDED = "two_sided"


class QuoteRules(msgspec.Struct, frozen=True, kw_only=True):
    """Quantities in lots, notional in ticks x lots, times in nanoseconds, distances in bps of the middle.

    `unit_lots`: lots of one unit of inventory in the GLFT model.
    `behind_touch_bps`: how far behind the best price of its own side the hedge quote stands when there is no hurry.
    `quantity_min_lots`, `notional_min`: the dead band; a smaller need is not quoted. `quantity_max_lots`: of one order.
    `depth_multiple`, `depth_floor_lots`: an order is at most this many times the smoothed quantity at the touch, but
    may always be the floor. `depth_memory_ns`: time constant of that smoothing.
    `echo_ns`: how long after its end an order of ours may still be in the images.
    `requote_bps`, `requote_fraction`: a resting order moves only for a larger change of price, or of quantity
    relative to it, and only when it is `order_age_ns_min` old, because moving gives up its place in the queue.
    `order_life_ns`: an order command that is older when it arrives is refused. `cancel_retry_ns`: between two cancels
    of one order. `unknown_grace_ns`: added to `order_life_ns` before "unknown order" is believed.
    `post_only_backoff_ns`: after the venue refused an order that would have taken. `reject_backoff_ns`: after the first
    other refusal, doubled by each further one up to `reject_backoff_ns_max`.
    `other_bps`, `other_lots`: least distance from the touch, and quantity, of the other side in two_sided mode; it is
    left out while the inventory is `other_inventory_lots_max` or more away from the target.
    Ages and silences: beyond them everything is pulled. `spread_bps_max` likewise.
    """

    mode: QuoteMode
    unit_lots: int
    behind_touch_bps: float
    quantity_min_lots: int
    notional_min: int
    quantity_max_lots: int
    depth_multiple: float
    depth_floor_lots: int
    depth_memory_ns: int
    echo_ns: int
    requote_bps: float
    requote_fraction: float
    order_age_ns_min: int
    order_life_ns: int
    cancel_retry_ns: int
    unknown_grace_ns: int
    post_only_backoff_ns: int
    reject_backoff_ns: int
    reject_backoff_ns_max: int
    other_bps: float
    other_lots: int
    other_inventory_lots_max: int
    spread_bps_max: float
    book_age_ns_max: int
    exposure_age_ns_max: int
    lp_age_ns_max: int
    fill_age_ns_max: int
    oms_silence_s_max: float
