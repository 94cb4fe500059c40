"""Margin by size of the position, as one market's rules say it."""

from bisect import bisect_right

from common.exchange.margin.rules import NOTIONAL_UNITS_MAX, Bracket, PerpetualRules
from common.exchange.money import RATE_SCALE, rated_up


class MarginTable:
    """Initial and maintenance margin of one market, exact, rounded up.

    Initial: the rate of the tier that the whole notional is in, or 1 / leverage if that is more. Maintenance: marginal,
    half the initial rate of each tier, as rate x notional - deduction; the deduction is rounded down.
    """

    __slots__ = (
        "_bounds",
        "_deductions",
        "_initial",
        "_maintenance",
        "_rate_default",
        "brackets",
        "leverage_default",
        "leverage_max",
    )

    def __init__(self, rules: PerpetualRules) -> None:
        self.leverage_max = rules.tiers[0].leverage_max
        self.leverage_default = rules.leverage_default or self.leverage_max
        self._rate_default = _rate(self.leverage_default)
        self._bounds = [tier.notional_units_min for tier in rules.tiers]
        self._initial = [_rate(tier.leverage_max) for tier in rules.tiers]
        self._maintenance = [-(-rate // 2) for rate in self._initial]
        self._deductions = [0]
        for index in range(1, len(self._bounds)):
            more = self._maintenance[index] - self._maintenance[index - 1]
            self._deductions.append(self._deductions[-1] + self._bounds[index] * more // RATE_SCALE)
        self.brackets = tuple(
            Bracket(
                notional_units_min=tier.notional_units_min,
                notional_units_max=most,
                leverage_max=tier.leverage_max,
                maintenance_rate=rate,
                deduction_units=deduction,
            )
            for tier, most, rate, deduction in zip(
                rules.tiers, [*self._bounds[1:], NOTIONAL_UNITS_MAX], self._maintenance, self._deductions, strict=True
            )
        )

    def initial(self, notional_units: int, leverage: int) -> int:
        """Units that opening a position of a notional needs; `leverage` 0 is the market's default."""
        rate = _rate(leverage) if leverage else self._rate_default
        if len(self._bounds) > 1:
            tier = self._initial[bisect_right(self._bounds, notional_units) - 1]
            rate = tier if tier > rate else rate
        return rated_up(notional_units, rate)

    def maintenance(self, notional_units: int) -> int:
        """Units below which a position of a notional is liquidated."""
        tier = bisect_right(self._bounds, notional_units) - 1 if len(self._bounds) > 1 else 0
        return rated_up(notional_units, self._maintenance[tier]) - self._deductions[tier]


def _rate(leverage: int) -> int:
    """1 / leverage at 1e-9, rounded up."""
    return -(-RATE_SCALE // leverage)
