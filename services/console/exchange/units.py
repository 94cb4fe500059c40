"""Ticks, lots, units and nanoseconds as people write them, by the words in a field's name.

`price_ticks` is `price` for people and takes a decimal; under its own name it takes ticks. So do lots (`quantity`) and
nanoseconds (`lock_up=1d`, `expires=+60s`). Money is always decimal: `units=100.5` is 100.5 of the asset.
"""

import re
import time
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

import msgspec

from common.exchange.money import RATE_SCALE, UNITS_PER_ASSET

SECONDS: dict[str, Decimal | int] = {"ms": Decimal("0.001"), "s": 1, "m": 60, "h": 3_600, "d": 86_400}
NS_PER_S = 10**9
ABSOLUTE_NS_MIN = 10**17
"""Shorter times are durations: this one is in 1973."""

MONEY_BY_NATURE = frozenset({"net_deposits", "high_water_mark", "charged_profit", "paid_profit_share", "earned_fees"})
"""Money whose names say so without a unit."""

_DURATION = re.compile(r"(\+?)(\d+(?:\.\d+)?)(ms|s|m|h|d)")


class Unit(StrEnum):
    """What an integer counts."""

    TICKS = "ticks"
    LOTS = "lots"
    MONEY = "units"
    TIME = "ns"
    RATE = "rate"
    NOTHING = ""


class Grid(msgspec.Struct, frozen=True):
    """How fine prices and quantities of a market are."""

    tick_size: Decimal
    lot_size: Decimal


Grids = dict[str, Grid]
"""By symbol."""


def market_of(fields: Mapping[str, Any]) -> str:
    """The market that some fields are about: `symbol`, or another field that names one; empty = none."""
    named = (value for name, value in fields.items() if name.endswith("_symbol") and isinstance(value, str))
    return str(fields.get("symbol") or next(named, ""))


class Unreadable(ValueError):
    """A text that is no value of its field; the message says what was expected."""


def unit_of(name: str) -> Unit:
    """What the integers of a field count."""
    if name in MONEY_BY_NATURE:
        return Unit.MONEY
    words = name.split("_")
    if "tick" in words:
        # A product of ticks and lots, which is neither.
        return Unit.NOTHING
    for unit in (Unit.TICKS, Unit.LOTS, Unit.MONEY, Unit.TIME):
        if unit.value in words:
            return unit
    return Unit.RATE if {"rate", "premium"} & set(words) else Unit.NOTHING


def spoken(name: str) -> str:
    """A field's name for people: without the unit."""
    unit, words = unit_of(name), name.split("_")
    if unit is Unit.LOTS:
        words = [each for each in words if each != "lots" or "quantity" not in words]
        return "_".join("quantity" if each == "lots" else each for each in words)
    if unit in (Unit.TICKS, Unit.MONEY, Unit.TIME):
        alone = {Unit.TICKS: "price", Unit.MONEY: "units", Unit.TIME: "time"}[unit]
        return "_".join(each for each in words if each != unit.value) or alone
    return name


def to_integer(text: str, unit: Unit, grid: Grid | None) -> int:
    """What a person wrote, as the integer that the exchange takes. Raises Unreadable."""
    if unit is Unit.TIME and (match := _DURATION.fullmatch(text)):
        return int(Decimal(match[2]) * SECONDS[match[3]] * NS_PER_S) + (time.time_ns() if match[1] else 0)
    step = _step(unit, grid)
    try:
        number = Decimal(text)
        steps = number / step
    except InvalidOperation:
        raise Unreadable(f"expected {_expected(unit)}, got {text!r}") from None
    if not steps.is_finite() or steps != int(steps):
        raise Unreadable(f"expected {_expected(unit)} in steps of {step:f}, got {text!r}")
    return int(steps)


def to_text(value: int, unit: Unit, grid: Grid | None) -> str:
    """An integer of the exchange for people; ticks and lots without a grid stay what they are."""
    if unit is Unit.TIME:
        return moment(value)
    if unit is Unit.RATE:
        return f"{plain(Decimal(value) * 100 / RATE_SCALE)} %"
    if unit in (Unit.TICKS, Unit.LOTS) and grid is None:
        return str(value)
    return plain(value * _step(unit, grid))


def moment(value: int) -> str:
    """A time as ISO 8601 in UTC, or a duration; 0 = never, shown as nothing."""
    if value >= ABSOLUTE_NS_MIN:
        seconds, rest = divmod(value, NS_PER_S)
        return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{rest // 10**6:03d}Z"
    for name, seconds in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if value and value % (seconds * NS_PER_S) == 0:
            return f"{value // (seconds * NS_PER_S)}{name}"
    return f"{plain(Decimal(value) / NS_PER_S)}s" if value else ""


def plain(number: Decimal) -> str:
    """A decimal without exponent and without zeros that say nothing."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _step(unit: Unit, grid: Grid | None) -> Decimal:
    if unit is Unit.MONEY:
        return Decimal(1) / UNITS_PER_ASSET
    if unit is Unit.RATE or unit is Unit.NOTHING or unit is Unit.TIME:
        return Decimal(1)
    if grid is None:
        raise Unreadable(f"{unit.value} of which market? Say symbol=..., or give the number of {unit.value} instead")
    return grid.tick_size if unit is Unit.TICKS else grid.lot_size


def _expected(unit: Unit) -> str:
    return {
        Unit.TICKS: "a price", Unit.LOTS: "a quantity", Unit.MONEY: "an amount of money",
        Unit.TIME: "a time such as 90s, 6h, 1d, +60s (from now), or nanoseconds",
    }.get(unit, "an integer")  # fmt: skip
