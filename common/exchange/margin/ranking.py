"""Who is deleveraged first: the highest product of relative profit and leverage, compared as exact fractions."""

from collections.abc import Iterable
from functools import cmp_to_key

import msgspec


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """One account's position on the side that can be deleveraged. Amounts are units of the collateral.

    profit_units    unrealised profit of the position at the mark
    entry_units     notional at which it was entered, positive
    notional_units  notional at the mark, positive
    equity_units    what backs it: the account's cross equity, or the position's own when it is isolated
    """

    account: str
    lots: int
    profit_units: int
    entry_units: int
    notional_units: int
    equity_units: int

    @property
    def score(self) -> tuple[int, int]:
        """(profit / entry) x (notional / equity) as numerator and denominator."""
        return self.profit_units * self.notional_units, self.entry_units * self.equity_units

    @property
    def profit_ratio(self) -> tuple[int, int]:
        """profit / entry as numerator and denominator."""
        return self.profit_units, self.entry_units


def ranked(holders: Iterable[Holder]) -> list[Holder]:
    """Profitable holders by score, then the others, those that lose the least first. Ties by account id.

    A profitable position in an account without equity has no leverage to rank by; it stands with the others.
    """
    winners, others = list[Holder](), list[Holder]()
    for each in holders:
        wins = each.profit_units > 0 and each.equity_units > 0 and each.entry_units > 0
        (winners if wins else others).append(each)
    return sorted(winners, key=cmp_to_key(_by_score)) + sorted(others, key=cmp_to_key(_by_profit))


def _by_score(one: Holder, other: Holder) -> int:
    return _higher_first(one.score, other.score) or _by_account(one, other)


def _by_profit(one: Holder, other: Holder) -> int:
    return _higher_first(one.profit_ratio, other.profit_ratio) or _by_account(one, other)


def _higher_first(one: tuple[int, int], other: tuple[int, int]) -> int:
    # Denominators are positive, so multiplying across keeps the order and nothing is rounded.
    left, right = one[0] * max(1, other[1]), other[0] * max(1, one[1])
    return (left < right) - (left > right)


def _by_account(one: Holder, other: Holder) -> int:
    return (one.account > other.account) - (one.account < other.account)
