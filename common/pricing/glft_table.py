"""GLFT quotes with inventory bounds: exact at a horizon, and their limit far from it.

Sources and units as in `glft.py`, where the closed form lives. This module needs numpy, the closed form does not.
"""

from itertools import pairwise
from math import exp, inf, isfinite, log, log1p

import msgspec
import numpy as np
import numpy.typing as npt

from common.pricing.glft import GlftParameters, base_offset

FloatArray = npt.NDArray[np.float64]
_TAYLOR_TERMS = 24


class QuoteTable(msgspec.Struct, frozen=True):
    """Offsets for each whole inventory from -inventory_max to inventory_max; inf where the bound forbids the side."""

    inventory_max: int
    bid_offsets: tuple[float, ...]
    ask_offsets: tuple[float, ...]

    def bid_offset(self, inventory: int) -> float:
        """Distance of the bid; inf at the upper bound. Raises ValueError outside the bounds."""
        return self.bid_offsets[self._index(inventory)]

    def ask_offset(self, inventory: int) -> float:
        """Distance of the ask; inf at the lower bound. Raises ValueError outside the bounds."""
        return self.ask_offsets[self._index(inventory)]

    def _index(self, inventory: int) -> int:
        if abs(inventory) > self.inventory_max:
            raise ValueError(f"inventory {inventory} is outside +-{self.inventory_max}")
        return inventory + self.inventory_max


def exact(parameters: GlftParameters, inventory_max: int, time_left: float) -> QuoteTable:
    """Optimal quotes with `time_left` to the horizon and bounds +-inventory_max ([GLFT] Thm 1; impact: section 5).

    bid offset(q) = (1/k) ln(v_q / v_{q+1}) + (1/gamma) ln(1 + gamma/k) + xi/2 with v(t) = exp(-M time_left) v(T).
    Cubic in the bound: for tests and tables, not for each tick.
    """
    if not (isfinite(time_left) and time_left > 0):
        raise ValueError(f"time_left must be finite and above 0, got {time_left}")
    values = _propagator(_generator(parameters, inventory_max), time_left) @ _terminal(parameters, inventory_max)
    logs = [float(value) for value in np.log(values)]
    return _table(parameters, inventory_max, [low - high for low, high in pairwise(logs)])


def asymptotic(parameters: GlftParameters, inventory_max: int) -> QuoteTable:
    """Optimal quotes far from the horizon: v becomes M's ground state f0 ([GLFT] Thm 2). Bounds are exact.

    Ratios of f0 come from the three-term recurrence started at both bounds, because an eigenvector from a general
    solver is only accurate to 1e-16 of its largest entry, and at large |q| the entries are far smaller than that.
    """
    matrix = _generator(parameters, inventory_max)
    lowest = float(np.linalg.eigvalsh(matrix)[0])
    diagonal = [float(value) - lowest for value in np.diag(matrix)]
    coupling = -float(matrix[0, 1])
    return _table(parameters, inventory_max, _log_drops(diagonal, coupling))


def _log_drops(diagonal: list[float], coupling: float) -> list[float]:
    """ln(f_i / f_{i+1}) of the positive solution of diagonal_i f_i = coupling (f_{i-1} + f_{i+1})."""
    size = len(diagonal)
    peak = min(range(size), key=diagonal.__getitem__)
    drops = [0.0] * (size - 1)
    ratio = 0.0
    for index in range(size - 1, peak, -1):
        ratio = coupling / (diagonal[index] - coupling * ratio)
        drops[index - 1] = -log(ratio)
    ratio = 0.0
    for index in range(peak):
        ratio = coupling / (diagonal[index] - coupling * ratio)
        drops[index] = log(ratio)
    return drops


def _generator(p: GlftParameters, inventory_max: int) -> FloatArray:
    """M of v' = M v: diagonal alpha q^2 - k mu q, off-diagonal -eta exp(-k xi/2)."""
    if inventory_max < 1:
        raise ValueError(f"inventory_max must be at least 1, got {inventory_max}")
    alpha = p.decay * p.risk_aversion * p.sigma**2 / 2
    eta = p.arrival_rate * exp(-(1 + p.decay / p.risk_aversion) * log1p(p.risk_aversion / p.decay))
    eta *= exp(-p.decay * p.xi_impact / 2)
    q = np.arange(-inventory_max, inventory_max + 1, dtype=np.float64)
    coupling = np.full(2 * inventory_max, -eta)
    matrix: FloatArray = np.diag(alpha * q**2 - p.decay * p.drift * q) + np.diag(coupling, 1) + np.diag(coupling, -1)
    return matrix


def _terminal(p: GlftParameters, inventory_max: int) -> FloatArray:
    q = np.arange(-inventory_max, inventory_max + 1, dtype=np.float64)
    values: FloatArray = np.exp(-p.decay * p.xi_impact * q**2 / 2)
    return values


def _propagator(matrix: FloatArray, time_left: float) -> FloatArray:
    """exp(-matrix x time_left) up to a positive factor, each entry to full relative accuracy.

    Shifted by its largest diagonal the exponent has no negative entry, so the Taylor sum and the squarings only add
    and multiply positive numbers: nothing cancels, however small an entry is. The factor drops out of every ratio.
    """
    exponent = (float(np.diag(matrix).max()) * np.eye(len(matrix)) - matrix) * time_left
    squarings = max(0, int(np.ceil(np.log2(np.abs(exponent).sum(axis=1).max()))) + 1)
    step = exponent / 2.0**squarings
    term = result = np.eye(len(matrix))
    for order in range(1, _TAYLOR_TERMS):
        term = term @ step / order
        result = result + term
    for _ in range(squarings):
        result = result @ result
        result = result / result.max()
    return result


def _table(p: GlftParameters, inventory_max: int, log_drops: list[float]) -> QuoteTable:
    base = base_offset(p)
    bids = tuple(base + drop / p.decay for drop in log_drops)
    asks = tuple(base - drop / p.decay for drop in log_drops)
    return QuoteTable(inventory_max, (*bids, inf), (inf, *asks))
