"""From a model's two offsets to the asymmetric, tick-aligned ranges that the pool can really take.

models.md, "Quotes -> asymmetric range": liquidity on [pl, pu] is a ladder of orders; fully crossed it trades at the
geometric mean sqrt(pl pu), and the taker pays 1/(1-f) on top. An offset is the distance of that mean price from the
present one, so the far bound follows from the near one. The near bounds are the aligned ticks around the price.

Bounds are counted in steps: tick spacings along rising P, whatever the order of the tokens.
"""

from math import ceil, floor, sqrt

import msgspec

from common.amm.pair import Pair
from common.model.errors import InputInvalid
from common.pricing.glft import GlftParameters, closed_form

BPS = 10_000


class RangeModel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """GLFT with prices in basis points of P. `lot_base` is the inventory (whole base tokens) that counts as one lot.

    `arrival_rate` A in 1/s, `decay` k in 1/bp, `risk_aversion` gamma in 1/(bp x lot), `xi_impact` in bp (markout of
    the pool's flow, see common/pricing/glft.py). `half_width_bps_*` bound the distance of each far bound from P.
    `width_sigmas`: no far bound is nearer than this many standard deviations of the log-price over `width_horizon_s`,
    as far as half_width_bps_max allows; 0 leaves the width to the model alone.
    """

    arrival_rate: float = 0.02
    decay: float = 0.045
    risk_aversion: float = 0.01
    xi_impact: float = 0.0
    lot_base: float = 10.0
    half_width_bps_min: float = 20.0
    half_width_bps_max: float = 80.0
    width_sigmas: float = 0.0
    width_horizon_s: float = 3600.0

    def __post_init__(self) -> None:
        for name in ("arrival_rate", "decay", "risk_aversion", "lot_base", "half_width_bps_min", "width_horizon_s"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be above 0, got {getattr(self, name)}")
        if not self.half_width_bps_min <= self.half_width_bps_max < BPS:
            raise ValueError(f"half_width_bps_max must lie in half_width_bps_min..{BPS}, got {self.half_width_bps_max}")
        for name in ("xi_impact", "width_sigmas"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must be at least 0, got {getattr(self, name)}")

    def least_half_width_bps(self, sigma: float) -> float:
        """How near a far bound may be at this lognormal volatility per sqrt(s): never falls as sigma rises."""
        spread_bps = self.width_sigmas * sigma * sqrt(self.width_horizon_s) * BPS
        return min(max(self.half_width_bps_min, spread_bps), self.half_width_bps_max)


class Offsets(msgspec.Struct, frozen=True):
    """Distances in price from P at which the whole bid or ask side should trade on average."""

    bid: float
    ask: float


class RangeTarget(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for and what the tick grid gives. Steps along rising P; `price_*` are the aligned outer bounds.

    `lower..upper` is the base range around the price; `ask_start..upper` and `lower..bid_end` lie wholly above and
    below the price, for one token alone.
    """

    lower: int
    bid_end: int
    ask_start: int
    upper: int
    price_lower_asked: float
    price_upper_asked: float
    price_lower: float
    price_upper: float

    def base_ticks(self, pair: Pair) -> tuple[int, int]:
        """Ticks of the range around the price."""
        return pair.range_of(self.lower, self.upper)

    def ask_ticks(self, pair: Pair) -> tuple[int, int]:
        """Ticks of the range just above the price, which takes base alone."""
        return pair.range_of(self.ask_start, self.upper)

    def bid_ticks(self, pair: Pair) -> tuple[int, int]:
        """Ticks of the range just below the price, which takes quote alone."""
        return pair.range_of(self.lower, self.bid_end)


def model_offsets(model: RangeModel, price: float, sigma: float, inventory: float) -> Offsets:
    """Offsets for an inventory deviation (whole base tokens, positive = long) at lognormal volatility per sqrt(s).

    Long means a near ask and a far bid. Offsets never fall below zero: where the straight line of the closed form
    would cross the price, the widths' minimum takes over.
    """
    parameters = GlftParameters(
        sigma=sigma * BPS,
        arrival_rate=model.arrival_rate,
        decay=model.decay,
        risk_aversion=model.risk_aversion,
        xi_impact=model.xi_impact,
    )
    quotes, lots = closed_form(parameters), inventory / model.lot_base
    unit = price / BPS
    return Offsets(max(quotes.bid_offset(lots), 0.0) * unit, max(quotes.ask_offset(lots), 0.0) * unit)


def target_range(pair: Pair, price: float, offsets: Offsets, model: RangeModel, sigma: float = 0.0) -> RangeTarget:
    """The aligned bounds for these offsets. Raises InputInvalid when they leave the pool's tick range.

    `sigma` (lognormal per sqrt(s)) only widens, by the model's `width_sigmas`.
    """
    if not (offsets.bid >= 0 and offsets.ask >= 0):
        raise InputInvalid("offsets", "lp_range", "two numbers of at least 0", (offsets.bid, offsets.ask))
    keep = 1 - pair.fee_ppm / 1e6
    step = pair.steps_of(price)
    bid_end, ask_start = floor(step), floor(step) + 1
    upper_asked = ((price + offsets.ask) * keep) ** 2 / pair.price_at_step(ask_start)
    lower_asked = (max(price - offsets.bid, 0.0) / keep) ** 2 / pair.price_at_step(bid_end)
    widths = model.least_half_width_bps(sigma), model.half_width_bps_max
    upper = _align(pair, price, upper_asked, +1, widths)
    lower = _align(pair, price, lower_asked, -1, widths)
    upper, lower = max(upper, ask_start + 1), min(lower, bid_end - 1)
    pair.range_of(lower, upper)
    return RangeTarget(
        lower=lower, bid_end=bid_end, ask_start=ask_start, upper=upper,
        price_lower_asked=lower_asked, price_upper_asked=upper_asked,
        price_lower=pair.price_at_step(lower), price_upper=pair.price_at_step(upper),
    )  # fmt: skip


def _align(pair: Pair, price: float, asked: float, side: int, widths: tuple[float, float]) -> int:
    """The whole step nearest to an asked bound, its distance from the price within `widths` (least, most) in bps.

    Where the grid cannot give both, the least width wins: a range too narrow is crossed at once.
    """
    least_bps, most_bps = widths
    nearest = ceil(side * pair.steps_of(price * (1 + side * least_bps / BPS)))
    farthest = floor(side * pair.steps_of(price * (1 + side * most_bps / BPS)))
    wanted = round(side * pair.steps_of(asked)) if asked > 0 else farthest
    return side * max(min(wanted, farthest), nearest)
