"""A recorded day of a mainnet pool, replayed event by event from the state that its own log reveals.

The log does not say what the pool held when the day began. It is worked out, before the replay, from the log itself:

- Liquidity by stretch (the ticks between two usable ones): each swap tells the liquidity where it ended. Less what the
  day's own mints and burns added there, it must be the same number all day, and `read_day` checks that it is.
- Positions from before: whoever burns more than the day saw him mint had the difference, and whoever settles fees
  without having minted had something (one unit is assumed; the rest of the stretch is reduced by as much).
- The first price: from the first swap's price, input and liquidity.
- Stretches that were crossed and in which no swap ended: from both amounts of the first swap that crossed them. All
  later ones must then agree.

What a swap asked for is not logged either, only what became of it. It was an exact input, an exact output, or ended at
a price limit; one of the three must give all five numbers of the log.
"""

import ast
import copy
import csv
import gzip
from collections import Counter, defaultdict
from pathlib import Path
from typing import NamedTuple

from common.amm.pool import Key, Pool
from common.amm.swap_math import FEE_UNIT
from common.amm.ticks import Ticks
from common.chain.abi import decode_words
from common.model.errors import InputInvalid

FEE_PPM, SPACING = 500, 10
FAR = 1 << 200
"""More than any pool can take: a swap of it ends at its price limit."""
TRIED, STRIDE = 300, 300_000_001
"""Trials around a solution of two unknowns: one unit of USDC leaves a play of some 10^10 in the split."""
OTHERS = "others, from before the day"
KINDS = {"c42079f9": "swap", "7a53080b": "mint", "0c396cd9": "burn", "70935338": "collect"}
WORDS = {
    "swap": ("int256", "int256", "uint160", "uint128", "int24"),
    "mint": ("address", "uint128", "uint256", "uint256"),
    "burn": ("uint128", "uint256", "uint256"),
    "collect": ("address", "uint128", "uint128"),
}


class Swapped(NamedTuple):
    """Amounts in the pool's view; the rest is the pool afterwards."""

    amount0: int
    amount1: int
    sqrt_price: int
    liquidity: int
    tick: int

    @property
    def down(self) -> bool:
        """Token0 entered."""
        return self.amount0 > 0


class Moved(NamedTuple):
    """A mint, burn (liquidity negative or 0) or collect (liquidity 0) of a position."""

    kind: str
    key: Key
    liquidity: int
    amount0: int
    amount1: int


Event = Swapped | Moved


class Day(NamedTuple):
    """The log in order, the positions that existed before, and the others' liquidity by stretch (None = not seen)."""

    events: list[Event]
    before: dict[Key, int]
    others: dict[int, int | None]


class Replay(NamedTuple):
    """Events that gave exactly what the log says, by kind; what the swaps asked for; the events that did not; and what
    collects left unpaid to positions that were born today.
    """

    exact: Counter[str]
    ways: Counter[str]
    inexact: list[Event]
    left_by_the_born: int


def read_day(path: Path) -> Day:
    """Raises AssertionError if two swaps disagree on the liquidity that was there before the day."""
    with gzip.open(path, "rt") as file:
        events = [_event(ast.literal_eval(row["topics"]), row["data"]) for row in csv.DictReader(file)]
    before, total = dict[Key, int](), defaultdict[Key, int](int)
    for event in events:
        if isinstance(event, Moved) and event.kind in ("mint", "burn"):
            missing = max(-event.liquidity, 1 if event.kind == "burn" else 0) - total[event.key]
            if missing > before.get(event.key, 0):
                before[event.key] = missing
            total[event.key] += event.liquidity
    seen, added = dict[int, int](), dict(before)
    for event in events:
        if isinstance(event, Swapped):
            stretch = event.tick // SPACING
            others = event.liquidity - _covering(added, stretch)
            assert seen.setdefault(stretch, others) == others, f"liquidity at {stretch} changed without an event"
        elif event.liquidity:
            added[event.key] = added.get(event.key, 0) + event.liquidity
    return Day(events, before, {each: seen.get(each) for each in range(min(seen), max(seen) + 1)})


def fill_unseen(day: Day) -> Day:
    """Liquidity of the stretches in which no swap ended. Raises AssertionError where no guess gives what was logged."""
    others = dict(day.others)
    while unseen := [stretch for stretch, liquidity in others.items() if liquidity is None]:
        first = last = unseen[0]
        while last + 1 in unseen:
            last += 1
        others.update(_solve(day, others, first, last))
    return Day(day.events, day.before, others)


def _solve(day: Day, others: dict[int, int | None], first: int, last: int) -> dict[int, int]:
    """One or two neighbouring stretches of unknown liquidity, from both amounts of the first swap that crosses them.

    Amounts are linear in the liquidity but for rounding, so that a step of Newton leaves few numbers to try. WETH has
    so many decimals that one swap fixes the sum; of USDC's six enough remain to tell two stretches apart.
    """
    below = others[first - 1]
    assert below is not None and first <= last <= first + 1
    # Different from each other and from their neighbours, so that all ticks between them exist.
    guess = {first: below + 1, last: below + 2}
    pool, event = _until_crossed(day, others | guess, first, last)
    step, here = 10**18, _short(pool, event, {})
    slopes = [[each - base for each, base in zip(_short(pool, event, {stretch: step}), here, strict=True)]
              for stretch in guess]  # fmt: skip
    for add in range(-TRIED, TRIED + 1):
        change, short1 = {last: 0}, here[1]
        if first != last:
            (first0, first1), (last0, last1) = slopes
            # Cramer's rule for both shortfalls to vanish.
            change[first] = step * (here[1] * last0 - here[0] * last1) // (first0 * last1 - first1 * last0)
            change[first] += add * STRIDE
            short1 = _short(pool, event, {first: change[first]})[1]
        for near in (0, 1) if first != last else (add,):
            change[last] = -step * short1 // slopes[-1][1] + near
            if follow(_changed(pool, event, change), event)[1]:
                return {stretch: liquidity + change[stretch] for stretch, liquidity in guess.items()}
    raise AssertionError(f"nothing explains the first swap across stretches {first} to {last}")


def _short(pool: Pool, event: Swapped, change: dict[int, int]) -> tuple[int, int]:
    """By how much a swap to the logged price moves more than was logged, token0 and token1."""
    amounts = _changed(pool, event, change).swap(event.down, FAR, event.sqrt_price)
    return abs(amounts[0]) - abs(event.amount0), abs(amounts[1]) - abs(event.amount1)


def _changed(pool: Pool, event: Swapped, change: dict[int, int]) -> Pool:
    """A copy with other liquidity in stretches where the price is not."""
    fork = _fork(pool, event)
    for stretch, liquidity in change.items():
        fork.ticks.by_tick[stretch * SPACING].liquidity_net += liquidity
        fork.ticks.by_tick[(stretch + 1) * SPACING].liquidity_net -= liquidity
    return fork


def _until_crossed(day: Day, others: dict[int, int | None], first: int, last: int) -> tuple[Pool, Swapped]:
    """The pool before the first swap that crosses all of these stretches, and that swap."""
    known = {stretch: 0 if liquidity is None else liquidity for stretch, liquidity in others.items()}
    pool = start(Day(day.events, day.before, known))
    for event in day.events:
        if isinstance(event, Swapped):
            ends = sorted((pool.tick // SPACING, event.tick // SPACING))
            if ends[0] < first and last < ends[1]:
                return pool, event
        pool, _ = follow(pool, event)
    raise AssertionError(f"no swap crosses stretches {first} to {last}")


def start(day: Day) -> Pool:
    """The pool as the day began."""
    first = day.events[0]
    assert isinstance(first, Swapped) and not first.down
    usable = first.amount1 * (FEE_UNIT - FEE_PPM) // FEE_UNIT
    pool = Pool(FEE_PPM, SPACING)
    pool.initialize(first.sqrt_price - (usable << 96) // first.liquidity)
    for (owner, lower, upper), liquidity in day.before.items():
        pool.mint(owner, lower, upper, liquidity)
    since, stretches = min(day.others), sorted(day.others)
    for stretch in stretches:
        # Equal neighbours are one range: nothing says that the tick between them is initialized.
        if day.others.get(stretch + 1) != day.others[stretch]:
            if day.others[stretch]:
                pool.mint(OTHERS, since * SPACING, (stretch + 1) * SPACING, day.others[stretch])
            since = stretch + 1
    return pool


def follow(pool: Pool, event: Event) -> tuple[Pool, str]:
    """The pool after an event, and the way that gives what the log says, or "" if none does.

    After "" the pool stands where the log says, so that later events are judged for themselves.
    """
    if isinstance(event, Moved):
        return pool, _move(pool, event)
    taken, given = (event.amount0, event.amount1) if event.down else (event.amount1, event.amount0)
    ways = (("exact input", taken, None), ("exact output", given, None), ("price limit", FAR, event.sqrt_price))
    for way, amount, limit in ways:
        trial = _fork(pool, event)
        try:
            amounts = trial.swap(event.down, amount, limit) if amount else (0, 0)
        except InputInvalid:
            continue
        if Swapped(*amounts, trial.sqrt_price, trial.liquidity, trial.tick) == event:
            return trial, way
    pool.swap(event.down, FAR, event.sqrt_price)
    pool.liquidity = event.liquidity
    return pool, ""


def replay(day: Day) -> Replay:
    """All events in order."""
    pool, exact, ways, inexact, left = start(day), Counter[str](), Counter[str](), list[Event](), 0
    for event in day.events:
        pool, way = follow(pool, event)
        if not way:
            inexact.append(event)
        elif isinstance(event, Swapped):
            exact["swap"] += 1
            ways[way] += 1
        else:
            exact[way] += 1
        if isinstance(event, Moved) and event.kind == "collect" and event.key not in day.before:
            holding = pool.holdings[event.key]
            left += holding.owed0 + holding.owed1
    return Replay(exact, ways, inexact, left)


def _move(pool: Pool, event: Moved) -> str:
    owner, lower, upper = event.key
    price = (pool.sqrt_price, pool.tick)
    if event.kind == "mint":
        amounts = pool.mint(owner, lower, upper, event.liquidity)
    elif event.kind == "burn":
        amounts = pool.burn(owner, lower, upper, -event.liquidity)
    else:
        holding = pool.holdings[event.key]
        # What was owed, and the growth last seen, before the day cannot be known from it: the payment is then taken
        # from the log. A position born today is known to the last unit.
        amounts = pool.collect(owner, lower, upper, event.amount0, event.amount1)
        if amounts != (event.amount0, event.amount1):
            holding.owed0 = holding.owed1 = 0
    assert (pool.sqrt_price, pool.tick) == price
    return event.kind if amounts == (event.amount0, event.amount1) else ""


def _fork(pool: Pool, event: Swapped) -> Pool:
    """A copy for one swap. Ticks are copied only where the swap crosses some."""
    fork = copy.copy(pool)
    if event.tick // SPACING != pool.tick // SPACING or event.liquidity != pool.liquidity:
        fork.ticks = Ticks(pool.ticks.liquidity_max)
        fork.ticks.by_tick = {tick: copy.copy(info) for tick, info in pool.ticks.by_tick.items()}
    return fork


def _event(topics: list[str], data: str) -> Event:
    kind = KINDS[topics[0][2:10]]
    words = decode_words(WORDS[kind], bytes.fromhex(data[2:]), kind)
    if kind == "swap":
        return Swapped(*words)
    lower, upper = (int.from_bytes(bytes.fromhex(topic[2:]), signed=True) for topic in topics[2:4])
    *_, amount0, amount1 = words
    liquidity = words[1] if kind == "mint" else -words[0] if kind == "burn" else 0
    return Moved(kind, (topics[1], lower, upper), liquidity, amount0, amount1)


def _covering(positions: dict[Key, int], stretch: int) -> int:
    return sum(liquidity for (_, low, high), liquidity in positions.items() if low <= stretch * SPACING < high)
