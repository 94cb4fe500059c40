"""What can be typed after `counterweight exchange`: made from the catalogue and from the table of questions."""

import textwrap
from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import inspect

from common.exchange.intake import ADMIN_KINDS, COMMANDS
from common.exchange.queries.table import QUERIES, Query
from common.exchange.terms import Node, Term, describe, optional, summary
from services.console import exit_codes
from services.console.exchange.fields import COMMAND_WORDS, NAMED_BY_US, kebab, terms_for_people
from services.console.exchange.units import Unit, spoken, unit_of

WIDTH = 100
KNOWN = frozenset(COMMANDS.values())

HELP = f"""usage: counterweight exchange [--venue V] [--config FOLDER] [--json] [--admin] WORDS...

Tell a venue's exchange what to do and ask it what it knows.

  counterweight exchange commands [WORD]                 every command, or those whose name has WORD in it
  counterweight exchange COMMAND field=value ...         carry out one command
  counterweight exchange COMMAND --help                  its fields and what they mean
  counterweight exchange show                            every question
  counterweight exchange show QUESTION [value ...]       ask one
  counterweight exchange events                          the newest events of the venue's rooms

  --venue V    the venue (default: the only one whose exchange this fleet runs)
  --admin      as the venue's operator: speak for the world outside (marks, levels) and for the venue itself
  --json       one JSON object, in which numbers are the exchange's own integers
  --config     folder of fleet.toml

Values:
  money        a decimal: units=100.5
  prices       a decimal: price=2680.50; or ticks: price_ticks=268050
  quantities   a decimal: quantity=0.5; or lots: quantity_lots=5000
  times        lock_up=1d, expires=+60s (from now), or nanoseconds
  maps, lists  JSON, or for one field of a map: trigger.kind=stop_loss trigger.price=2500; plain lists: a,b,c
A value without a name is the next field's: show book ETH-USDT 5. A nonce (nonce=7) makes a command safe to repeat.

Examples:
  counterweight exchange deposit account=alice asset=USDT units=100.5
  counterweight exchange set-leverage account=paper symbol=ETH-USDT-PERP leverage=5
  counterweight exchange place-order account=alice symbol=ETH-USDT side=buy quantity=0.5 price=2400 post_only=yes
  counterweight exchange set-mark symbol=ETH-USDT-PERP price=2680 --admin
  counterweight exchange show account alice

{exit_codes.TABLE}
An exchange's refusal is 1, and so is a batch of which an item was refused; then nothing, or only the other items,
changed. A field that does not fit is 2. 69 after a command was sent: it is not known whether it was carried out."""


def command_list(word: str) -> list[str]:
    """Every command whose name has a word in it, with its fields."""
    lines: list[str] = []
    for typed, name in sorted(COMMAND_WORDS.items()):
        if word.lower() in typed or word in name:
            kind = COMMANDS[name]
            lines += [f"{typed}{' (admin)' if kind in ADMIN_KINDS else ''}", *_wrapped(f"{summary(kind)}.", 4)]
            lines += _wrapped(" ".join(_usage(terms_for_people(kind))), 8)
    return lines


def command_data(word: str) -> list[dict[str, Any]]:
    """The same for programs."""
    return [
        {"command": typed, "kind": name, "admin": COMMANDS[name] in ADMIN_KINDS, "meaning": summary(COMMANDS[name]),
         "fields": _fields_data(COMMANDS[name])}
        for typed, name in sorted(COMMAND_WORDS.items()) if word.lower() in typed or word in name
    ]  # fmt: skip


def query_list() -> list[str]:
    """Every question, with its arguments."""
    lines: list[str] = []
    for name, query in sorted(QUERIES.items()):
        usage = " ".join(_usage(terms_for_people(query.arguments)))
        lines += [f"show {name.replace('_', '-')} {usage}".rstrip(), *_wrapped(f"{query.meaning}.", 4)]
    return lines


def query_data() -> list[dict[str, Any]]:
    """The same for programs."""
    return [
        {"query": name, "meaning": query.meaning, "arguments": _fields_data(query.arguments)}
        for name, query in sorted(QUERIES.items())
    ]


def command_help(name: str) -> list[str]:
    """One command: what it does, and each field."""
    kind = COMMANDS[name]
    admin = " --admin" if kind in ADMIN_KINDS else ""
    usage = f"counterweight exchange {kebab(name)}{admin} {' '.join(_usage(terms_for_people(kind)))}"
    return [*_usage_lines(usage), "", *_paragraphs(kind), "", *_field_lines(kind)]


def query_help(query: Query) -> list[str]:
    """One question: what it answers, and each argument."""
    usage = f"counterweight exchange show {query.name.replace('_', '-')} "
    usage += " ".join(_usage(terms_for_people(query.arguments)))
    return [*_usage_lines(usage), "", *_wrapped(f"{query.meaning}.", 0), "", *_field_lines(query.arguments)]


def _usage_lines(text: str) -> list[str]:
    return textwrap.wrap(f"usage: {text}", WIDTH, subsequent_indent=" " * 11)


def _paragraphs(kind: type) -> Iterator[str]:
    """The docstring as far as it is prose; its lines on fields stand beside the fields."""
    for paragraph in (kind.__doc__ or "").split("\n\n"):
        lines = [line.strip() for line in paragraph.splitlines()]
        if not any("  " in line for line in lines):
            yield from _wrapped(" ".join(lines).strip(), 0)


def _field_lines(kind: type[msgspec.Struct]) -> list[str]:
    terms = terms_for_people(kind)
    width = max((len(spoken(name)) for name in terms), default=0)
    lines: list[str] = []
    for name, term in terms.items():
        words = [_value_words(term)]
        if not term.is_required and term.default not in ("", None, 0, ()):
            words.append(f"default: {_default_text(term.default)}")
        if term.is_required and name == NAMED_BY_US:
            words.append("made up when left out")
        if term.meaning:
            words.append(term.meaning.rstrip("."))
        lines += textwrap.wrap(
            f"  {spoken(name):{width}}  {'; '.join(words)}", WIDTH, subsequent_indent=" " * (width + 4)
        )
        lines += [f"{' ' * (width + 6)}{line}" for line in _inner_lines(optional(term.node))]
    return lines


def _inner_lines(node: Node) -> list[str]:
    """The fields of a map inside, or of each kind that it may be; commands have a help of their own."""
    if isinstance(node, inspect.UnionType):
        kinds = [each for each in node.types if isinstance(each, inspect.StructType) and each.cls not in KNOWN]
        return [
            line for each in kinds for line in (f".type={each.tag}", *(f"  {inner}" for inner in _inner_lines(each)))
        ]
    if not isinstance(node, inspect.StructType):
        return []
    terms = terms_for_people(node.cls)
    width = max(len(spoken(name)) for name in terms)
    return [f".{spoken(name):{width}}  {_value_words(term)}" for name, term in terms.items()]


def _usage(terms: dict[str, Term]) -> Iterator[str]:
    for name, term in terms.items():
        said = f"{spoken(name)}={_placeholder(optional(term.node), name)}"
        yield said if term.is_required and name != NAMED_BY_US else f"[{said}]"


def _placeholder(node: Node, name: str) -> str:
    if isinstance(node, inspect.EnumType):
        return "|".join(str(each.value) for each in node.cls)
    if isinstance(node, inspect.BoolType):
        return "yes|no"
    if isinstance(node, inspect.IntType):
        units = {Unit.TICKS: "PRICE", Unit.LOTS: "QUANTITY", Unit.MONEY: "MONEY", Unit.TIME: "TIME"}
        return units.get(unit_of(name), "N")
    return "TEXT" if isinstance(node, inspect.StrType) else "JSON"


def _value_words(term: Term) -> str:
    node = optional(term.node)
    if not isinstance(node, inspect.IntType):
        return term.expected
    words = {
        Unit.TICKS: f"a price (or {term.name}, in ticks)",
        Unit.LOTS: f"a quantity (or {term.name}, in lots)",
        Unit.MONEY: "an amount of money",
        Unit.TIME: "a time",
    }.get(unit_of(term.name), describe(node))
    return f"{words}, or nothing" if node is not term.node else words


def _default_text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(msgspec.to_builtins(value))


def _fields_data(kind: type[msgspec.Struct]) -> list[dict[str, Any]]:
    return [
        {"name": name, "spoken": spoken(name), "expected": term.expected, "required": term.is_required,
         "default": msgspec.to_builtins(term.default), "meaning": term.meaning}
        for name, term in terms_for_people(kind).items()
    ]  # fmt: skip


def _wrapped(text: str, indent: int) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=" " * indent, subsequent_indent=" " * indent)
