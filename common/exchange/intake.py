"""From names and maps, as they come through a door, to commands; or an error that says which field, what and why.

The doors of the venue's own protocols make their commands themselves. This is the way for everybody else.
"""

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any, TypeVar, get_args

import msgspec

from common.exchange.admission import WHOLE_MAX
from common.exchange.catalogue import AnyCommand, VenueCommand, WorldCommand
from common.exchange.commands import AmendOrder, Batch, CancelOrder, Command, PlaceOrder, ReduceOrder
from common.exchange.events import (
    TREASURY_ACCOUNT,
    AmendRejected,
    BatchRejected,
    CancelRejected,
    CommandRefused,
    Event,
    OrderPlaced,
    OrderRejected,
    Refusal,
)
from common.exchange.money import Scale
from common.exchange.terms import describe, find, terms_of
from common.model.errors import CommandInvalid

S = TypeVar("S", bound=msgspec.Struct)

COMMANDS: dict[str, type[Command]] = {kind.__name__: kind for kind in get_args(AnyCommand)}
"""Every command of the catalogue by its name."""

WORLD_KINDS: frozenset[type[Command]] = frozenset(get_args(WorldCommand))
ADMIN_KINDS: frozenset[type[Command]] = frozenset(
    kind
    for kind in COMMANDS.values()
    if kind in WORLD_KINDS | frozenset(get_args(VenueCommand)) or (kind is not Batch and not hasattr(kind, "account"))
)
"""What only the venue and its operator say: what they have told as theirs, and whatever no account asks for."""

SET_BY_VENUE = frozenset({"time_ns", "type"})
TEXT_LENGTH_MAX = 200
GOT_LENGTH_MAX = 80

_ACCOUNT = re.compile(r"(?:(?:vault|pool)/)?[A-Za-z0-9_-]{1,32}", re.ASCII)
_ACCOUNT_EXPECTED = "1 to 32 letters, digits, _ or - (of a vault after vault/, of a pool after pool/)"
_AT = re.compile(r"^(.*?)(?: - at `\$\.?([^`]*)`)?$", re.DOTALL)
_MISSING = re.compile(r"^Object missing required field `(\w+)`")


def kind_of(name: str) -> type[Command]:
    """The command of a name. Raises CommandInvalid."""
    kind = COMMANDS.get(name)
    if kind is None:
        near = get_close_matches(name, COMMANDS, 3, 0.5)
        expected = f"one like {', '.join(near)}" if near else f"one of {len(COMMANDS)}, e.g. {next(iter(COMMANDS))}"
        raise CommandInvalid("command", "exchange", expected, _short(name))
    return kind


def read_command(name: str, fields: Mapping[str, Any], time_ns: int) -> Command:
    """A command with its fields, at a time that the venue says. Raises CommandInvalid."""
    kind, given = kind_of(name), dict(fields)
    if kind is Batch:
        given["items"] = [_at_venues_time(each, f"items[{n}]", name) for n, each in enumerate(_list(given, "items"))]
    command = read_struct(kind, _at_venues_time(given, "", name), name)
    for place, account in _accounts(command):
        if not _ACCOUNT.fullmatch(account):
            raise CommandInvalid(place, name, _ACCOUNT_EXPECTED, _short(account))
    return msgspec.structs.replace(command, time_ns=time_ns)


def read_struct(kind: type[S], fields: Mapping[str, Any], where: str) -> S:
    """Fields as a Struct. Raises CommandInvalid for one that is missing, unknown, of another type, or too long."""
    given, known = dict(fields), terms_of(kind)
    if unknown := next((name for name in given if name not in known), None):
        expected = ", ".join(name for name in known if name not in SET_BY_VENUE)
        expected = f"one of {expected}" if expected else "no fields"
        raise CommandInvalid(_short(unknown), where, expected, _short(given[unknown]))
    try:
        made = msgspec.convert(given, kind)
    except msgspec.ValidationError as error:
        raise _invalid(error, kind, given, where) from None
    _check_names(given, made, "", where)
    return made


def is_admins(command: Command) -> bool:
    """True for what only the venue's operator may say; its own treasury speaks through nobody else."""
    return type(command) in ADMIN_KINDS or getattr(command, "account", "") == TREASURY_ACCOUNT


def check_world(command: Command, scales: Mapping[str, Scale]) -> None:
    """Raise CommandInvalid for prices and sizes of the outside world that make no sense."""
    scale = scales.get(getattr(command, "symbol", ""))
    for place, price, lots, lots_min in _levels(command):
        where = type(command).__name__
        if not 1 <= price <= WHOLE_MAX:
            raise CommandInvalid(place, where, f"a price of 1 to {WHOLE_MAX} ticks", price)
        if not lots_min <= lots <= WHOLE_MAX:
            raise CommandInvalid(place, where, f"{lots_min} to {WHOLE_MAX} lots", lots)
        if scale is not None and scale.quote_units(price, lots) > WHOLE_MAX:
            raise CommandInvalid(place, where, f"at most {WHOLE_MAX} units of {scale.quote} in all", (price, lots))


def refusal_of(command: Command, events: list[Event]) -> Refusal | None:
    """Why a command changed nothing, from what happened; None when it did something."""
    if isinstance(command, PlaceOrder) and any(isinstance(e, OrderPlaced) and e.terms is command for e in events):
        return None
    return next((each for each in events if isinstance(each, Refusal) and _answers(each, command)), None)


def _answers(event: Refusal, command: Command) -> bool:
    if isinstance(event, CommandRefused):
        return event.command == type(command).__name__
    if isinstance(event, BatchRejected):
        return isinstance(command, Batch)
    if isinstance(event, OrderRejected):
        return isinstance(command, PlaceOrder) and _same(event, command, "account", "symbol", "client_order_id")
    names = "account", "symbol", "order_id", "client_order_id"
    if isinstance(event, CancelRejected):
        return isinstance(command, CancelOrder) and _same(event, command, *names)
    assert isinstance(event, AmendRejected)  # there are no others
    return isinstance(command, AmendOrder | ReduceOrder) and _same(event, command, *names)


def _same(event: Event, command: Command, *names: str) -> bool:
    return all(getattr(event, name) == getattr(command, name) for name in names)


def _list(fields: Mapping[str, Any], name: str) -> list[Any]:
    value = fields.get(name, [])
    if not isinstance(value, list | tuple):
        raise CommandInvalid(name, Batch.__name__, terms_of(Batch)[name].expected, _short(value))
    return list(value)


def _at_venues_time(fields: Any, place: str, where: str) -> Any:
    """The fields of a command with a time; the caller must not have set any."""
    if not isinstance(fields, dict):
        return fields
    for name in SET_BY_VENUE if not place else ("time_ns",):
        if name in fields:
            raise CommandInvalid(f"{place}.{name}".lstrip("."), where, "nothing: the venue sets it", fields[name])
    return fields | {"time_ns": 0}


def _accounts(command: Command) -> Iterator[tuple[str, str]]:
    if isinstance(command, Batch):
        yield from ((f"items[{index}].account", item.account) for index, item in enumerate(command.items))
    elif (account := getattr(command, "account", None)) is not None:
        yield "account", account


def _levels(command: Command) -> Iterator[tuple[str, int, int, int]]:
    if type(command) not in WORLD_KINDS:
        return
    for side in ("bids", "asks"):
        for index, (price, lots) in enumerate(getattr(command, side, ())):
            yield f"{side}[{index}]", price, lots, 0
    for side in ("bid", "ask"):
        if hasattr(command, side):
            price, lots = getattr(command, side)
            yield side, price, lots, 0
    if hasattr(command, "price_ticks"):
        yield "price_ticks", command.price_ticks, getattr(command, "quantity_lots", 1), 1


def _invalid(error: msgspec.ValidationError, kind: type, given: dict[str, Any], where: str) -> CommandInvalid:
    """msgspec's words, as field, expected and got."""
    match = _AT.match(str(error))
    words, path = (match[1], match[2] or "") if match else (str(error), "")
    if missing := _MISSING.match(words):
        path = f"{path}.{missing[1]}".lstrip(".")
    node, value = find(msgspec.inspect.type_info(kind), given, path)
    if path.endswith(".type"):
        node, _ = find(msgspec.inspect.type_info(kind), given, path.removesuffix(".type"))
    if missing:
        return CommandInvalid(path, where, "nothing to be left out" if node is None else describe(node), "nothing")
    return CommandInvalid(path or "fields", where, words if node is None else describe(node), _short(value))


def _check_names(given: Any, made: Any, path: str, where: str) -> None:
    """Raise CommandInvalid for a name that nothing came of, and for a text that is too long."""
    if isinstance(given, dict):
        is_struct = isinstance(made, msgspec.Struct)
        for name, value in given.items():
            place = f"{path}.{name}".lstrip(".")
            _check_length(name, place, where)
            if is_struct and name not in made.__struct_fields__:
                if name == "type" and path:
                    continue
                known = ", ".join(each for each in made.__struct_fields__ if each not in SET_BY_VENUE)
                raise CommandInvalid(_short(place), where, f"one of {known}", _short(value))
            _check_names(value, getattr(made, name) if is_struct else made[name], place, where)
    elif isinstance(given, list | tuple):
        for index, (each, read) in enumerate(zip(given, made, strict=True)):
            _check_names(each, read, f"{path}[{index}]", where)
    else:
        _check_length(given, path, where)


def _check_length(value: Any, place: str, where: str) -> None:
    if isinstance(value, str) and len(value) > TEXT_LENGTH_MAX:
        raise CommandInvalid(_short(place), where, f"at most {TEXT_LENGTH_MAX} characters", f"{len(value)} of them")


def _short(value: Any) -> Any:
    text = value if isinstance(value, str) else repr(value)
    return value if len(text) <= GOT_LENGTH_MAX else f"{text[:GOT_LENGTH_MAX]}..."
