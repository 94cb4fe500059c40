"""The locks hold what pyproject.toml asks for, every file by its hash."""

import re
import tomllib

import pytest

from tests.house.source import PROJECT

PIN = re.compile(r"^([a-z0-9][a-z0-9._-]*)==(\S+) \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", re.MULTILINE)


def _pins(lock: str) -> dict[str, str]:
    return {name: version for name, version, _hashes in PIN.findall((PROJECT / lock).read_text())}


def _wanted(*extras: str) -> set[str]:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    lines = [*project["dependencies"], *(line for extra in extras for line in project["optional-dependencies"][extra])]
    return {re.split(r"[<>=\[ ;]", line)[0] for line in lines}


@pytest.mark.parametrize(("lock", "extras"), [("requirements.lock", ()), ("requirements-dev.lock", ("dev",))])
def test_lock_holds_what_is_asked_for_and_nothing_stale(lock: str, extras: tuple[str, ...]) -> None:
    assert _wanted(*extras) <= set(_pins(lock)), "run `make lock`"
    blocks = re.split(r"^(?=[a-z0-9])", (PROJECT / lock).read_text(), flags=re.MULTILINE)
    direct = {block.partition("==")[0] for block in blocks if "counterweight (pyproject" in block}
    assert direct - {"setuptools"} == _wanted(*extras), "run `make lock`"


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock", "requirements-node.lock"])
def test_every_pin_has_hashes(lock: str) -> None:
    text = (PROJECT / lock).read_text()
    assert len(re.findall(r"^[a-z0-9].*==", text, re.MULTILINE)) == len(_pins(lock)) > 0


def test_tests_run_with_what_the_product_runs_with() -> None:
    dev = _pins("requirements-dev.lock")
    assert {name: dev.get(name) for name in _pins("requirements.lock")} == _pins("requirements.lock")
