"""The book against the simplest model of one, and the update-id chain."""

from hypothesis import given
from hypothesis import strategies as st

from common.venues.book import LEVELS_PER_SIDE_MAX, Book, BookSide
from common.venues.book_sync import BUFFERED_CHANGES_MAX, BookSync, SyncStep
from common.venues.events import DepthChanged, DepthSnapshot

LEVELS = st.lists(st.tuples(st.integers(1, 40), st.integers(0, 5)), max_size=12)


@given(LEVELS, st.lists(LEVELS, max_size=8), st.sampled_from([-1, 1]))
def test_side_equals_a_dict_that_is_sorted_each_time(start: list, changes: list, sign: int) -> None:
    model = {price: quantity for price, quantity in start if quantity}
    side = BookSide(sign)
    side.load(model.items())
    for levels in changes:
        side.apply(levels)
        model.update(dict(levels))
    left = {price: quantity for price, quantity in model.items() if quantity}
    expected = sorted(left.items(), key=lambda level: sign * level[0])
    assert side.top(100) == expected
    assert side.top(3) == expected[:3]


def test_levels_far_away_are_forgotten_at_the_bound() -> None:
    side = BookSide(-1)
    side.apply([(price, 1) for price in range(1, LEVELS_PER_SIDE_MAX + 3)])
    assert len(side) == LEVELS_PER_SIDE_MAX
    assert side.top(1) == [(LEVELS_PER_SIDE_MAX + 2, 1)]


def test_touch_replaces_what_was_better() -> None:
    book = Book()
    book.load([(10, 1), (9, 2), (8, 3)], [(11, 1), (12, 2)])
    assert book.bids.top_behind((9, 7), 3) == [(9, 7), (8, 3)]
    assert book.bids.top_behind((11, 7), 3) == [(11, 7), (10, 1), (9, 2)]
    assert book.asks.top_behind((12, 5), 1) == [(12, 5)]


def change(first: int, last: int, bids: list | None = None, asks: list | None = None) -> DepthChanged:
    return DepthChanged("ETHUSDT", first, last, 0, bids or [], asks or [])


def snapshot(update_id: int) -> DepthSnapshot:
    return DepthSnapshot("ETHUSDT", update_id, [(10, 1)], [(11, 1)])


def test_chain_rules_of_the_venue() -> None:
    sync = BookSync()
    for first, last in ((90, 95), (96, 100), (101, 104)):
        assert sync.on_change(change(first, last)) is SyncStep.BUFFERED
    assert sync.on_snapshot(sync.epoch, snapshot(98)) is SyncStep.LIVE
    assert sync.update_id == 104
    assert sync.on_change(change(104, 104)) is SyncStep.OLD
    assert sync.on_change(change(105, 110, bids=[(9, 4)])) is SyncStep.APPLIED
    assert sync.book.bids.top(5) == [(10, 1), (9, 4)]


def test_snapshot_that_is_too_old_is_refused_and_a_newer_one_taken() -> None:
    sync = BookSync()
    sync.on_change(change(100, 104))
    assert sync.on_snapshot(sync.epoch, snapshot(98)) is SyncStep.SNAPSHOT_OLD
    assert not sync.is_live
    assert sync.on_snapshot(sync.epoch, snapshot(99)) is SyncStep.LIVE


def test_first_difference_may_overlap_a_snapshot_and_later_ones_may_not() -> None:
    sync = BookSync()
    sync.on_snapshot(sync.epoch, snapshot(100))
    assert sync.on_change(change(95, 103)) is SyncStep.APPLIED
    assert sync.on_change(change(103, 105)) is SyncStep.GAP


def test_gap_keeps_what_revealed_it_and_ignores_snapshots_of_before() -> None:
    sync = BookSync()
    sync.on_snapshot(sync.epoch, snapshot(100))
    asked = sync.epoch
    assert sync.on_change(change(105, 106)) is SyncStep.GAP
    assert sync.on_snapshot(asked, snapshot(104)) is SyncStep.SNAPSHOT_FOREIGN
    assert sync.on_snapshot(sync.epoch, snapshot(104)) is SyncStep.LIVE
    assert sync.update_id == 106


def test_crossed_book_is_not_live() -> None:
    sync = BookSync()
    sync.on_snapshot(sync.epoch, snapshot(100))
    assert sync.on_change(change(101, 102, bids=[(11, 1)])) is SyncStep.UNSOUND
    assert not sync.is_live


def test_buffer_is_bounded_and_a_hole_in_it_starts_it_anew() -> None:
    sync = BookSync()
    for number in range(BUFFERED_CHANGES_MAX + 50):
        sync.on_change(change(number, number))
    assert len(sync._buffer) == BUFFERED_CHANGES_MAX
    sync.on_change(change(5_000, 5_000))
    assert len(sync._buffer) == 1


@given(st.data())
def test_any_loss_is_noticed(data: st.DataObject) -> None:
    """Whatever frames are lost, a live book equals the venue's, or the sync asks for another snapshot."""
    truth, sync = Book(), BookSync()
    truth.load([(10, 1)], [(20, 1)])
    update_id = 100
    sync.on_snapshot(sync.epoch, DepthSnapshot("X", update_id, truth.bids.top(50), truth.asks.top(50)))
    for _ in range(data.draw(st.integers(1, 15))):
        bids = data.draw(st.lists(st.tuples(st.integers(5, 10), st.integers(1, 3)), max_size=3))
        event = change(update_id + 1, update_id + 2, bids=bids)
        update_id += 2
        truth.apply(event.bids, event.asks)
        if data.draw(st.booleans(), label="arrives"):
            sync.on_change(event)
        if sync.is_live and sync.update_id == update_id:
            assert sync.book.bids.top(50) == truth.bids.top(50)
        if not sync.is_live and data.draw(st.booleans(), label="snapshot"):
            sync.on_snapshot(sync.epoch, DepthSnapshot("X", update_id, truth.bids.top(50), truth.asks.top(50)))
