"""Shared by all tests: where the recordings lie, and waiting for a condition with a deadline."""

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def recordings() -> Path:
    """Folder of the shared recordings; skips where they are absent."""
    folder = Path(os.environ.get("COUNTERWEIGHT_DATA", PROJECT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"recordings absent: {folder}")
    return folder


async def until(condition: Callable[[], object], timeout_s: float = 5.0) -> None:
    """Return as soon as `condition()` is true; fail the test when it is not within the time."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"not true within {timeout_s} s: {condition}"
        await asyncio.sleep(0.005)
