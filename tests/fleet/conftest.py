"""Fleets for tests. All fleet tests share one worker: two fleets at once would measure each other."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fleet.fleet import PaperFleet, has_artifacts

TIMEOUT_S = 300


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Group and limit the tests of this folder."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("fleet"))
            item.add_marker(pytest.mark.timeout(TIMEOUT_S))


@pytest.fixture
def fleet() -> Iterator[PaperFleet]:
    """A fleet that is not started yet."""
    if not has_artifacts():
        pytest.skip("chain artifacts missing: make setup")
    made = PaperFleet()
    yield made
    made.remove()


@pytest.fixture(scope="module")
def trading_fleet() -> Iterator[PaperFleet]:
    """A fleet that trades, shared by the tests of a module, which run in their order."""
    if not has_artifacts():
        pytest.skip("chain artifacts missing: make setup")
    made = PaperFleet()
    made.up()
    yield made
    made.remove()
