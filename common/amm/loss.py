"""What providing liquidity costs: loss against holding, loss against rebalancing (LVR), and the way out of a range.

Units: prices in quote per base, sigma lognormal per sqrt(time), liquidity in the units of models.md (whole tokens).
Source of LVR: Milionis, Moallemi, Roughgarden, Zhang, "Automated market making and loss-versus-rebalancing" (2022).
"""

from math import sqrt

from common.model.errors import InputInvalid


def impermanent_loss(price_start: float, price_now: float, price_lower: float, price_upper: float) -> float:
    """Value of the range relative to having held its starting tokens, less one: never positive. Prices may leave the
    range; the start must lie strictly inside. Raises InputInvalid.

    Inside it equals (2 sqrt(r) - 1 - r) / (1 + r - sqrt(Pa/P0) - r sqrt(P0/Pb)) with r = P/P0 (models.md section 2).
    """
    if not 0 < price_lower < price_start < price_upper:
        raise InputInvalid("price_start", "amm", f"strictly between {price_lower} and {price_upper}", price_start)
    _require_positive(price_now)
    base = 1 / sqrt(price_start) - 1 / sqrt(price_upper)
    quote = sqrt(price_start) - sqrt(price_lower)
    inside = min(max(price_now, price_lower), price_upper)
    value = (1 / sqrt(inside) - 1 / sqrt(price_upper)) * price_now + sqrt(inside) - sqrt(price_lower)
    return value / (base * price_now + quote) - 1


def lvr_rate(liquidity: float, sigma: float, price: float) -> float:
    """Loss versus rebalancing per unit of time, in quote, of liquidity that is in range: L sigma^2 sqrt(P) / 4."""
    _require_positive(price)
    return liquidity * sigma**2 * sqrt(price) / 4


def lvr_fraction_rate(sigma: float, price: float, price_lower: float, price_upper: float) -> float:
    """The same as a fraction of the range's value: (sigma^2 / 4) / (2 - sqrt(P/Pb) - sqrt(Pa/P)); 0 out of range."""
    _require_positive(price)
    if not price_lower < price < price_upper:
        return 0.0
    return sigma**2 / 4 / (2 - sqrt(price / price_upper) - sqrt(price_lower / price))


def break_even_sigma(fee_per_liquidity_rate: float, price: float) -> float:
    """Volatility at which fees pay for LVR: 2 sqrt(rate / sqrt(P)), rate in quote per unit of liquidity and time."""
    _require_positive(price)
    return 2 * sqrt(fee_per_liquidity_rate / sqrt(price))


def _require_positive(price: float) -> None:
    if not price > 0:
        raise InputInvalid("price", "amm", "a positive number of quote per base", price)
