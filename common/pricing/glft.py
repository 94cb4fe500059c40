"""Optimal quotes of a market maker under inventory risk: Guéant, Lehalle, Fernandez-Tapia (GLFT) and Guéant 2017.

Sources: [GLFT] "Dealing with the inventory risk", arXiv:1105.3115; [G17] Guéant, "Optimal market making",
arXiv:1605.01862, equations 4.6 and 4.7.

Units: price in one unit of your choice, inventory q in lots (each order is one lot), sigma in price per sqrt(time)
(absolute, NOT lognormal: multiply a lognormal sigma by the price), arrival rate A per time, decay k per price, risk
aversion gamma per (price x lot). All offsets are distances from the reference price, positive away from it.
"""

from math import exp, isfinite, log1p, sqrt

import msgspec


class GlftParameters(msgspec.Struct, frozen=True, kw_only=True):
    """Inputs of the GLFT model.

    `sigma` price/sqrt(time); `arrival_rate` A, 1/time and `decay` k, 1/price of the fill intensity A exp(-k offset);
    `risk_aversion` gamma, 1/(price x lot); `drift` mu, price/time; `xi_impact` price move against us per fill (dS =
    sigma dW + xi dN_ask - xi dN_bid), which is adverse selection and has nothing to do with [G17]'s xi.
    Raises ValueError when a value is outside the model's domain.
    """

    sigma: float
    arrival_rate: float
    decay: float
    risk_aversion: float
    drift: float = 0.0
    xi_impact: float = 0.0

    def __post_init__(self) -> None:
        for name in ("sigma", "arrival_rate", "decay", "risk_aversion"):
            _require_positive(name, getattr(self, name))
        if not isfinite(self.drift):
            raise ValueError(f"drift must be finite, got {self.drift}")
        if not (isfinite(self.xi_impact) and self.xi_impact >= 0):
            raise ValueError(f"xi_impact must be finite and at least 0, got {self.xi_impact}")


class LinearQuotes(msgspec.Struct, frozen=True):
    """Offsets that are straight lines in the inventory, the shape of every closed form.

    bid offset = half_spread + skew x (q - inventory_shift), ask offset = half_spread - skew x (q - inventory_shift).
    `half_spread` in price, `skew` in price per lot, `inventory_shift` in lots: the inventory that the drift asks for.
    """

    half_spread: float
    skew: float
    inventory_shift: float = 0.0

    def bid_offset(self, inventory: float) -> float:
        """Distance of the bid below the reference price, for `inventory` lots."""
        return self.half_spread + self.skew * (inventory - self.inventory_shift)

    def ask_offset(self, inventory: float) -> float:
        """Distance of the ask above the reference price, for `inventory` lots."""
        return self.half_spread - self.skew * (inventory - self.inventory_shift)

    def reservation_shift(self, inventory: float) -> float:
        """Middle of the two quotes less the reference price: below it when long."""
        return -self.skew * (inventory - self.inventory_shift)


def closed_form(parameters: GlftParameters) -> LinearQuotes:
    """Closed-form approximation of the asymptotic quotes ([GLFT] Prop. 3, with drift and impact of section 5).

    C = sqrt(sigma^2 gamma / (2 k A) (1 + gamma/k)^(1 + k/gamma)) exp(k xi/4); half spread = (1/gamma) ln(1 + gamma/k)
    + xi/2 + C/2; skew = C; the drift shifts the inventory by mu/(gamma sigma^2). Too wide at large |q|: use
    `glft_table.asymptotic` there.
    """
    p = parameters
    growth = exp((1 + p.decay / p.risk_aversion) * log1p(p.risk_aversion / p.decay))
    skew = sqrt(p.sigma**2 * p.risk_aversion / (2 * p.decay * p.arrival_rate) * growth)
    skew *= exp(p.decay * p.xi_impact / 4)
    shift = p.drift / (p.risk_aversion * p.sigma**2)
    return LinearQuotes(base_offset(p) + skew / 2, skew, shift)


def gueant_2017(
    *, sigma: float, arrival_rate: float, decay: float, risk_aversion: float, order_size: float, xi_risk: float
) -> LinearQuotes:
    """Closed form for orders of `order_size` lots ([G17] eq. 4.6 and 4.7). Raises ValueError outside the domain.

    `xi_risk` is the risk aversion to the fills' own randomness: gamma gives the exponential-utility model (A), 0 the
    mean-variance model (B, where c1 = 1/k and the factor is e). c1 = ln(1 + xi D/k)/(xi D), c2 = sqrt(gamma/(2 A D k)
    (1 + xi D/k)^(k/(xi D) + 1)); half spread = c1 + D/2 sigma c2, skew = sigma c2.
    """
    positive = {"sigma": sigma, "arrival_rate": arrival_rate, "decay": decay, "risk_aversion": risk_aversion}
    for name, value in {**positive, "order_size": order_size}.items():
        _require_positive(name, value)
    if not (isfinite(xi_risk) and xi_risk >= 0):
        raise ValueError(f"xi_risk must be finite and at least 0, got {xi_risk}")
    x = xi_risk * order_size / decay
    c1 = (log1p(x) / x if x else 1.0) / decay
    growth = exp((1 / x + 1) * log1p(x)) if x else exp(1)
    c2 = sqrt(risk_aversion / (2 * arrival_rate * order_size * decay) * growth)
    return LinearQuotes(c1 + order_size / 2 * sigma * c2, sigma * c2)


def base_offset(parameters: GlftParameters) -> float:
    """Offset that pays for the fill itself, in price: (1/gamma) ln(1 + gamma/k) + xi/2."""
    p = parameters
    return log1p(p.risk_aversion / p.decay) / p.risk_aversion + p.xi_impact / 2


def _require_positive(name: str, value: float) -> None:
    if not (isfinite(value) and value > 0):
        raise ValueError(f"{name} must be finite and above 0, got {value}")
