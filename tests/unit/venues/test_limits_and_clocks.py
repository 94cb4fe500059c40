"""Rate pools, clocks, backoff, credentials."""

from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.model.errors import ConfigInvalid, PeerUnavailable
from common.venues import binance_rates as rates
from common.venues.backoff import Backoff
from common.venues.clock import OneWayClock, RoundTripClock, frame_age_ns
from common.venues.credentials import read_credentials
from common.venues.rate_pools import Pool, RatePools

S = 1_000_000_000


def test_creates_stop_before_the_reserve_and_cancels_use_it() -> None:
    pools = RatePools([Pool(name="w", limit=10, window_s=60, reserve=4)])
    assert [pools.take({"w": 2}, 0) for _ in range(4)] == [True, True, True, False]
    assert [pools.take({"w": 1}, 0, urgent=True) for _ in range(5)] == [True, True, True, True, False]
    assert pools.used("w", 0) == 10 and pools.used("w", 60 * S) == 0
    assert pools.take({"w": 2}, 60 * S)


def test_refused_cost_is_not_spent_anywhere() -> None:
    pools = RatePools([Pool(name="a", limit=10, window_s=1), Pool(name="b", limit=1, window_s=1)])
    assert pools.take({"a": 1, "b": 1}, 0)
    assert not pools.take({"a": 1, "b": 1}, 0)
    assert pools.used("a", 0) == 1


def test_the_venue_knows_better_unless_requests_overtook_its_answer() -> None:
    pools = RatePools(rates.POOLS)
    pools.take(rates.PLACE, 0)
    rates.take_usage(pools, {"x-mbx-used-weight-1m": "5399", "x-mbx-order-count-10s": "oops"}, 0)
    assert pools.used(rates.WEIGHT, 0) == 5_399 and pools.used(rates.ORDERS_10S, 0) == 1
    assert pools.take(rates.PLACE, 0) and not pools.take(rates.PLACE, 0)
    rates.take_usage(pools, {"x-mbx-used-weight-1m": "3"}, 0)
    assert pools.used(rates.WEIGHT, 0) == 5_400


def test_warning_blocks_creates_and_a_ban_blocks_all() -> None:
    pools = RatePools(rates.POOLS)
    pools.block(5 * S, including_urgent=False)
    assert not pools.take(rates.PLACE, 0) and pools.take(rates.CANCEL, 0, urgent=True)
    pools.block(9 * S, including_urgent=True)
    assert not pools.take(rates.CANCEL, 0, urgent=True)
    assert pools.blocked_s(0) == 9.0
    assert pools.take(rates.PLACE, 9 * S)


@given(st.integers(-(10**15), 10**15), st.lists(st.tuples(st.integers(0, S), st.integers(0, S)), min_size=1))
def test_round_trip_error_is_at_most_half_the_best_one(offset: int, legs: list[tuple[int, int]]) -> None:
    clock = RoundTripClock()
    for there, back in legs:
        clock.add(0, there + back, there + offset)
    best = min(there + back for there, back in legs[-8:])
    assert abs(clock.offset_ns - offset) <= best // 2 + 1
    assert clock.offset_floor_ns <= offset


def test_age_is_corrected_by_the_offset() -> None:
    frames, round_trips = OneWayClock(), RoundTripClock()
    offset = 1_270_000_000
    for number in range(100):
        frames.add(number * S // 10 + offset, number * S // 10 + 20_000_000)
    now = 10 * S
    assert frame_age_ns(now + offset, now + 20_000_000, frames, round_trips) == 0
    assert frame_age_ns(now + offset, now + 520_000_000, frames, round_trips) == 500_000_000
    # A queue that was there from the first frame: only the time question reveals it.
    queued = OneWayClock()
    queued.add(offset, 3 * S)
    assert frame_age_ns(offset, 3 * S, queued, round_trips) == 0
    round_trips.add(0, 10_000_000, 5_000_000 + offset)
    assert frame_age_ns(offset, 3 * S, queued, round_trips) == 3 * S - 5_000_000


def test_one_way_clock_follows_drift_after_a_minute() -> None:
    clock = OneWayClock()
    clock.add(100, 0)
    for second in range(10, 70, 10):
        clock.add(second * S - 50, second * S)
    assert clock.offset_ns == -50


@given(st.integers(), st.integers(2, 50))
def test_backoff_is_immediate_first_then_grows_to_its_cap(seed: int, attempts: int) -> None:
    backoff = Backoff(Random(seed), first_s=0.1, cap_s=2.0, jitter=0.5)
    waits = [backoff.next_s() for _ in range(attempts)]
    assert waits[0] == 0.0
    for number, wait_s in enumerate(waits[1:]):
        nominal_s = min(2.0, 0.1 * 2**number)
        assert nominal_s * 0.5 <= wait_s <= nominal_s
    backoff.reset()
    assert backoff.next_s() == 0.0


def test_credentials(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    with pytest.raises(PeerUnavailable):
        read_credentials(path)
    path.write_text('key = "k"\nsecret = "hush"\n')
    path.chmod(0o644)
    with pytest.raises(ConfigInvalid, match="0600"):
        read_credentials(path)
    path.chmod(0o600)
    assert read_credentials(path).secret == "hush" and "hush" not in repr(read_credentials(path))
    for text in ('key = "k"', 'key = "k"\nsecret = ""', "secret = hush", 'key = "k"\nsecret = "hush"\nmore = 1'):
        path.write_text(text)
        with pytest.raises(ConfigInvalid) as caught:
            read_credentials(path)
        assert "hush" not in str(caught.value)
