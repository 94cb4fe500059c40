"""Every message is registered, documented and really used."""

import ast
import re
from functools import cache

import pytest

import common.messages
from common.messages import MESSAGE_TYPES, Message
from tests.house.source import PROJECT, modules, tree

NAMES = sorted(kind.__name__ for kind in MESSAGE_TYPES)


@cache
def _made() -> frozenset[str]:
    """Names of everything that the product makes, outside of the protocol itself."""
    product = [
        each for each in (*modules("common"), *modules("services")) if not each.is_relative_to("common/messages")
    ]
    calls = (node for module in product for node in ast.walk(tree(module)) if isinstance(node, ast.Call))
    return frozenset(call.func.id for call in calls if isinstance(call.func, ast.Name))


def _nested() -> set[str]:
    """Messages that are fields of other messages."""
    text = "\n".join(str(kind.__annotations__) for kind in Message.__subclasses__())
    return {kind.__name__ for kind in Message.__subclasses__() if re.search(rf"\b{kind.__name__}\b", text)}


def test_every_message_is_registered() -> None:
    missing = {kind.__name__ for kind in Message.__subclasses__()} - set(NAMES) - _nested()
    assert not missing, f"no decoder knows {sorted(missing)}: add them to envelope.MESSAGE_TYPES"


def test_exported_names_are_sorted_and_complete() -> None:
    exported = common.messages.__all__
    assert sorted(set(exported)) == sorted(exported)
    assert set(NAMES) <= set(exported)


@pytest.mark.parametrize("name", NAMES)
def test_message_is_made_somewhere(name: str) -> None:
    assert name in _made(), f"nobody makes {name}: delete it"


@pytest.mark.parametrize("name", NAMES)
def test_message_is_documented(name: str) -> None:
    assert re.search(rf"\b{name}\b", (PROJECT / "common" / "messages" / "README.md").read_text())
