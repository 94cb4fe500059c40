"""Who leads by which figure."""

from enum import StrEnum
from heapq import nsmallest

import msgspec

from common.exchange.money import RATE_SCALE

LEADERS_MAX = 100


class Ranking(StrEnum):
    """What accounts are ranked by: realised net profit, volume, or net profit over what was deposited."""

    NET_PROFIT = "net_profit"
    VOLUME = "volume"
    RETURN = "return"


class Leader(msgspec.Struct, frozen=True, kw_only=True):
    """One account's figures in one asset, in units; `deposited_units` is what it put in, withdrawals not subtracted."""

    account: str
    net_units: int
    volume_units: int
    deposited_units: int

    @property
    def return_rate(self) -> int | None:
        """Net profit over deposits at 1e-9, rounded down; None without deposits."""
        return self.net_units * RATE_SCALE // self.deposited_units if self.deposited_units > 0 else None


def leaders(rows: list[Leader], ranking: Ranking, count: int) -> list[Leader]:
    """The best, at most `count` and LEADERS_MAX. Equal figures go by account id; who has none is not ranked."""
    ranked = list[tuple[int, str, Leader]]()
    for each in rows:
        figure = _figure(each, ranking)
        if figure is not None:
            ranked.append((-figure, each.account, each))
    return [each for _figure, _account, each in nsmallest(min(count, LEADERS_MAX), ranked, key=lambda row: row[:2])]


def _figure(row: Leader, ranking: Ranking) -> int | None:
    if ranking is Ranking.NET_PROFIT:
        return row.net_units
    return row.volume_units if ranking is Ranking.VOLUME else row.return_rate
