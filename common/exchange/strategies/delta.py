"""What a delta-neutral strategy wants: one hedge order that brings the net holding of a base back into its band."""

import msgspec

from common.model.order import Side


class Hedge(msgspec.Struct, frozen=True, kw_only=True):
    """A hedge order to have open."""

    side: Side
    lots: int


def wanted_hedge(
    excess_units: int, band_units: int, lot_units: int, lots_min: int, lots_max: int, is_working: bool
) -> Hedge | None:
    """The order that the holding's excess over its target asks for, None for none.

    Within the band nothing is begun, but a hedge at work goes on to the target: otherwise it would stop at the edge and
    begin again with the next fill. Lots are rounded towards none and bounded; the rest of a larger excess comes after.
    Amounts are in units of the base, `lot_units` of which are one lot of the hedge's market.
    """
    lots = min(abs(excess_units) // lot_units, lots_max)
    if lots < lots_min or (abs(excess_units) <= band_units and not is_working):
        return None
    return Hedge(side=Side.SELL if excess_units > 0 else Side.BUY, lots=lots)
