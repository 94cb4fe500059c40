"""Snapshot plus differences -> a true book, under the update-id chain rule of Binance spot.

States:
    WAITING   differences are buffered (bounded) until a snapshot of this epoch arrives
    LIVE      every difference continues the chain: its first id is the book's last id + 1

The rule (Binance "How to manage a local order book correctly"): drop a difference whose last id is not above the
book's; the first one applied must have first id <= book's id + 1 <= last id; each later one must begin at the book's
id + 1. A snapshot older than the first buffered difference is useless: ask for another.
"""

from collections import deque
from enum import Enum

from common.venues.book import Book
from common.venues.events import DepthChanged, DepthSnapshot

BUFFERED_CHANGES_MAX = 1_000


class SyncStep(Enum):
    """What one input did."""

    BUFFERED = "buffered"
    APPLIED = "applied"
    OLD = "old"
    GAP = "gap"
    UNSOUND = "unsound"
    LIVE = "live"
    SNAPSHOT_OLD = "snapshot_old"
    SNAPSHOT_FOREIGN = "snapshot_foreign"


class BookSync:
    """Keeps one book in step with its venue. After GAP or UNSOUND it waits again: the caller fetches a snapshot."""

    def __init__(self) -> None:
        self.book = Book()
        self.update_id = 0
        self.epoch = 0
        self.is_live = False
        self._is_joined = False
        self._buffer: deque[DepthChanged] = deque(maxlen=BUFFERED_CHANGES_MAX)

    def restart(self) -> None:
        """Forget the book and the buffer and wait for a snapshot of the new epoch; older ones will be ignored."""
        self.is_live = self._is_joined = False
        self.epoch += 1
        self._buffer.clear()

    def on_change(self, change: DepthChanged) -> SyncStep:
        """Apply or buffer one difference. One that reveals a gap is kept as the first of the next chain."""
        if not self.is_live:
            return self._keep(change)
        if change.last_update_id <= self.update_id:
            return SyncStep.OLD
        if not self._continues(change):
            self.restart()
            self._buffer.append(change)
            return SyncStep.GAP
        return self._apply(change)

    def on_snapshot(self, epoch: int, snapshot: DepthSnapshot) -> SyncStep:
        """Join a snapshot with the buffer: LIVE, or SNAPSHOT_OLD, SNAPSHOT_FOREIGN (another epoch's) or UNSOUND."""
        if epoch != self.epoch or self.is_live:
            return SyncStep.SNAPSHOT_FOREIGN
        newer = [change for change in self._buffer if change.last_update_id > snapshot.update_id]
        if newer and newer[0].first_update_id > snapshot.update_id + 1:
            return SyncStep.SNAPSHOT_OLD
        self.book.load(snapshot.bids, snapshot.asks)
        self.update_id, self._is_joined = snapshot.update_id, False
        for change in newer:
            self.book.apply(change.bids, change.asks)
            self.update_id, self._is_joined = change.last_update_id, True
        if not self.book.is_sound:
            self.restart()
            return SyncStep.UNSOUND
        self._buffer.clear()
        self.is_live = True
        return SyncStep.LIVE

    def _continues(self, change: DepthChanged) -> bool:
        # Only the first difference after a snapshot may overlap it; later ones touch without overlap.
        if self._is_joined:
            return change.first_update_id == self.update_id + 1
        return change.first_update_id <= self.update_id + 1

    def _apply(self, change: DepthChanged) -> SyncStep:
        self.book.apply(change.bids, change.asks)
        self.update_id, self._is_joined = change.last_update_id, True
        if self.book.is_sound:
            return SyncStep.APPLIED
        self.restart()
        return SyncStep.UNSOUND

    def _keep(self, change: DepthChanged) -> SyncStep:
        # A hole between buffered differences can never be bridged, so what was before it is worthless.
        if self._buffer and change.first_update_id != self._buffer[-1].last_update_id + 1:
            self._buffer.clear()
        self._buffer.append(change)
        return SyncStep.BUFFERED
