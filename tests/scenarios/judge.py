"""Expectations against what really happened."""

from collections.abc import Callable, Iterator
from typing import Any

from msgspec import UNSET

from common.model.order import Side
from tests.scenarios.outcome import Outcome, Stage
from tests.scenarios.script import Expect

Difference = tuple[str, object, object]
"""(key, expected, got)."""


def differences(expect: Expect, outcome: Outcome, stage: Stage) -> Iterator[Difference]:
    """Every expectation that does not hold."""
    actual: dict[str, Callable[[Any], tuple[object, object]]] = {
        "status": lambda want: (want, outcome.status),
        "reason": lambda want: (want, outcome.reason),
        "trades": lambda want: ([(str(m), str(t), price, qty) for m, t, price, qty in want], outcome.trades),
        "filled": lambda want: (want, {order: stage.filled(order) for order in want}),
        "states": lambda want: (want, {order: stage.state(order) for order in want}),
        "bids": lambda want: _levels(want, stage.levels(Side.BUY), expect.depth),
        "asks": lambda want: _levels(want, stage.levels(Side.SELL), expect.depth),
        "orders": lambda want: (want, _totals(stage, 2)),
        "volume": lambda want: (want, _totals(stage, 1)),
        "stops": lambda want: (want, stage.stops()),
        "last": lambda want: (want, stage.last()),
    }
    for key, look in actual.items():
        want = getattr(expect, key)
        if want is not UNSET:
            expected, got = look(want)
            if expected != got:
                yield key, expected, got


def _levels(want: list[Any], got: list[Any], depth: Any) -> tuple[object, object]:
    return (want, got) if depth is UNSET else (want[:depth], got[:depth])


def _totals(stage: Stage, column: int) -> tuple[int, int]:
    bids, asks = (sum(level[column] for level in stage.levels(side)) for side in (Side.BUY, Side.SELL))
    return bids, asks
