"""One deterministic example of every message, made from its field types. `python -m tests.unit.messages.examples`
writes the golden frames of a new protocol version; frames of a released version are never rewritten.
"""

import json
import types
import typing
from enum import Enum
from pathlib import Path
from typing import Any

import msgspec

from common.messages import MESSAGE_TYPES, PROTOCOL_VERSION, Message, encode
from tests.conftest import PROJECT

GOLDEN = PROJECT / "tests" / "data" / f"messages_v{PROTOCOL_VERSION}.json"


def example(kind: type[Message]) -> Message:
    """A message whose every field is set, optional ones included."""
    hints = typing.get_type_hints(kind)
    return kind(**{field.name: _value(hints[field.name], field.name) for field in msgspec.structs.fields(kind)})


def _value(hint: Any, name: str) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        return _value(next(each for each in arguments if each is not type(None)), name)
    if origin is list:
        return [_value(arguments[0], name)]
    if origin is tuple:
        return tuple(_value(each, name) for each in arguments)
    if origin is dict:
        return {"key": _value(arguments[-1] if not isinstance(arguments[-1], types.UnionType) else int, name)}
    if isinstance(hint, type) and issubclass(hint, Message):
        return example(hint)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return next(iter(hint))
    weight = sum(name.encode())
    if hint is Any:
        return {"integer": weight, "list": [name, True, None]}
    return {int: weight, float: weight + 0.5, str: name, bool: True, bytes: name.encode()}[hint]


def main() -> None:
    """Write the golden frames."""
    frames = {kind.__name__: encode(example(kind)).hex() for kind in MESSAGE_TYPES}
    Path(GOLDEN).write_text(json.dumps(frames, indent=1) + "\n")


if __name__ == "__main__":
    main()
