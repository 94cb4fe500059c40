"""Every event of a mainnet day through our pool: the price, tick, liquidity and amounts that the chain logged."""

from collections import Counter
from pathlib import Path

import pytest

from tests.amm_sequences.mainnet import Day, Moved, Swapped, fill_unseen, read_day, replay

FILE = "uniswap/usdc_weth_005_2024-01-05.raw.csv.gz"
EVENTS = {"swap": 6_046, "mint": 54, "burn": 69, "collect": 65}


@pytest.fixture(scope="module")
def day(recordings: Path) -> Day:
    return read_day(recordings / FILE)


def test_the_log_reveals_the_liquidity_of_all_stretches_but_three(day: Day) -> None:
    # read_day found one liquidity for each of the others, the same all day, whenever a swap ended there.
    assert Counter("swap" if isinstance(event, Swapped) else event.kind for event in day.events) == EVENTS
    assert [stretch for stretch, liquidity in day.others.items() if liquidity is None] == [19_898, 19_932, 19_933]
    assert len(day.others) == 42 and len(day.before) == 25


def test_every_event_of_the_day(day: Day, capsys: pytest.CaptureFixture[str]) -> None:
    found = replay(fill_unseen(day))
    with capsys.disabled():
        print(f"\nmainnet day, exact: {dict(found.exact)} of {EVENTS}; swaps were {dict(found.ways)}")
    assert found.exact == {"swap": 6_046, "mint": 54, "burn": 69, "collect": 41}
    assert found.ways == {"exact input": 5_239, "exact output": 616, "price limit": 191}
    # What a position was owed when the day began is not in the day's log. Of those born in it, all are exact.
    assert len(found.inexact) == 24
    assert all(
        isinstance(event, Moved) and event.kind == "collect" and event.key in day.before for event in found.inexact
    )
    born = [event for event in day.events if isinstance(event, Moved) and event.kind == "collect"]
    assert sum(event.key not in day.before for event in born) == 36
    # They were paid all that we say they were owed, so their fees are exact too.
    assert found.left_by_the_born == 0


def test_without_the_liquidity_from_before_the_day_the_replay_is_not_exact(day: Day) -> None:
    stretch = 19_910
    liquidity = day.others[stretch]
    assert liquidity
    off = fill_unseen(day)
    off.others[stretch] = liquidity + 10**6
    assert replay(off).exact["swap"] < EVENTS["swap"]
