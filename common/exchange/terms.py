"""What a command or a question takes, field by field: types, defaults and meanings, read off the Structs themselves."""

import re
from functools import cache
from inspect import cleandoc
from typing import Any

import msgspec
from msgspec import inspect

Node = inspect.Type
"""The type of a field, as msgspec sees it."""

_TOKEN = re.compile(r"\.?(\w+)|\[(\d+|\.\.\.)\]")
_SENTENCE_ENDS = re.compile(r"[.:] (?=[A-Z])")
_MEANING = re.compile(r"^(\w+(?:, \w+)*) {2,}(\S.*)$")
_WORDS: dict[type[Node], str] = {
    inspect.IntType: "an integer",
    inspect.StrType: "text",
    inspect.BoolType: "true or false",
    inspect.NoneType: "nothing",
    inspect.DecimalType: "a decimal number",
}


class Term(msgspec.Struct, frozen=True):
    """One field: `expected` says its type in words, `meaning` is the docstring's word on it (may be empty)."""

    name: str
    node: Node
    is_required: bool
    default: Any
    expected: str
    meaning: str


@cache
def terms_of(kind: type[msgspec.Struct]) -> dict[str, Term]:
    """The fields of a Struct by name, in their order."""
    struct, meanings = inspect.type_info(kind), _meanings(kind)
    assert isinstance(struct, inspect.StructType)
    return {each.name: _term(each, meanings.get(each.name, "")) for each in struct.fields}


def summary(kind: object) -> str:
    """The first sentence of a docstring."""
    text = " ".join(cleandoc(kind.__doc__ or "").partition("\n\n")[0].split())
    return _SENTENCE_ENDS.split(text, 1)[0].rstrip(".")


def describe(node: Node) -> str:
    """A type in words."""
    if isinstance(node, inspect.EnumType):
        return f"one of {', '.join(str(each.value) for each in node.cls)}"
    if isinstance(node, inspect.UnionType):
        return _describe_union(node)
    if isinstance(node, inspect.ListType | inspect.VarTupleType):
        return f"a list of {_plural(node.item_type)}"
    if isinstance(node, inspect.TupleType):
        return f"a list [{', '.join(describe(each) for each in node.item_types)}]"
    if isinstance(node, inspect.DictType):
        return f"a map from text to {describe(node.value_type)}"
    if isinstance(node, inspect.StructType):
        return f"a map of {', '.join(each.name for each in node.fields)}"
    return _WORDS.get(type(node), type(node).__name__.removesuffix("Type").lower())


def optional(node: Node) -> Node:
    """What a type is when it is there: of `X | None`, X."""
    if isinstance(node, inspect.UnionType):
        rest = tuple(each for each in node.types if not isinstance(each, inspect.NoneType))
        return rest[0] if len(rest) == 1 else inspect.UnionType(rest)
    return node


def find(node: Node, value: Any, path: str) -> tuple[Node | None, Any]:
    """The type and the value at a path such as `items[2].trigger.kind`; None for what is not there."""
    here: Node | None = node
    for name, index in _TOKEN.findall(path):
        here = None if here is None else _step(optional(here), value, name or index)
        value = _inside(value, name, index)
    return here, value


def member(node: inspect.UnionType, value: Any) -> Node | None:
    """The Struct of a union that a map with this `type` is."""
    tag = value.get("type") if isinstance(value, dict) else None
    return next((each for each in node.types if isinstance(each, inspect.StructType) and each.tag == tag), None)


def _term(field: inspect.Field, meaning: str) -> Term:
    default = field.default
    if field.default_factory is not msgspec.NODEFAULT:
        default = field.default_factory()
    required = default is msgspec.NODEFAULT
    return Term(field.name, field.type, required, None if required else default, describe(field.type), meaning)


def _meanings(kind: type) -> dict[str, str]:
    """Lines `name  what it means` of a docstring and of those of its bases; what goes on below is indented deeper."""
    found: dict[str, str] = {}
    for each in kind.__mro__[::-1]:
        names: list[str] = []
        for line in cleandoc(each.__doc__ or "").splitlines() if issubclass(each, msgspec.Struct) else ():
            if match := _MEANING.match(line):
                names = match[1].split(", ")
                found |= dict.fromkeys(names, match[2])
            elif names and line.startswith("  "):
                found |= {name: f"{found[name]} {line.strip()}" for name in names}
            else:
                names = []
    return found


def _describe_union(node: inspect.UnionType) -> str:
    parts = [each for each in node.types if not isinstance(each, inspect.NoneType)]
    if all(isinstance(each, inspect.StructType) for each in parts) and len(parts) > 1:
        names = ", ".join(str(each.tag) for each in parts if isinstance(each, inspect.StructType))
        words = f"a map whose type is one of {names}"
    else:
        words = " or ".join(describe(each) for each in parts)
    return f"{words}, or nothing" if len(parts) < len(node.types) else words


def _plural(node: Node) -> str:
    words = describe(node)
    plurals = {"an integer": "integers", "text": "texts", "a decimal number": "decimal numbers"}
    return plurals.get(words, words.replace("a map", "maps", 1).replace("a list", "lists", 1))


def _step(node: Node, value: Any, token: str) -> Node | None:
    if isinstance(node, inspect.UnionType):
        chosen = member(node, value)
        return None if chosen is None else _step(chosen, value, token)
    if isinstance(node, inspect.StructType):
        return next((each.type for each in node.fields if each.encode_name == token), None)
    if isinstance(node, inspect.ListType | inspect.VarTupleType):
        return node.item_type
    if isinstance(node, inspect.TupleType):
        return node.item_types[int(token)] if token.isdecimal() and int(token) < len(node.item_types) else None
    return node.value_type if isinstance(node, inspect.DictType) else None


def _inside(value: Any, name: str, index: str) -> Any:
    if isinstance(value, dict) and name:
        return value.get(name)
    if isinstance(value, list | tuple) and index.isdecimal() and int(index) < len(value):
        return value[int(index)]
    return None
