"""Orders that wait outside of the book until a reference price reaches theirs."""

from heapq import heapify, heappop, heappush
from typing import Final

from common.exchange.commands import PriceReference, Trigger, TriggerKind
from common.exchange.rules import BPS
from common.model.order import Side

STALE_KEPT: Final = 64
ANY_ORDER: Final = 1 << 63


def rises(kind: TriggerKind, side: Side) -> bool:
    """True when the order waits for a reference at or above its price, False for one at or below it."""
    return (side is Side.BUY) is not (kind is TriggerKind.TAKE_PROFIT)


def reached(kind: TriggerKind, side: Side, price: int, reference: int) -> bool:
    """True when a reference fires a trigger at a price. Without a reference (0) nothing fires."""
    return bool(reference) and (reference >= price if rises(kind, side) else reference <= price)


def trailed(trigger: Trigger, side: Side, stop: int, reference: int) -> int:
    """Where a trailing order's trigger price goes as the reference moves; 0 = it does not follow yet.

    A sell's is the highest of reference - offset, a buy's the lowest of reference + offset. An offset in basis points
    is rounded up, away from the market.
    """
    start = trigger.activation_ticks
    if start and not stop and not reached(trigger.activation, side, start, reference):
        return 0
    offset = trigger.offset_ticks or -(-reference * trigger.offset_bps // BPS)
    follows = reference + side.sign * offset
    if follows <= 0:
        return stop
    return follows if not stop else min(stop, follows) if side is Side.BUY else max(stop, follows)


class Waiting:
    """One waiting order. `stop_ticks` 0 = a trailing one that does not follow yet."""

    __slots__ = ("order_id", "side", "stop_ticks", "trigger")

    def __init__(self, order_id: int, side: Side, trigger: Trigger, stop_ticks: int) -> None:
        self.order_id, self.side, self.trigger, self.stop_ticks = order_id, side, trigger, stop_ticks


class StopBook:
    """The waiting orders of one market. Finding those that fire costs O(log n) each, nothing when none does."""

    def __init__(self) -> None:
        self.waiting: dict[int, Waiting] = {}
        self._trailing: dict[int, Waiting] = {}
        self._heaps: dict[tuple[PriceReference, bool], list[tuple[int, int]]] = {
            (reference, upward): [] for reference in PriceReference for upward in (True, False)
        }

    def __len__(self) -> int:
        return len(self.waiting)

    def __contains__(self, order_id: int) -> bool:
        return order_id in self.waiting

    def add(self, order_id: int, side: Side, trigger: Trigger, stop_ticks: int) -> None:
        """Let an order wait."""
        waiting = self.waiting[order_id] = Waiting(order_id, side, trigger, stop_ticks)
        if trigger.kind is TriggerKind.TRAILING:
            self._trailing[order_id] = waiting
        if stop_ticks:
            self._index(waiting)

    def remove(self, order_id: int) -> None:
        """Forget an order; one that does not wait is no error."""
        self.waiting.pop(order_id, None)
        self._trailing.pop(order_id, None)

    def move(self, order_id: int, stop_ticks: int) -> None:
        """Give a trailing order another trigger price."""
        waiting = self.waiting[order_id]
        waiting.stop_ticks = stop_ticks
        self._index(waiting)

    def follow(self, watched: PriceReference, reference: int, newest: int = ANY_ORDER) -> list[tuple[int, int]]:
        """(number, trigger price) of all trailing orders up to `newest` that a reference moves. Costs O(trailing)."""
        moves = list[tuple[int, int]]()
        for waiting in self._trailing.values():
            if waiting.trigger.reference is watched and waiting.order_id <= newest:
                stop = trailed(waiting.trigger, waiting.side, waiting.stop_ticks, reference)
                if stop != waiting.stop_ticks:
                    moves.append((waiting.order_id, stop))
        # By number, since the order in which they came to wait does not outlive a restart.
        return sorted(moves)

    def due(self, watched: PriceReference, reference: int, newest: int = ANY_ORDER) -> list[int]:
        """Take out the orders up to `newest` that a reference fires, in the order in which they were placed."""
        fired, later = list[int](), list[int]()
        for upward in (True, False):
            heap, bound = self._heaps[watched, upward], reference if upward else -reference
            while heap and heap[0][0] <= bound:
                key, order_id = heappop(heap)
                if not self._is_live(key, order_id):
                    continue
                if order_id > newest:
                    later.append(order_id)
                else:
                    self.remove(order_id)
                    fired.append(order_id)
        for order_id in later:
            self._index(self.waiting[order_id])
        return sorted(fired)

    def prices(self) -> list[tuple[int, int]]:
        """(number, trigger price) of all that wait."""
        return sorted((waiting.order_id, waiting.stop_ticks) for waiting in self.waiting.values())

    def _index(self, waiting: Waiting) -> None:
        upward = rises(waiting.trigger.kind, waiting.side)
        heap = self._heaps[waiting.trigger.reference, upward]
        heappush(heap, (waiting.stop_ticks if upward else -waiting.stop_ticks, waiting.order_id))
        # Entries of orders that went or moved stay in the heap; they are dropped when they are most of it.
        if len(heap) > STALE_KEPT + 2 * len(self.waiting):
            heap[:] = {entry for entry in heap if self._is_live(*entry)}
            heapify(heap)

    def _is_live(self, key: int, order_id: int) -> bool:
        waiting = self.waiting.get(order_id)
        return waiting is not None and waiting.stop_ticks == abs(key)
