"""Avellaneda and Stoikov, "High-frequency trading in a limit order book" (Quantitative Finance 2008).

Equation numbers are the working paper's, the journal's in brackets. Units as in `glft.py`: price, lots,
sigma price/sqrt(time) (absolute), risk aversion gamma 1/(price x lot), decay k 1/price.
"""

from math import isfinite, log, log1p

from common.pricing.glft import LinearQuotes


def reservation_price(price: float, inventory: float, *, sigma: float, risk_aversion: float, time_left: float) -> float:
    """Price at which we are indifferent to one lot more or less: r = s - q gamma sigma^2 (T - t), eq. 3.17 (29)."""
    return price - inventory * risk_aversion * sigma**2 * time_left


def optimal_quotes(*, sigma: float, decay: float, risk_aversion: float, time_left: float) -> LinearQuotes:
    """Offsets from the middle, eq. 3.17 and 3.18 (29, 30). Raises ValueError outside the domain.

    Spread = gamma sigma^2 (T - t) + (2/gamma) ln(1 + gamma/k), centred on the reservation price.
    """
    for name, value in {"sigma": sigma, "decay": decay, "risk_aversion": risk_aversion}.items():
        if not (isfinite(value) and value > 0):
            raise ValueError(f"{name} must be finite and above 0, got {value}")
    if not (isfinite(time_left) and time_left >= 0):
        raise ValueError(f"time_left must be finite and at least 0, got {time_left}")
    skew = risk_aversion * sigma**2 * time_left
    return LinearQuotes(log1p(risk_aversion / decay) / risk_aversion + skew / 2, skew)


def frozen_inventory_prices(
    price: float, inventory: float, *, sigma: float, risk_aversion: float, time_left: float
) -> tuple[float, float]:
    """Reservation bid and ask of an agent who holds to the horizon, eq. 2.6 and 2.7.

    r_b = s - (1 + 2q) g and r_a = s + (1 - 2q) g with g = gamma sigma^2 (T - t) / 2.
    """
    g = risk_aversion * sigma**2 * time_left / 2
    return price - (1 + 2 * inventory) * g, price + (1 - 2 * inventory) * g


def stationary_prices(
    price: float, inventory: int, *, sigma: float, risk_aversion: float, inventory_max: int
) -> tuple[float, float]:
    """Reservation bid and ask of the infinite horizon, section 2.3, with w = gamma^2 sigma^2 (q_max + 1)^2 / 2.

    r = s + (1/gamma) ln(1 + (-1 - 2q, or +1 - 2q) gamma^2 sigma^2 / (2 w - gamma^2 q^2 sigma^2)).
    Raises ValueError outside +-inventory_max.
    """
    if abs(inventory) > inventory_max:
        raise ValueError(f"inventory {inventory} is outside +-{inventory_max}")
    variance = (risk_aversion * sigma) ** 2
    denominator = variance * ((inventory_max + 1) ** 2 - inventory**2)
    bid = log(1 + (-1 - 2 * inventory) * variance / denominator) / risk_aversion
    ask = log(1 + (1 - 2 * inventory) * variance / denominator) / risk_aversion
    return price + bid, price + ask
