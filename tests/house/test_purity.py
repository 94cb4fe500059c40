"""Pure rooms decide; they do not look at the world. Time and randomness come in as arguments."""

import ast
from pathlib import Path

import pytest

from tests.house.source import PURE_ROOMS, imports, modules, tree

WORLDLY = {
    "asyncio", "aiohttp", "concurrent", "ctypes", "datetime", "fcntl", "glob", "http", "io", "logging",
    "multiprocessing", "os", "pathlib", "queue", "random", "secrets", "select", "shutil", "signal", "socket",
    "sqlite3", "ssl", "subprocess", "sys", "tempfile", "threading", "time", "tomllib",
    "urllib", "uuid", "warnings", "web3", "zmq",
}  # fmt: skip
WORLDLY_CALLS = {"open", "print", "input", "exec", "eval", "__import__", "breakpoint"}
PURE_MODULES = [module for room in PURE_ROOMS for module in modules(f"common/{room}")]


@pytest.mark.parametrize("module", PURE_MODULES, ids=str)
def test_pure_rooms_import_nothing_worldly(module: Path) -> None:
    worldly = {name for name in imports(module) if name.split(".")[0] in WORLDLY}
    assert not worldly, f"{module} imports {sorted(worldly)}"


@pytest.mark.parametrize("module", PURE_MODULES, ids=str)
def test_pure_rooms_touch_nothing_worldly(module: Path) -> None:
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in WORLDLY_CALLS, f"{module}:{node.lineno} calls {node.func.id}"
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute) and node.value.attr == "random":
            # numpy's global generator; a Generator passed in is welcome, and so is naming its type.
            assert node.attr == "Generator", f"{module}:{node.lineno} uses global randomness: random.{node.attr}"
        assert not isinstance(node, ast.Global), f"{module}:{node.lineno} keeps state in a global"
