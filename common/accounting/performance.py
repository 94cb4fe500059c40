"""How good a record of equity is: returns, Sharpe, Sortino, drawdown, Calmar, win rate. Floats in, floats out.

Equity is sampled on a fixed UTC grid, flat periods included, and markets never close: a year has 365 days or 8760
hours. What cannot be said is None: a ratio over no spread, a rate of no trades, a year's figure from a few days.
"""

import math
from collections.abc import Sequence

import msgspec

DAYS_PER_YEAR = 365
HOURS_PER_YEAR = 8760
DAYS_MIN = 30
"""A record shorter than this is not annualised: the figure would be noise with a large factor."""
SPREAD_MIN = 1e-12
"""Deviations below this fraction of the mean are rounding of equal returns, not risk."""

LOG_GROWTH_MAX = 700.0
"""Above e**709 there is no float."""


class Performance(msgspec.Struct, frozen=True, kw_only=True):
    """What a record of equity shows. Ratios and rates are plain numbers, not percent; drawdown is 0 or negative.

    periods         returns on the grid
    total_return    compounded over all of them
    sharpe          mean over sample deviation, of one period
    sharpe_error    its standard error, of one period
    sharpe_year, sortino_year, calmar   annualised
    """

    periods: int
    total_return: float
    sharpe: float | None
    sharpe_error: float | None
    sharpe_year: float | None
    sortino_year: float | None
    drawdown_max: float
    calmar: float | None
    win_rate: float | None


def performance(
    equity: Sequence[float], flows: Sequence[float], periods_per_year: int, wins: int, losses: int
) -> Performance:
    """All figures of one record: `equity` on the grid, `flows` as in `simple_returns`, wins and losses of trades."""
    returns = simple_returns(equity, flows)
    sharpe = sharpe_ratio(returns)
    return Performance(
        periods=len(returns),
        total_return=wealth_path(returns)[-1] - 1.0,
        sharpe=sharpe,
        sharpe_error=None if sharpe is None else sharpe_error(sharpe, len(returns)),
        sharpe_year=annualized(sharpe, len(returns), periods_per_year),
        sortino_year=annualized(sortino_ratio(returns), len(returns), periods_per_year),
        drawdown_max=max_drawdown(returns),
        calmar=calmar_ratio(returns, periods_per_year),
        win_rate=win_rate(wins, losses),
    )


def simple_returns(equity: Sequence[float], flows: Sequence[float]) -> list[float]:
    """Returns between neighbouring samples, deposits and withdrawals taken out.

    `flows[i]` is what was deposited less what was withdrawn between sample i - 1 and sample i; `flows[0]` is not used.
    Deposits count as if they came at the start of their period and withdrawals as if they went at its end, so a
    deposit into an almost empty account makes no giant return. A period that starts with nothing has return 0.
    """
    if len(flows) != len(equity):
        raise ValueError(f"expected a flow for each of {len(equity)} samples, got {len(flows)}")
    returns = []
    for before, after, flow in zip(equity, equity[1:], flows[1:], strict=False):
        base = before + max(flow, 0.0)
        returns.append((after - before - flow) / base if base > 0 else 0.0)
    return returns


def sharpe_ratio(returns: Sequence[float]) -> float | None:
    """Mean over sample standard deviation (n - 1), of one period. None for fewer than 2 or for equal returns."""
    count = len(returns)
    if count < 2:
        return None
    mean = math.fsum(returns) / count
    deviation = math.sqrt(math.fsum((each - mean) ** 2 for each in returns) / (count - 1))
    return _ratio(mean, deviation)


def sharpe_error(sharpe: float, count: int) -> float:
    """Standard error of a Sharpe ratio of one period from `count` returns: sqrt((1 + SR^2 / 2) / n) (Lo 2002, eq. 9,
    independent and identically distributed returns)."""
    return math.sqrt((1 + sharpe**2 / 2) / count)


def sortino_ratio(returns: Sequence[float], wanted: float = 0.0) -> float | None:
    """Mean excess over a wanted return, over sqrt(mean(min(r - wanted, 0)^2)), both over all n periods, losses or not.
    None for fewer than 2 periods or without a loss."""
    count = len(returns)
    if count < 2:
        return None
    mean = math.fsum(returns) / count - wanted
    downside = math.sqrt(math.fsum(min(each - wanted, 0.0) ** 2 for each in returns) / count)
    return _ratio(mean, downside)


def annualized(ratio: float | None, periods: int, periods_per_year: int) -> float | None:
    """A ratio of one period times sqrt(periods per year), or None for less than `DAYS_MIN` days."""
    if ratio is None or _is_short(periods, periods_per_year):
        return None
    return ratio * math.sqrt(periods_per_year)


def wealth_path(returns: Sequence[float]) -> list[float]:
    """What 1 became after each period, the starting 1 included."""
    path = [1.0]
    for each in returns:
        path.append(path[-1] * (1.0 + each))
    return path


def max_drawdown(returns: Sequence[float]) -> float:
    """The deepest fall from a high so far, as a fraction of it, at most 0. The start is a high too: a first period's
    loss counts."""
    deepest, high = 0.0, 1.0
    for wealth in wealth_path(returns):
        high = max(high, wealth)
        deepest = min(deepest, wealth / high - 1.0)
    return deepest


def calmar_ratio(returns: Sequence[float], periods_per_year: int) -> float | None:
    """Compound growth of a year over the depth of the drawdown. None without one, when all is lost, when the growth is
    beyond floats, or for less than `DAYS_MIN` days."""
    wealth, drawdown = wealth_path(returns)[-1], max_drawdown(returns)
    if not drawdown or wealth <= 0 or _is_short(len(returns), periods_per_year):
        return None
    growth = math.log(wealth) * periods_per_year / len(returns)
    return math.expm1(growth) / -drawdown if growth < LOG_GROWTH_MAX else None


def win_rate(wins: int, losses: int) -> float | None:
    """Wins over wins and losses; trades that brought nothing are neither. None without any."""
    return wins / (wins + losses) if wins + losses else None


def _is_short(periods: int, periods_per_year: int) -> bool:
    return periods * DAYS_PER_YEAR < DAYS_MIN * periods_per_year


def _ratio(mean: float, deviation: float) -> float | None:
    return mean / deviation if deviation > SPREAD_MIN * abs(mean) else None
