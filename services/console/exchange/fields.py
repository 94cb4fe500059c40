"""`field=value` words to the fields of a command or question, as its own types want them."""

import json
import time
from collections.abc import Mapping
from decimal import Decimal
from difflib import get_close_matches
from typing import Any

import msgspec
from msgspec import inspect

from common.exchange.intake import COMMANDS, SET_BY_VENUE
from common.exchange.queries.table import INTEGER_MAX, INTEGER_MIN
from common.exchange.terms import Node, Term, describe, member, optional, terms_of
from common.model.ids import base36
from services.console.exchange.units import Grid, Grids, Unit, Unreadable, market_of, spoken, to_integer, unit_of

YES, NO = frozenset({"true", "yes", "on", "1"}), frozenset({"false", "no", "off", "0"})
NOTHING = frozenset({"none", "null", ""})
PAIRS = frozenset({"bids", "asks", "bid", "ask"})
"""Fields whose pairs are a price and a quantity."""

NOT_SAID = SET_BY_VENUE | {"link"}
"""What nobody outside of the exchange says."""

COMMON = frozenset({"by", "nonce"})
"""What every command has; it comes last."""

NAMED_BY_US = "client_order_id"
"""Made up when a command needs it and nobody says it."""


def kebab(kind: str) -> str:
    """`SetLeverage` as `set-leverage`."""
    return "".join(f"-{each.lower()}" if each.isupper() else each for each in kind).lstrip("-")


COMMAND_WORDS = {kebab(name): name for name in COMMANDS}
"""Commands as they are typed."""


def terms_for_people(kind: type[msgspec.Struct]) -> dict[str, Term]:
    """What a person may say about a command or question, its own fields first and those of every command last."""
    terms = {name: term for name, term in terms_of(kind).items() if name not in NOT_SAID}
    common = {name: terms.pop(name) for name in list(terms) if name in COMMON}
    return terms | common


def read_words(kind: type[msgspec.Struct], words: list[str], grids: Grids) -> dict[str, Any]:
    """The fields that `words` say. A word without `=` is the value of the next field in order.

    `a.b=c` is field b of the map a; maps and lists may be JSON too. Raises Unreadable, which names the field.
    """
    said: dict[str, Any] = {}
    free = list(terms_for_people(kind))
    for word in words:
        name, is_named, value = word.partition("=")
        if not is_named:
            name = next((spoken(each) for each in free if not {each, spoken(each)} & set(said)), "")
            value = word
            if not name:
                raise Unreadable(f"{word!r} is one value too many")
        _put(said, name.split("."), value)
    struct = inspect.type_info(kind)
    assert isinstance(struct, inspect.StructType)
    return _read_struct(struct, said, "", None, grids)


def _put(tree: dict[str, Any], path: list[str], value: str) -> None:
    *parents, last = (each.replace("-", "_") for each in path)
    for each in parents:
        tree = tree.setdefault(each, {})
        if not isinstance(tree, dict):
            raise Unreadable(f"{'.'.join(path)}: {each} has a value already")
    if last in tree:
        raise Unreadable(f"{'.'.join(path)} is said twice")
    tree[last] = value


def _read_struct(
    struct: inspect.StructType, said: Mapping[str, Any], path: str, grid: Grid | None, grids: Grids
) -> dict[str, Any]:
    by_name = {each.name: each for each in struct.fields if each.name not in NOT_SAID | COMMON}
    by_name |= {each.name: each for each in struct.fields if each.name in COMMON}
    by_spoken = {spoken(name): name for name in by_name} | {name: name for name in by_name}
    if symbol := market_of(said):
        if symbol not in grids:
            raise Unreadable(f"{path}.symbol: expected one of {', '.join(grids)}, got {symbol!r}".lstrip("."))
        grid = grids[symbol]
    fields: dict[str, Any] = {}
    for word, value in said.items():
        place = f"{path}.{word}".lstrip(".")
        if word == "type" and struct.tag is not None and path:
            fields["type"] = struct.tag
            continue
        name = by_spoken.get(word)
        if name is None:
            near = [f"; did you mean {each}?" for each in get_close_matches(word, by_spoken, 1, 0.5)]
            known = ", ".join(spoken(each) for each in by_name)
            raise Unreadable(f"{place}: no such field{''.join(near)} (there are: {known})")
        if name in fields:
            raise Unreadable(f"{place} is said twice, in two units")
        # Under its own name a price or a quantity is the integer that the exchange takes; money is always decimal.
        unit = unit_of(name) if word != name or unit_of(name) in (Unit.MONEY, Unit.TIME) else Unit.NOTHING
        fields[name] = _read(by_name[name].type, value, place, unit, grid, grids)
    for name, field in by_name.items():
        if field.required and name not in fields:
            if name != NAMED_BY_US:
                raise Unreadable(f"{f'{path}.{spoken(name)}'.lstrip('.')} is missing: {describe(field.type)}")
            fields[name] = f"console-{base36(time.time_ns())}"
    return fields


def _read(node: Node, value: Any, place: str, unit: Unit, grid: Grid | None, grids: Grids) -> Any:
    """A value, from text or from JSON, as its type wants it."""
    if value is None or (isinstance(value, str) and value.lower() in NOTHING and _may_be_nothing(node)):
        if not _may_be_nothing(node):
            raise Unreadable(f"{place}: expected {describe(node)}, got nothing")
        return None
    node = optional(node)
    if isinstance(node, inspect.UnionType):
        return _read_member(node, _json(value, place, node), place, grid, grids)
    if isinstance(node, inspect.StructType):
        said = _json(value, place, node)
        if not isinstance(said, dict):
            raise Unreadable(f"{place}: expected {describe(node)}, got {said!r}")
        return _read_struct(node, said, place, grid, grids)
    if isinstance(node, inspect.DictType):
        return _read_map(node, _json(value, place, node), place, unit, grids)
    if isinstance(node, inspect.ListType | inspect.VarTupleType | inspect.TupleType):
        return _read_list(node, value, place, grid, grids)
    return _read_scalar(node, value, place, unit, grid)


def _read_member(node: inspect.UnionType, said: Any, place: str, grid: Grid | None, grids: Grids) -> Any:
    if isinstance(said, dict) and "type" in said:
        kind = str(said["type"])
        said = said | {"type": COMMAND_WORDS.get(kind, kind.replace("-", "_"))}
    chosen = member(node, said)
    if not isinstance(chosen, inspect.StructType):
        raise Unreadable(f"{place}: expected {describe(node)}, got {said!r}")
    return _read_struct(chosen, said, place, grid, grids)


def _read_map(node: inspect.DictType, said: Any, place: str, unit: Unit, grids: Grids) -> dict[str, Any]:
    if not isinstance(said, dict):
        raise Unreadable(f"{place}: expected {describe(node)}, got {said!r}")
    return {
        name: _read(node.value_type, each, f"{place}.{name}", unit, grids.get(name), grids)
        for name, each in said.items()
    }


def _read_list(node: Any, value: Any, place: str, grid: Grid | None, grids: Grids) -> list[Any]:
    said = _json(value, place, node) if str(value).lstrip().startswith("[") else value
    if isinstance(said, str):
        said = [each.strip() for each in said.split(",") if each.strip()]
    if not isinstance(said, list):
        raise Unreadable(f"{place}: expected {describe(node)}, got {value!r}")
    if not isinstance(node, inspect.TupleType):
        return [_read(node.item_type, each, f"{place}[{n}]", Unit.NOTHING, grid, grids) for n, each in enumerate(said)]
    if len(said) != len(node.item_types):
        raise Unreadable(f"{place}: expected {describe(node)}, got {value!r}")
    units = (Unit.TICKS, Unit.LOTS) if place.partition("[")[0] in PAIRS else (Unit.NOTHING,) * len(said)
    pairs = enumerate(zip(node.item_types, said, units, strict=True))
    return [_read(kind, each, f"{place}[{n}]", unit, grid, grids) for n, (kind, each, unit) in pairs]


def _read_scalar(node: Node, value: Any, place: str, unit: Unit, grid: Grid | None) -> Any:
    if isinstance(node, inspect.IntType) and not isinstance(value, bool):
        try:
            number = to_integer(str(value).replace("_", ""), unit, grid)
        except Unreadable as error:
            raise Unreadable(f"{place}: {error}") from None
        if not INTEGER_MIN <= number <= INTEGER_MAX:
            raise Unreadable(f"{place}: expected an integer of at most 64 bits, got {value!r}")
        return number
    if isinstance(node, inspect.BoolType):
        if str(value).lower() in YES | NO:
            return str(value).lower() in YES
    elif isinstance(node, inspect.EnumType):
        known = [str(each.value) for each in node.cls]
        if (chosen := str(value).lower().replace("-", "_")) in known:
            return chosen
    elif isinstance(node, inspect.StrType) and isinstance(value, str | int | Decimal) and not isinstance(value, bool):
        return str(value)
    raise Unreadable(f"{place}: expected {describe(node)}, got {value!r}")


def _json(value: Any, place: str, node: Node) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value, parse_float=Decimal)
    except ValueError as error:
        raise Unreadable(f"{place}: expected {describe(node)} as JSON, got {value!r} ({error})") from None


def _may_be_nothing(node: Node) -> bool:
    return isinstance(node, inspect.UnionType) and any(isinstance(each, inspect.NoneType) for each in node.types)
