"""The exchange core behind a paper venue, for what no venue protocol has: commands, questions, and what happened.

Fields of commands, events and answers are maps, named and typed as the Structs of `common/exchange`: prices in ticks,
quantities in lots, money in 1e-8 of the asset, rates at 1e-9, times in ns; integers beyond 64 bits are decimal texts.
"""

from typing import Any

from common.messages.base import Message


class ExecuteExchangeCommand(Message, frozen=True, kw_only=True):
    """Carry out one command of `common/exchange/catalogue.py`. Answered by ExchangeCommandExecuted or Rejected.

    `kind` is its class name, `fields` are its fields without `time_ns`, which the venue sets; nested commands and other
    alternatives name themselves in `type`. `nonce` and `by` are fields of every command: a nonce that is not above the
    last one that was accepted is refused, so a command with one is carried out at most once, however often it is sent.
    `admin` says that the caller is the venue's operator, who alone speaks for the world outside and for the venue.
    After `expires_at_ns` it is refused (0 = never).
    """

    kind: str
    fields: dict[str, Any]
    admin: bool = False
    expires_at_ns: int = 0


class ExchangeCommandExecuted(Message, frozen=True, kw_only=True):
    """A command was carried out, and it is durable. `command` is its number since the exchange's very first start.

    `events` are maps with their class in `type`, in order, without levels of the book; the first 2,000 of them,
    `events_left_off` is how many more there were. In a batch, single items may have been refused.
    """

    venue: str
    kind: str
    time_ns: int
    command: int
    events: list[dict[str, Any]]
    events_left_off: int = 0


class QueryExchange(Message, frozen=True, kw_only=True):
    """Ask one question of `common/exchange/queries/table.py`. Answered by ExchangeReported or Rejected."""

    query: str
    arguments: dict[str, Any]


class ExchangeReported(Message, frozen=True, kw_only=True):
    """Answer to QueryExchange, as of `commands` executed since the very first start, all of them durable.

    `answer` is the map of one Struct, or `{"items": [...], "left_off": n}` for a list of them.
    """

    venue: str
    query: str
    time_ns: int
    commands: int
    answer: dict[str, Any]


class ExchangeEventOccurred(Message, frozen=True, kw_only=True):
    """Something happened that no venue protocol tells. Topic `exchange.<venue>|`, after the commit.

    Orders, trades, levels, prices and refusals are left out; everything else is in. (`command`, `index`) orders all
    events of a venue over all its lives: the number of the command that caused it, and its place among the command's.
    """

    venue: str
    command: int
    index: int
    kind: str
    time_ns: int
    fields: dict[str, Any]
