"""The compiled exchange core does what its sources do."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from common import native
from tests.conftest import PROJECT

COMPILING_S_MAX = 600
COMMANDS = 4_000
EVENTS_MIN = 45
"""Of so many types at least; otherwise the draws do not reach the rooms that they are meant to reach."""

pytestmark = pytest.mark.timeout(COMPILING_S_MAX)


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the core as `make native` compiles it: the one that fits these sources, or else made here."""
    folder = native.home() / native.fingerprint()
    if not folder.is_dir():
        folder = tmp_path_factory.mktemp("native") / "built"
        made = run("deploy/native.py", str(folder), "0", way="0")
        if "no C compiler" in made:
            pytest.skip("no C compiler")
        assert folder.is_dir(), made
    return folder


def run(*arguments: str, way: str) -> str:
    """What a Python process prints that uses the core in one way."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=PROJECT, env=os.environ | {native.VARIABLE: way}, capture_output=True, text=True, timeout=COMPILING_S_MAX,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4_000:] + done.stderr[-4_000:]
    return done.stdout


@pytest.mark.parametrize("seed", [7, 8])
def test_both_ways_tell_the_same_and_come_to_the_same_state(compiled: Path, seed: int) -> None:
    ways = [
        run("-m", "tests.integration.native.wild", str(seed), str(COMMANDS), way=way) for way in ("0", str(compiled))
    ]
    (interpreted, *one), (native_way, *other) = (each.splitlines() for each in ways)
    assert (json.loads(interpreted), json.loads(native_way)) == ({"compiled": False}, {"compiled": True})
    assert one == other
    assert len(json.loads(one[-1])) >= EVENTS_MIN


@pytest.mark.parametrize(
    "tests", ["tests/unit/exchange", "tests/scenarios", pytest.param("tests/property", marks=pytest.mark.soak)]
)
def test_the_tests_of_the_core_pass_compiled(compiled: Path, tests: str) -> None:
    run("-m", "pytest", "-p", "no:cacheprovider", "-k", "exchange or scenarios or fee", tests, way=str(compiled))


def test_what_was_compiled_from_other_sources_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "home", lambda: tmp_path)
    monkeypatch.delenv(native.VARIABLE, raising=False)
    (tmp_path / "0123456789abcdef").mkdir()
    assert native.built() is None
    (tmp_path / native.fingerprint()).mkdir()
    assert native.built() == tmp_path / native.fingerprint()
    monkeypatch.setenv(native.VARIABLE, "0")
    assert native.built() is None


def test_without_a_compiler_it_says_so_and_nothing_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "no-such-compiler")
    said = run("deploy/native.py", str(tmp_path / "built"), way="0")
    assert "stays interpreted: there is no C compiler (looked for no-such-compiler)" in said
    assert not (tmp_path / "built").exists()
