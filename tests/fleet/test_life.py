"""One fleet from start to end: it trades, each process dies once, the kill switch stops it, nothing is left behind."""

import os
import random
import signal
import statistics
import time

import pytest

from tests.fleet.fleet import PaperFleet, placed_ids, resting_orders, wait_for

pytestmark = pytest.mark.timeout(300)

RECOVERY_S_MAX = 20.0
RECOVERY_S_MEDIAN_MAX = 5.0
FILLS_WANTED = 5
# Three missed heartbeats make a process dead, and then its orders must be cancelled.
PULL_S_MAX = 5.0


def _fills(fleet: PaperFleet) -> int:
    return int(fleet.ask("report")["cefi_fills"])


def test_it_trades(trading_fleet: PaperFleet) -> None:
    assert trading_fleet.is_trading()
    wait_for(lambda: _fills(trading_fleet) >= FILLS_WANTED, 90, "first fills", trading_fleet)


def test_a_second_up_is_refused(trading_fleet: PaperFleet) -> None:
    before = trading_fleet.pids()
    done = trading_fleet.run("up")
    assert done.returncode == 75 and "running already" in done.stderr
    assert trading_fleet.pids() == before


def test_every_process_is_killed_once(trading_fleet: PaperFleet) -> None:
    seed = int(os.environ.get("COUNTERWEIGHT_TEST_SEED", time.time_ns() % 10_000))
    print(f"COUNTERWEIGHT_TEST_SEED={seed}")
    victims = sorted(trading_fleet.pids())
    random.Random(seed).shuffle(victims)
    took_s = {victim: _kill_and_wait(trading_fleet, victim) for victim in victims}
    print({victim: round(seconds, 1) for victim, seconds in took_s.items()})
    assert statistics.median(took_s.values()) <= RECOVERY_S_MEDIAN_MAX, took_s
    before = _fills(trading_fleet)
    wait_for(lambda: _fills(trading_fleet) > before, 90, "fills after all kills", trading_fleet)


def _kill_and_wait(fleet: PaperFleet, victim: str) -> float:
    before = fleet.pids()
    os.kill(before[victim], signal.SIGKILL)
    seconds = wait_for(
        lambda: fleet.pids()[victim] not in (0, before[victim]) and fleet.is_trading(),
        RECOVERY_S_MAX, f"recovery of {victim}", fleet,
    )  # fmt: skip
    after = fleet.pids()
    assert {name for name in before if before[name] != after[name]} == {victim}, "somebody else died as well"
    return seconds


def test_positions_equal_the_venues_fills(trading_fleet: PaperFleet) -> None:
    report = trading_fleet.ask("report")
    assert report["venue_fills_minus_position"] == 0
    assert report["duplicate_client_ids"] == 0
    assert report["taker_fills"] == 0
    ids = placed_ids(trading_fleet.venue_orders())
    assert len(ids) == len(set(ids)) > FILLS_WANTED


@pytest.mark.parametrize("silent", ["quote_server-binance", "market_maker", "oms", "position_server"])
def test_silence_pulls_quotes(trading_fleet: PaperFleet, silent: str) -> None:
    """A process that hangs is worse than one that dies: nobody restarts it, and its connections stay up."""
    wait_for(lambda: bool(resting_orders(trading_fleet.venue_orders())), 90, "a resting order", trading_fleet)
    pid = trading_fleet.pids()[silent]
    os.kill(pid, signal.SIGSTOP)
    try:
        time.sleep(PULL_S_MAX)
        events = trading_fleet.venue_orders()
        assert not resting_orders(events), f"{silent} hangs and orders rest\n{trading_fleet.last_words()}"
        time.sleep(1)
        assert placed_ids(trading_fleet.venue_orders()) == placed_ids(events), "new orders on stale facts"
    finally:
        os.kill(pid, signal.SIGCONT)
    wait_for(trading_fleet.is_trading, RECOVERY_S_MAX, f"{silent} wakes up", trading_fleet)


def test_kill_stops_everything_until_rearmed(trading_fleet: PaperFleet) -> None:
    done = trading_fleet.run("kill", "--reason", "drill")
    assert done.returncode == 0, done.stdout + done.stderr
    events = trading_fleet.venue_orders()
    assert not resting_orders(events)
    # Latched: also a restart of the oms and of the quoting process changes nothing.
    for victim in ("oms", "market_maker"):
        os.kill(trading_fleet.pids()[victim], signal.SIGKILL)
    wait_for(lambda: trading_fleet.ask("status")["healthy"], RECOVERY_S_MAX, "restart while killed", trading_fleet)
    time.sleep(2)
    assert placed_ids(trading_fleet.venue_orders()) == placed_ids(events)
    assert trading_fleet.run("rearm").returncode == 0
    placed = len(placed_ids(events))
    wait_for(
        lambda: len(placed_ids(trading_fleet.venue_orders())) > placed, 90, "orders after rearm", trading_fleet
    )  # fmt: skip


def test_kill_works_while_the_oms_hangs(trading_fleet: PaperFleet) -> None:
    wait_for(lambda: bool(resting_orders(trading_fleet.venue_orders())), 90, "a resting order", trading_fleet)
    pid = trading_fleet.pids()["oms"]
    os.kill(pid, signal.SIGSTOP)
    try:
        done = trading_fleet.run("kill", "--reason", "drill", "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        assert not resting_orders(trading_fleet.venue_orders())
    finally:
        os.kill(pid, signal.SIGCONT)
    wait_for(lambda: trading_fleet.run("rearm").returncode == 0, RECOVERY_S_MAX, "rearm", trading_fleet)
    wait_for(trading_fleet.is_trading, RECOVERY_S_MAX, "trading again", trading_fleet)


def test_down_leaves_nothing(trading_fleet: PaperFleet) -> None:
    down = trading_fleet.ask("down")
    assert down["ok"] and down["orders"]["proven"], down
    assert not trading_fleet.strays()
    assert not resting_orders(trading_fleet.venue_orders())
    again = trading_fleet.ask("down")
    assert again["ok"] and not again["was_running"]


def test_report_speaks_after_the_end(trading_fleet: PaperFleet) -> None:
    report = trading_fleet.ask("report")
    assert list(report) == [
        "run_seconds", "lp_rebalances", "lp_fees_usd", "cefi_orders", "cefi_fills", "taker_fills",
        "unhedged_delta_std", "net_delta_std", "max_abs_net_delta", "hedge_turnover_usd", "pnl",
        "venue_fills_minus_position", "duplicate_client_ids", "gaps", "resyncs", "tick_to_order_us",
    ]  # fmt: skip
    assert None not in report.values()
    assert report["venue_fills_minus_position"] == 0 and report["duplicate_client_ids"] == 0
