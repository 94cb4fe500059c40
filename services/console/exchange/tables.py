"""Answers and events of an exchange for people: decimals instead of ticks, lots and units, in aligned columns."""

from collections.abc import Mapping, Sequence
from typing import Any

from services.console.exchange.units import Grid, Grids, Unit, market_of, spoken, to_text, unit_of

HIDDEN = frozenset({"type", "time_ns"})
"""Fields of events that are said otherwise, or mean nothing to people."""

Map = Mapping[str, Any]
NOTHING_ASKED: Map = {}
EMPTY: tuple[Any, ...] = (None, "", [], {})

ONLY_ALONE = frozenset({"self_trade_prevention", "changed_ns", "quote_units"})
"""Fields that a row among others does not show, since it has to fit on a screen."""

LISTS_OF_PRICES = frozenset({"levels"})
"""Lists of ticks whose names do not say so."""

UNNAMED = frozenset({"terms"})
"""Maps whose fields are shown as those of the map around them."""


def draw(answer: Map, grids: Grids, asked: Map = NOTHING_ASKED) -> list[str]:
    """An answer: its single figures first, then a table for each list in it.

    A table does not repeat in every row what was `asked` for.
    """
    if set(answer) == {"items", "left_off"}:
        rows = [{name: each for name, each in row.items() if name not in ONLY_ALONE} for row in answer["items"]]
        repeated = {name for name, value in asked.items() if all(row.get(name) == value for row in rows)}
        rows = [{name: each for name, each in row.items() if name not in repeated} for row in rows]
        lines = table(rows, grids, grids.get(str(asked.get("symbol", ""))))
        return [*lines, f"({answer['left_off']} more are left off)"] if answer["left_off"] else lines
    return _section(answer, None, grids)


def table(rows: Sequence[Map], grids: Grids, grid: Grid | None = None) -> list[str]:
    """Rows under the names of their columns; columns in which nothing stands are left out."""
    if not rows:
        return ["(none)"]
    names = list(dict.fromkeys(name for row in rows for name in row))
    shown = [{name: _cell(name, row[name], row, grid, grids) for name in row} for row in rows]
    names = [name for name in names if any(row.get(name, "") not in ("", "-", "no") for row in shown)]
    columns = [_column(name, rows, [row.get(name, "") for row in shown], grid, grids) for name in names]
    return [line.rstrip() for line in map("  ".join, zip(*columns, strict=True))]


def event_line(event: Map, grids: Grids) -> str:
    """An event in one line: its name, and every field that says something."""
    return f"{event['type']}  {_inline(event, None, grids)}".rstrip()


def _section(answer: Map, grid: Grid | None, grids: Grids) -> list[str]:
    grid = grids.get(market_of(answer), grid)
    figures = {name: each for name, each in answer.items() if not isinstance(each, list) and not _is_map(each)}
    width = max((len(_label(name, grid)) for name in figures), default=0)
    lines = [f"{_label(name, grid):{width}}  {_scalar(name, each, grid)}".rstrip() for name, each in figures.items()]
    for name, each in answer.items():
        if name in figures:
            continue
        inside = _list(name, each, grid, grids) if isinstance(each, list) else _map(name, each, grid, grids)
        lines += ["", name.replace("_", " "), *(f"  {line}" if line else "" for line in inside)]
    return (lines[1:] if lines and not lines[0] else lines) or ["(none)"]


def _map(name: str, value: Map, grid: Grid | None, grids: Grids) -> list[str]:
    """A map inside; one by market has figures of the markets that are its names."""
    if value and set(value) <= set(grids) and not any(_is_map(each) for each in value.values()):
        return [f"{symbol}  {_scalar(name, each, grids[symbol])}" for symbol, each in value.items()]
    return _section(value, grids.get(name, grid), grids)


def _list(name: str, value: list[Any], grid: Grid | None, grids: Grids) -> list[str]:
    if not value or not all(_is_map(each) for each in value):
        return [_cell(name, value, {}, grid, grids) or "(none)"]
    if any(isinstance(each, list) for row in value for each in row.values()):
        lines: list[str] = []
        for row in value:
            lines += ["", *_section(row, grid, grids)]
        return lines[1:]
    return table(value, grids, grid)


def _column(name: str, rows: Sequence[Map], cells: list[str], grid: Grid | None, grids: Grids) -> list[str]:
    """Numbers to the right, all else to the left."""
    values = [row.get(name) for row in rows]
    # Booleans are integers to Python, and words to people.
    is_number = all(isinstance(each, int | float | None) and not isinstance(each, bool) for each in values)
    label = _label(name, grids.get(_symbol(rows[0]), grid))
    width = max(len(label), *map(len, cells))
    return [f"{each:>{width}}" if is_number else f"{each:{width}}" for each in (label, *cells)]


def _label(name: str, grid: Grid | None) -> str:
    """A field's name for people; of ticks and lots only where their market is known, so that they are decimals."""
    return name if grid is None and unit_of(name) in (Unit.TICKS, Unit.LOTS) else spoken(name)


def _cell(name: str, value: Any, row: Map, grid: Grid | None, grids: Grids) -> str:
    grid = grids.get(market_of(row), grid)
    if _is_map(value):
        return _inline(value, grid, grids)
    if isinstance(value, list):
        counted = f"{name}_{Unit.TICKS}" if name in LISTS_OF_PRICES and grid is not None else name
        return ", ".join(_cell(counted, each, row, grid, grids) for each in value)
    return _scalar(name, value, grid)


def _scalar(name: str, value: Any, grid: Grid | None) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return to_text(value, unit_of(name), grid) if isinstance(value, int) else str(value)


def _inline(value: Map, grid: Grid | None, grids: Grids) -> str:
    """`name=value` for every field that says something, maps inside with a dotted name."""
    return " ".join(f"{name}={text}" for name, text in _parts(value, grid, grids).items())


def _parts(value: Map, grid: Grid | None, grids: Grids) -> dict[str, str]:
    grid = grids.get(_symbol(value), grid)
    parts: dict[str, str] = {}
    for name, each in value.items():
        if name in HIDDEN or each in EMPTY or each in (0, False):
            continue
        if _is_map(each):
            inside = _parts(each, grid, grids)
            prefix = "" if name in UNNAMED else f"{_label(name, grid)}."
            for key, text in inside.items():
                # What stands outside is the newer word: a sliding order works at another price than was ordered.
                parts.setdefault(f"{prefix}{key}", text)
        else:
            text = _cell(name, each, value, grid, grids)
            parts[_label(name, grid)] = repr(text) if " " in text else text
    return parts


def _symbol(value: Map) -> str:
    """The market that a map is about, or one of the maps inside whose fields are shown as its own."""
    inside = (_symbol(value[name]) for name in UNNAMED if _is_map(value.get(name)))
    return market_of(value) or next(inside, "")


def _is_map(value: Any) -> bool:
    return isinstance(value, dict)
