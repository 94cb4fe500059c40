"""A fleet under random faults, settled to the wei: see random_faults.py, which also runs alone."""

import asyncio
import os
import time

import pytest

from tests.fleet.fleet import has_artifacts
from tests.fleet.random_faults import play

SOAK_S = float(os.environ.get("COUNTERWEIGHT_SOAK_S", "1800"))
SOAK_EVERY_S = 20.0
SHORT_S, SHORT_EVERY_S, SHORT_SEED = 30.0, 2.5, 7
SETTLING_S = 400.0


@pytest.mark.timeout(SHORT_S + SETTLING_S)
def test_a_short_run_of_random_faults_ends_with_every_sum_right() -> None:
    _play(SHORT_S, SHORT_EVERY_S, SHORT_SEED)


@pytest.mark.soak
@pytest.mark.timeout(SOAK_S + SETTLING_S)
def test_half_an_hour_of_random_faults_ends_with_every_sum_right() -> None:
    _play(SOAK_S, SOAK_EVERY_S, time.time_ns() % 10_000)


def _play(seconds: float, every_s: float, seed: int) -> None:
    if not has_artifacts():
        pytest.skip("chain artifacts missing: make setup")
    seed = int(os.environ.get("COUNTERWEIGHT_TEST_SEED", seed))
    print(f"COUNTERWEIGHT_TEST_SEED={seed}")
    assert asyncio.run(play(seconds / 60, every_s, seed)), "the table above tells what does not hold"
