"""The feed's states and images without any I/O; the recording with its clock that runs 1.27 s behind."""

import gzip
from pathlib import Path

import msgspec
import pytest

from common.venues.binance_market import BinanceMarket
from common.venues.clock import RoundTripClock
from common.venues.events import DepthChanged, DepthSnapshot, TouchChanged
from services.quote_server.config import QuoteServerConfig
from services.quote_server.feed import LIVE, STALE, SYNCING, Feed, FeedLimits
from services.quote_server.pacer import ImagePacer
from tests.unit.venues.eth import ETH

MS = 1_000_000
LIMITS = FeedLimits(depth_levels=3, stale_after_ns=500 * MS, depth_stale_after_ns=2_000 * MS, frame_age_ns_max=500 * MS)


def live_feed() -> Feed:
    feed = Feed(ETH, LIMITS, RoundTripClock())
    feed.on_connected(0, 0)
    feed.on_change(change(99, 100), 0, 0)
    snapshot = DepthSnapshot("ETHUSDT", 100, [(10, 1), (9, 2), (8, 3), (7, 4)], [(12, 1), (13, 2)])
    feed.on_snapshot(feed.sync.epoch, snapshot, 0)
    return feed


def change(first: int, last: int, event_ms: int = 0, **sides: list[tuple[int, int]]) -> DepthChanged:
    return DepthChanged("ETHUSDT", first, last, event_ms * MS, sides.get("bids", []), sides.get("asks", []))


def test_states_from_connection_to_loss() -> None:
    feed = Feed(ETH, LIMITS, RoundTripClock())
    assert (feed.state, feed.wants_snapshot) == (SYNCING, False)
    feed.on_connected(0, 0)
    assert (feed.state, feed.wants_snapshot) == (SYNCING, True)
    feed.on_snapshot(feed.sync.epoch, DepthSnapshot("ETHUSDT", 100, [(10, 1)], [(12, 1)]), 0)
    assert (feed.state, feed.wants_snapshot) == (SYNCING, False), "nothing proves yet that differences arrive"
    feed.on_change(change(101, 101), 0, 0)
    assert feed.state == LIVE
    feed = live_feed()
    assert feed.state == LIVE
    feed.check(501 * MS)
    assert feed.state == STALE
    feed.on_change(change(101, 102, event_ms=502), 0, 502 * MS)
    assert feed.state == LIVE
    feed.on_lost("reset", 503 * MS)
    assert feed.state == SYNCING and "reset" in feed.reason and feed.heard_ns == 0


def test_touches_alone_are_half_a_feed() -> None:
    feed = live_feed()
    for now_ms in range(0, 2_200, 100):
        feed.on_touch(TouchChanged("ETHUSDT", 101 + now_ms, (10, 5), (12, 5)), now_ms * MS, now_ms * MS)
    assert feed.state == STALE and "depth" in feed.reason


def test_touch_refines_the_image_until_the_book_has_caught_up() -> None:
    feed = live_feed()
    assert feed.on_touch(TouchChanged("ETHUSDT", 105, (9, 7), (11, 1)), 5, 5)
    image = feed.image()
    assert (image.bids, image.asks, image.update_id) == ([(9, 7), (8, 3), (7, 4)], [(11, 1), (12, 1), (13, 2)], 105)
    assert not feed.on_touch(TouchChanged("ETHUSDT", 104, (10, 1), (12, 1)), 6, 6)
    feed.on_change(change(101, 103), 7, 7)
    assert feed.image().bids[0] == (9, 7), "the touch is still newer than the book"
    feed.on_change(change(104, 106, bids=[(10, 0), (9, 6)], asks=[(11, 1)]), 8, 8)
    image = feed.image()
    assert (image.bids[0], image.update_id) == ((9, 6), 106)
    assert not feed.on_touch(TouchChanged("ETHUSDT", 106, (1, 1), (2, 1)), 9, 9), "not newer than the book"


@pytest.mark.parametrize("touch", [((12, 1), (12, 1)), ((10, 0), (12, 1)), ((10, 1), (12, 0))])
def test_impossible_touch_rebuilds_the_book(touch: tuple[tuple[int, int], tuple[int, int]]) -> None:
    feed = live_feed()
    feed.on_touch(TouchChanged("ETHUSDT", 105, *touch), 5, 5)
    assert feed.state == SYNCING and feed.wants_snapshot


def test_recording_is_live_from_its_snapshot_on_and_every_image_is_sound(recordings: Path) -> None:
    codec, feed = BinanceMarket([ETH]), Feed(ETH, LIMITS, RoundTripClock())
    images, states, truths = 0, set(), 0
    with gzip.open(recordings / "binance" / "spot_ethusdt_20240808.gz") as file:
        for number, line in enumerate(file):
            stamp, frame = line.split(b" ", 1)
            local_ns = int(stamp)
            if number == 0:
                feed.on_connected(local_ns, local_ns)
            if frame.startswith(b'{"lastUpdateId"'):
                feed.on_snapshot(feed.sync.epoch, codec.on_snapshot("ETHUSDT", frame), local_ns)
                continue
            event, changed = codec.on_frame(frame), False
            if isinstance(event, DepthChanged):
                changed = feed.on_change(event, local_ns, local_ns)
            elif isinstance(event, TouchChanged):
                changed = feed.on_touch(event, local_ns, local_ns)
                if changed:
                    image = feed.image()
                    truths += 1
                    assert (image.bids[0], image.asks[0]) == (event.bid, event.ask)
            if number > 100:
                states.add(feed.state)
            if changed and feed.state == LIVE:
                image = feed.image()
                images += 1
                assert image.bids[0][0] < image.asks[0][0]
                assert image.bids == sorted(image.bids, reverse=True) and image.asks == sorted(image.asks)
    assert states == {LIVE} and images > 20_000 and truths > 15_000
    assert (feed.gaps, feed.resyncs) == (0, 0)
    assert abs(feed.clock_offset_ns / 1e6 - 1_272) < 5


def test_pacer_keeps_half_its_tokens_for_moved_prices() -> None:
    pacer, now = ImagePacer(20.0, 4), 10**12
    for _ in range(2):
        assert pacer.wait_ns(now, False) == 0
        pacer.spend(now)
    assert 49e6 < pacer.wait_ns(now, False) <= 51e6
    for _ in range(2):
        assert pacer.wait_ns(now, True) == 0
        pacer.spend(now)
    assert 49e6 < pacer.wait_ns(now, True) <= 51e6
    assert pacer.wait_ns(now + 51 * MS, True) == 0


def test_config_refuses_nonsense() -> None:
    for bad in (
        {"depth_levels": 0}, {"image_burst": 1}, {"images_per_s_max": float("nan")}, {"stale_after_ms": 9_000.0},
        {"snapshot_levels": 9_999}, {"reconnect_first_s": 9.0}, {"more": 1},
    ):  # fmt: skip
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(bad, QuoteServerConfig)
