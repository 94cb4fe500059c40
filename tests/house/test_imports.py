"""Import arrows and fences: who may know whom."""

import re
import sys
import tomllib
from pathlib import Path

import pytest

from tests.house.source import PROJECT, imports, modules

MAY_IMPORT = {
    "model": (),
    "messages": ("model",),
    "pricing": ("model",),
    "amm": ("model",),
    "exchange": ("model",),
    "accounting": ("model", "messages"),
    "risk": ("model", "messages"),
    "strategy": ("model", "messages", "pricing", "amm", "exchange", "accounting", "risk"),
    "bus": ("messages", "model"),
    "storage": ("messages", "model"),
    "venues": ("messages", "model", "amm"),
    "chain": ("messages", "model", "amm", "storage"),
    "runtime": ("bus", "storage", "messages", "model"),
}
FENCES = {
    "zmq": "common/bus",
    "sqlite3": "common/storage",
    "web3": "common/chain",
    "ccxt": "tests",
    "pandas": "tests",
}
_MODULE_OF = {"pyzmq": "zmq"}


def _third_party() -> set[str]:
    """Modules of the dependencies that pyproject.toml names."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    names = [re.split(r"[<>=\[ ;]", each)[0] for each in project["dependencies"]]
    return {_MODULE_OF.get(name, name.replace("-", "_")) for name in names}


THIRD_PARTY = _third_party()


def _room(module: Path) -> str:
    return module.parts[1] if len(module.parts) > 2 else ""


@pytest.mark.parametrize("module", modules("common"), ids=str)
def test_common_follows_the_arrows(module: Path) -> None:
    room = _room(module)
    assert not room or room in MAY_IMPORT, f"common/{room} is a new room: draw its arrows here and in common/README"
    for name in imports(module):
        assert not name.startswith(("services.", "tests.")), f"{module} imports {name}"
        if name.startswith("common."):
            other = name.split(".")[1]
            # Outside of the rooms there is only what lets their compiled form be used.
            may = (room, *MAY_IMPORT[room]) if room else ("native",)
            assert other in may, f"{module} imports {name}: not an arrow of {room}"


@pytest.mark.parametrize("module", modules("services"), ids=str)
def test_services_import_common_and_themselves(module: Path) -> None:
    for name in imports(module):
        assert not name.startswith("tests."), f"{module} imports {name}"
        if name.startswith("services."):
            assert name.split(".")[1] == _room(module), f"{module} imports another service: {name}"


@pytest.mark.parametrize("module", [*modules("common"), *modules("services")], ids=str)
def test_fences(module: Path) -> None:
    for name in imports(module):
        package = name.split(".")[0]
        fence = FENCES.get(package)
        assert fence is None or module.is_relative_to(fence), f"{module} imports {package}, which lives in {fence} only"
        known = package in sys.stdlib_module_names or package in THIRD_PARTY or package in ("common", "services")
        assert known, f"{module} imports {package}, which pyproject.toml does not name"


def test_common_readme_draws_the_same_arrows() -> None:
    text = (PROJECT / "common" / "README.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \|[^|]*\| ([^|]*) \|$", text, re.MULTILINE)
    drawn = {room: set(re.findall(r"`(\w+)`", arrows)) for room, arrows in rows}
    assert set(drawn) == set(MAY_IMPORT)
    for room, others in drawn.items():
        assert others <= set(MAY_IMPORT[room]), f"README lets {room} import {others - set(MAY_IMPORT[room])}"
