"""Shared by all tests: where the recordings lie, and waiting for a condition with a deadline."""

import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from xdist.scheduler import LoadFileScheduling

FLEET_TESTS = "tests/fleet/"
LONGEST_FIRST = (
    FLEET_TESTS,
    "tests/integration/native/",
    "tests/integration/defi_lp/",
    "tests/integration/",
    "tests/property/",
)
"""Beginnings of paths, so that no worker is left alone with a long file at the end."""
PROJECT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def recordings() -> Path:
    """Folder of the shared recordings; skips where they are absent."""
    folder = Path(os.environ.get("COUNTERWEIGHT_DATA", PROJECT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"recordings absent: {folder}")
    return folder


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """As pytest's own, with a short name: a unix socket's path has room for 107 bytes, and pytest's, with its worker
    and its test in it, leaves too few of them for ours.
    """
    folder = Path(tempfile.mkdtemp(prefix="cw", dir="/tmp"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


class OneFleetAtATime(LoadFileScheduling):
    """Each file runs in one worker, so module fixtures are made once; all fleet tests share a worker, since two fleets
    at once would measure each other. (xdist's own groups do not work with pytest 9.2.)
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return FLEET_TESTS if file.startswith(FLEET_TESTS) else file


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files keep their order within a rank."""

    def rank(item: pytest.Item) -> int:
        return next((place for place, start in enumerate(LONGEST_FIRST) if item.nodeid.startswith(start)), 99)

    items.sort(key=rank)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> OneFleetAtATime:
    """Used by `pytest -n`."""
    config.option.loadscopereorder = False  # xdist's own order takes the files with the fewest tests last.
    return OneFleetAtATime(config, log)


async def until(condition: Callable[[], object], timeout_s: float = 5.0) -> None:
    """Return as soon as `condition()` is true; fail the test when it is not within the time."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"not true within {timeout_s} s: {condition}"
        await asyncio.sleep(0.005)
