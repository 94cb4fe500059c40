"""The long version of test_life: a random process dies every twenty seconds, and at the end every sum is right."""

import os
import random
import signal
import time

import pytest

from tests.fleet.fleet import PaperFleet, placed_ids, resting_orders, wait_for

SOAK_S = float(os.environ.get("COUNTERWEIGHT_SOAK_S", "1800"))
KILL_INTERVAL_S = 20.0
RECOVERY_S_MAX = 20.0


@pytest.mark.soak
@pytest.mark.timeout(SOAK_S + 300)
def test_random_kills_lose_nothing_and_double_nothing(fleet: PaperFleet) -> None:
    seed = int(os.environ.get("COUNTERWEIGHT_TEST_SEED", time.time_ns() % 10_000))
    print(f"COUNTERWEIGHT_TEST_SEED={seed}")
    chooser, ends_s, kills = random.Random(seed), time.monotonic() + SOAK_S, 0
    fleet.up("--seed", str(seed))
    while time.monotonic() < ends_s:
        time.sleep(chooser.uniform(0.5, 1.5) * KILL_INTERVAL_S)
        pids = fleet.pids()
        victim = chooser.choice(sorted(pids))
        os.kill(pids[victim], signal.SIGKILL)
        kills += 1
        wait_for(fleet.is_trading, RECOVERY_S_MAX, f"recovery of {victim} (kill {kills})", fleet)
    report = fleet.ask("report")
    print(f"kills={kills} fills={report['cefi_fills']} rebalances={report['lp_rebalances']}")
    assert report["cefi_fills"] > 0
    assert report["venue_fills_minus_position"] == 0
    assert report["duplicate_client_ids"] == 0
    ids = placed_ids(fleet.venue_orders())
    assert len(ids) == len(set(ids))
    assert fleet.run("down").returncode == 0
    assert not resting_orders(fleet.venue_orders()) and not fleet.strays()
