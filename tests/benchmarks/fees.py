"""Fee rates of one side of a trade and the counting of its volume, beside the same without anything remembered."""

from itertools import cycle

from common.exchange.fees.schedule import FeeSchedule
from common.exchange.fees.standings import Standings
from common.exchange.money import UNITS_PER_ASSET
from tests.benchmarks.measure import best_ns, table

ACCOUNTS = 1_000
CALLS = 20_000
DAYS = 31
UNITS = 100 * UNITS_PER_ASSET


def main(calls: int = CALLS) -> None:
    """Print nanoseconds for one side of a trade, with 1,000 accounts that trade every day."""
    names = [f"account{number}" for number in range(ACCOUNTS)]
    standings = Standings(FeeSchedule(), {})
    for day in range(DAYS):
        for number, name in enumerate(names):
            standings.count(day, name, names[number - 1], UNITS)
    today, found = DAYS - 1, dict.fromkeys(names, (0, 0))
    makers, takers = cycle(names), cycle(names[7:] + names[:7])
    ways = (
        ("rates", lambda: standings.rates(next(makers), today), 1),
        ("a dict of rates", lambda: found[next(makers)], 1),
        ("rates, nothing remembered", lambda: standings.find(next(makers), today), 1),
        ("count a trade, for each side", lambda: standings.count(today, next(makers), next(takers), UNITS), 2),
    )
    figures = [(name, best_ns(work, calls) / sides) for name, work, sides in ways]
    table(("one side", "ns", "x ours"), [(name, ns, ns / figures[0][1]) for name, ns in figures])
