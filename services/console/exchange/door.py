"""From the words of a command line to a request, and from its answer to lines and an exit code."""

import argparse
from decimal import Decimal
from difflib import get_close_matches
from typing import Any

from common.exchange.intake import COMMANDS
from common.exchange.queries.table import QUERIES
from common.messages import (
    ExchangeCommandExecuted,
    ExchangeEventOccurred,
    ExchangeReported,
    ExecuteExchangeCommand,
    QueryExchange,
    QuerySnapshot,
    Rejected,
    SnapshotReported,
    decode,
)
from common.model.errors import PeerUnavailable
from common.model.ids import process_name
from services.console import exit_codes
from services.console.exchange import listing
from services.console.exchange.fields import COMMAND_WORDS, read_words
from services.console.exchange.tables import draw, event_line
from services.console.exchange.units import Grid, Grids, Unreadable, moment
from services.console.questions import Answer, ask
from services.console.site import Site, open_site
from services.console.voice import Voice

SERVICE = "paper_exchange"
CONNECT_TIMEOUT_S, ANSWER_TIMEOUT_S = 2.0, 5.0
WRONG_WORDS = frozenset({"invalid", "admin_only"})
"""Refusals that say that the request itself cannot be right."""

REFUSALS = frozenset({"OrderRejected", "CancelRejected", "AmendRejected", "CommandRefused"})


class Stopped(Exception):
    """The command ends here, with an exit code and what to say."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


def run(options: argparse.Namespace) -> int:
    """Carry out what the words after `counterweight exchange` say."""
    options = _all_options(options)
    voice = Voice(options)
    first, *rest = options.words or [""]
    try:
        if options.help:
            return _help(voice, first, rest)
        if first == "commands":
            return _commands(voice, rest)
        if first == "show" and not rest:
            return _questions(voice)
        if not first:
            return voice.finish(exit_codes.USAGE, listing.HELP)
        talk = Talk(options)
        if first == "show":
            return _show(voice, talk, rest)
        if first == "events":
            return _events(voice, talk)
        return _execute(voice, talk, first, rest, options.admin)
    except Unreadable as error:
        return voice.finish(exit_codes.USAGE, f"counterweight exchange {first}: {error}")
    except Stopped as stopped:
        return voice.finish(stopped.code, f"counterweight exchange: {stopped}")


class Talk:
    """Requests to one venue's exchange."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._site = open_site(options.config)
        self.process = _process_of(self._site, options.venue)

    def ask(self, query: str, arguments: dict[str, Any], timeout_s: float = ANSWER_TIMEOUT_S) -> ExchangeReported:
        """The answer to a question. Raises Stopped."""
        reply = ask(self._site, self.process, QueryExchange(query=query, arguments=arguments), timeout_s)
        if isinstance(reply, ExchangeReported):
            return reply
        raise _stopped(reply, f"{self.process} does not answer; `counterweight up` starts the fleet")

    def execute(self, kind: str, fields: dict[str, Any], admin: bool) -> ExchangeCommandExecuted:
        """What a command did. Raises Stopped."""
        command = ExecuteExchangeCommand(kind=kind, fields=fields, admin=admin)
        reply = ask(self._site, self.process, command, ANSWER_TIMEOUT_S)
        if isinstance(reply, ExchangeCommandExecuted):
            return reply
        if isinstance(reply, PeerUnavailable):
            raise _stopped(reply, f"{self.process} does not answer; nothing was sent")
        raise _stopped(reply, f"no answer in {ANSWER_TIMEOUT_S:g} s, so {kind} may have been carried out or not")

    def grids(self) -> Grids:
        """The grids of all markets, as the venue has them. Raises Stopped."""
        rows = self.ask("markets", {}, CONNECT_TIMEOUT_S).answer["items"]
        return {row["symbol"]: Grid(Decimal(row["tick_size"]), Decimal(row["lot_size"])) for row in rows}

    def events(self) -> list[ExchangeEventOccurred]:
        """The newest events of the venue's rooms, oldest first. Raises Stopped."""
        reply = ask(self._site, self.process, QuerySnapshot(), CONNECT_TIMEOUT_S)
        if not isinstance(reply, SnapshotReported):
            raise _stopped(reply, f"{self.process} does not answer; `counterweight up` starts the fleet")
        return [fact for fact in map(decode, reply.facts) if isinstance(fact, ExchangeEventOccurred)]


def _all_options(options: argparse.Namespace) -> argparse.Namespace:
    """Options may stand before, between and after the words; those after the first word reach us as words."""
    parser = argparse.ArgumentParser(prog="counterweight exchange", add_help=False)
    parser.add_argument("words", nargs="*")
    for name in ("--json", "--admin"):
        parser.add_argument(name, action="store_true")
    parser.add_argument("-h", "--help", action="store_true")
    for name in ("--venue", "--config"):
        parser.add_argument(name)
    parser.set_defaults(**{name: value for name, value in vars(options).items() if name != "words"})
    return parser.parse_intermixed_args(options.words)


def _process_of(site: Site, venue: str) -> str:
    venues = [name.removeprefix(f"{SERVICE}-") for name in site.fleet.processes if name.startswith(f"{SERVICE}-")]
    if venue in venues or (not venue and len(venues) == 1):
        return process_name(SERVICE, venue or venues[0])
    known = ", ".join(venues) or "none"
    raise Stopped(exit_codes.USAGE, f"--venue: expected one whose exchange this fleet runs ({known}), got {venue!r}")


def _stopped(reply: Answer, silent: str) -> Stopped:
    if isinstance(reply, Rejected):
        code = exit_codes.USAGE if reply.code in WRONG_WORDS else exit_codes.FAILED
        return Stopped(code, f"{reply.detail} [{reply.code}]")
    return Stopped(exit_codes.UNAVAILABLE, f"{silent} ({reply})" if isinstance(reply, Exception) else silent)


def _execute(voice: Voice, talk: Talk, word: str, words: list[str], admin: bool) -> int:
    name = COMMAND_WORDS.get(word) or (word if word in COMMANDS else "")
    if not name:
        raise Unreadable(f"no such command{_nearest(word, [*COMMAND_WORDS, 'show', 'commands', 'events'])}")
    grids = talk.grids()
    done = talk.execute(name, read_words(COMMANDS[name], words, grids), admin)
    told = [each for each in done.events if each["type"] != "BatchItemStarted"]
    refused = sum(each["type"] in REFUSALS for each in told) if name == "Batch" else 0
    code = exit_codes.FAILED if refused else exit_codes.OK
    lines = [event_line(each, grids) for each in told] or ["done, and nothing else happened"]
    if done.events_left_off:
        lines.append(f"({done.events_left_off} more events are left off)")
    text = f"{refused} of the batch's items were refused" if refused else f"{name} carried out"
    if not voice.as_json:
        print("\n".join(lines), flush=True)
        return voice.finish(code, text if refused else "")
    return voice.finish(code, text, command=done.command, time_ns=done.time_ns, events=done.events)


def _show(voice: Voice, talk: Talk, words: list[str]) -> int:
    word, *values = words or [""]
    query = QUERIES.get(word.replace("-", "_"))
    if query is None:
        raise Unreadable(f"no such question: {word!r}{_nearest(word, list(QUERIES))}")
    grids = talk.grids()
    asked = read_words(query.arguments, values, grids)
    reported = talk.ask(query.name, asked)
    if not voice.as_json:
        print("\n".join(draw(reported.answer, grids, asked)), flush=True)
        return exit_codes.OK
    return voice.finish(
        exit_codes.OK,
        "",
        query=query.name,
        commands=reported.commands,
        time_ns=reported.time_ns,
        answer=reported.answer,
    )


def _events(voice: Voice, talk: Talk) -> int:
    events = talk.events()
    if voice.as_json:
        return voice.finish(exit_codes.OK, "", events=events)
    grids = talk.grids()
    for each in events:
        line = event_line({"type": each.kind} | each.fields, grids)
        print(f"{moment(each.time_ns)}  {each.command}.{each.index}  {line}")
    return exit_codes.OK


def _commands(voice: Voice, words: list[str]) -> int:
    word = words[0] if words else ""
    lines = listing.command_list(word)
    if not lines:
        raise Unreadable(f"no command has {word!r} in its name")
    return _tell(voice, lines, commands=listing.command_data(word))


def _help(voice: Voice, first: str, rest: list[str]) -> int:
    query = QUERIES.get(rest[0].replace("-", "_")) if rest and first == "show" else None
    if query is not None:
        return _tell(voice, listing.query_help(query))
    if first == "show":
        return _questions(voice)
    if name := COMMAND_WORDS.get(first) or (first if first in COMMANDS else ""):
        return _tell(voice, listing.command_help(name))
    return _tell(voice, [listing.HELP])


def _questions(voice: Voice) -> int:
    return _tell(voice, listing.query_list(), queries=listing.query_data())


def _tell(voice: Voice, lines: list[str], **data: Any) -> int:
    if voice.as_json:
        return voice.finish(exit_codes.OK, "" if data else "\n".join(lines), **data)
    print("\n".join(lines), flush=True)
    return exit_codes.OK


def _nearest(word: str, known: list[str]) -> str:
    near = get_close_matches(word, known, 3, 0.5)
    return f"; did you mean {' or '.join(near)}?" if near else "; `counterweight exchange --help` shows what there is"
