"""The table of questions. A new one is a function from an exchange to Structs, and a line here."""

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from inspect import Parameter, signature
from math import isfinite
from typing import Any, get_type_hints

import msgspec

from common.exchange.analytics.engine import Analytics
from common.exchange.events import RejectReason
from common.exchange.exchange import Exchange
from common.exchange.grids.engine import Grids
from common.exchange.intake import read_struct
from common.exchange.pools.engine import Pools
from common.exchange.queries import accounts, markets, orders, perpetuals, state
from common.exchange.queries.bounds import ROWS_MAX
from common.exchange.quotes.engine import Quotes
from common.exchange.refusal import Refused
from common.exchange.strategies.engine import Strategies
from common.exchange.terms import summary
from common.exchange.vaults.engine import Vaults
from common.model.errors import CommandInvalid, RequestRefused

INTEGER_MIN, INTEGER_MAX = -(2**63), 2**64 - 1
"""What msgpack can hold; answers have larger numbers as decimal texts."""


class Query(msgspec.Struct, frozen=True):
    """A question: its name, what it needs as a Struct, the first sentence of its meaning, and who answers."""

    name: str
    arguments: type[msgspec.Struct]
    meaning: str
    ask: Callable[[Exchange, Mapping[str, Any]], Any]


def _query(function: Callable[..., Any], ask: Callable[[Exchange, Mapping[str, Any]], Any]) -> Query:
    """The first parameter is who answers, all others are the arguments."""
    hints, fields = get_type_hints(function), list[Any]()
    for each in list(signature(function).parameters.values())[1:]:
        hint = hints[each.name]
        fields.append((each.name, hint) if each.default is Parameter.empty else (each.name, hint, each.default))
    name = function.__name__
    made = msgspec.defstruct(f"{name.title().replace('_', '')}Arguments", fields, frozen=True, kw_only=True)
    return Query(name, made, summary(function), ask)


def of_exchange(function: Callable[..., Any]) -> Query:
    """A question that a function answers: the exchange first, then the arguments by name."""
    return _query(function, lambda exchange, arguments: function(exchange, **arguments))


def of_room(room: str, name: str, method: Callable[..., Any]) -> Query:
    """A question that a method of a room answers. Refused with FEATURE_OFF where there is no such room."""

    def ask(exchange: Exchange, arguments: Mapping[str, Any]) -> Any:
        if room not in exchange.rooms:
            raise Refused(RejectReason.FEATURE_OFF, f"this exchange has no {room}")
        return method(exchange.rooms[room], **arguments)

    return msgspec.structs.replace(_query(method, ask), name=name)


QUERIES: dict[str, Query] = {
    query.name: query
    for query in (
        of_exchange(accounts.accounts),
        of_exchange(accounts.account),
        of_exchange(accounts.balances),
        of_exchange(accounts.margin),
        of_exchange(accounts.positions),
        of_exchange(accounts.fees),
        of_exchange(accounts.nonce),
        of_exchange(orders.orders),
        of_exchange(orders.order),
        of_exchange(orders.fills),
        of_exchange(markets.markets),
        of_exchange(markets.rules),
        of_exchange(markets.book),
        of_exchange(state.features),
        of_exchange(state.fee_schedule),
        of_exchange(state.state_hash),
        of_exchange(state.holdings),
        of_exchange(perpetuals.funding),
        of_exchange(perpetuals.parts),
        of_exchange(perpetuals.liquidations),
        of_exchange(perpetuals.insurance),
        of_room("vaults", "vault", Vaults.view),
        of_room("vaults", "vault_depositors", Vaults.depositors),
        of_room("vaults", "vault_queue", Vaults.queue),
        of_room("pools", "pool", Pools.view),
        of_room("pools", "pool_holders", Pools.holders),
        of_room("grids", "grid", Grids.find),
        of_room("quotes", "quote", Quotes.find),
        of_room("strategies", "strategy", Strategies.find),
        of_room("analytics", "performance", Analytics.account),
        of_room("analytics", "tag", Analytics.tag),
        of_room("analytics", "day", Analytics.market),
        of_room("analytics", "leaders", Analytics.leaderboard),
    )
}


def answer(exchange: Exchange, name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The answer to a question as a map: a Struct's fields, or `items` of a list and how many were `left_off`.

    Anything else is a `value`. Raises CommandInvalid for an unknown question or arguments that do not fit it,
    RequestRefused for one without an answer.
    """
    query = QUERIES.get(name)
    if query is None:
        near = get_close_matches(name, QUERIES, 3, 0.5) or QUERIES
        raise CommandInvalid("query", "exchange", f"one of {', '.join(near)}", name[:80])
    read = read_struct(query.arguments, arguments, name)
    found = query.ask(exchange, {each: getattr(read, each) for each in read.__struct_fields__})
    if isinstance(found, list):
        rows = as_map(found[:ROWS_MAX])
        return {"items": rows, "left_off": max(0, len(found) - ROWS_MAX)}
    if found is None:
        raise RequestRefused("not_found", f"{name}: there is none with {dict(arguments)}")
    shown = as_map(found)
    return shown if isinstance(shown, dict) else {"value": shown}


def as_map(value: Any) -> Any:
    """A Struct (event, view, ...) as a map that msgpack can hold.

    Integers beyond 64 bits become decimal texts, and a figure that is not finite becomes None.
    """
    return _fitting(msgspec.to_builtins(value))


def _fitting(value: Any) -> Any:
    if type(value) is int:
        return value if INTEGER_MIN <= value <= INTEGER_MAX else str(value)
    if type(value) is float:
        return value if isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _fitting(each) for key, each in value.items()}
    return [_fitting(each) for each in value] if isinstance(value, list | tuple) else value
