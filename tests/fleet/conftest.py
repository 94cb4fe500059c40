"""Fleets for tests."""

from collections.abc import Iterator

import pytest

from tests.fleet.fleet import PaperFleet, has_artifacts


@pytest.fixture
def fleet() -> Iterator[PaperFleet]:
    """A fleet that is not started yet."""
    if not has_artifacts():
        pytest.skip("chain artifacts missing: make setup")
    made = PaperFleet()
    try:
        yield made
    finally:
        made.remove()


@pytest.fixture(scope="module")
def trading_fleet() -> Iterator[PaperFleet]:
    """A fleet that trades, shared by the tests of a module, which run in their order."""
    if not has_artifacts():
        pytest.skip("chain artifacts missing: make setup")
    made = PaperFleet()
    try:
        made.up()
        yield made
    finally:
        made.remove()
