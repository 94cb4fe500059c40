"""Replay of a recording: recorded depth rests in the venue's book, recorded trades take from it, for ever again.

What rests outside of our orders is the recording's after every diff. Between diffs, bookTicker rows keep the touch
fresh and trades take from the front of the queue; both can leave a level unlike the recording, so every level that
they changed is set back by the next diff. What our own orders took away comes back when the recording next names
that level. A level that shrinks without a trade leaves from behind us (see `SetLevels`): the pessimistic reading.
"""

from collections import deque
from collections.abc import Callable, Iterator

from common.exchange.commands import LevelSizes, PrintTrade, SetLevels, SetTouch
from common.exchange.events import Event, LevelChanged
from common.model.order import Side
from services.paper_exchange.flow import Execute
from services.paper_exchange.recording import DepthDiff, DepthSnapshot, RecordedRow, RecordedTrade, Touch

PAUSE_BETWEEN_LOOPS_NS = 100_000_000
EARLY_DIFFS_KEPT = 1_000
"""A snapshot takes a while to arrive, so some diffs from before it are newer than it."""

Rows = Iterator[tuple[int, RecordedRow]]


class RecordedBook:
    """The recorded book as its diffs say, whatever our orders did to the venue's."""

    def __init__(self) -> None:
        self.sizes: dict[Side, dict[int, int]] = {Side.BUY: {}, Side.SELL: {}}

    def load(self, snapshot: DepthSnapshot) -> None:
        """Replace everything."""
        self.sizes = {Side.BUY: dict(snapshot.bids), Side.SELL: dict(snapshot.asks)}

    def apply(self, diff: DepthDiff) -> None:
        """Set absolute sizes; 0 deletes."""
        for side, levels in ((Side.BUY, diff.bids), (Side.SELL, diff.asks)):
            sizes = self.sizes[side]
            for price, lots in levels:
                if lots:
                    sizes[price] = lots
                else:
                    sizes.pop(price, None)


class ReplayFlow:
    """Steps through a recording; `open_rows` starts it from its beginning. `gaps` counts holes in the update ids."""

    def __init__(self, symbol: str, open_rows: Callable[[], Rows], on_loop: Callable[[int], None]) -> None:
        self.symbol = symbol
        self.recorded = RecordedBook()
        self.loops = self.gaps = 0
        self.due_ns = 0
        self._open_rows, self._on_loop = open_rows, on_loop
        self._rows = open_rows()
        self._last_id = 0  # of the newest diff or snapshot; 0 = not synchronised yet
        self._touch: Touch | None = None
        self._early: deque[DepthDiff] = deque(maxlen=EARLY_DIFFS_KEPT)
        self._unlike: set[tuple[Side, int]] = set()
        self._row_ns, self._row = next(self._rows)

    def step(self, execute: Execute, time_ns: int) -> None:
        """Play one row."""
        row = self._row
        if isinstance(row, DepthSnapshot):
            self._load(row, execute, time_ns)
        elif isinstance(row, DepthDiff) and self._last_id:
            self._apply(row, execute, time_ns)
        elif isinstance(row, DepthDiff):
            self._early.append(row)
        elif self._last_id and isinstance(row, Touch):
            self._touch = row
            self._show_touch(execute, time_ns)
        elif self._last_id and isinstance(row, RecordedTrade):
            self._trade(row, execute, time_ns)
        self._advance()

    def _advance(self) -> None:
        following = next(self._rows, None)
        if following is None:
            self.loops += 1
            self._on_loop(self.loops)
            self._rows, self._last_id, self._touch = self._open_rows(), 0, None
            self._row_ns, self._row = next(self._rows)
            self.due_ns += PAUSE_BETWEEN_LOOPS_NS
        else:
            self.due_ns += max(0, following[0] - self._row_ns)
            self._row_ns, self._row = following

    def _load(self, snapshot: DepthSnapshot, execute: Execute, time_ns: int) -> None:
        for side, sizes in self.recorded.sizes.items():
            self._unlike.update((side, price) for price in sizes)
        self.recorded.load(snapshot)
        self._last_id = snapshot.update_id
        self._set(snapshot.bids, snapshot.asks, execute, time_ns)
        while self._early:
            self._apply(self._early.popleft(), execute, time_ns)

    def _apply(self, diff: DepthDiff, execute: Execute, time_ns: int) -> None:
        if diff.last_id <= self._last_id:
            return
        if diff.follows_id > self._last_id:
            self.gaps += 1
        self.recorded.apply(diff)
        self._last_id = diff.last_id
        self._set(diff.bids, diff.asks, execute, time_ns)
        if self._touch is not None and self._touch.update_id > diff.last_id:
            # The diff was collected before this touch was seen, so the touch is the newer word.
            self._show_touch(execute, time_ns)

    def _set(self, bids: LevelSizes, asks: LevelSizes, execute: Execute, time_ns: int) -> None:
        named = {Side.BUY: dict(bids), Side.SELL: dict(asks)}
        for side, price in self._unlike:
            named[side][price] = self.recorded.sizes[side].get(price, 0)
        self._unlike.clear()
        execute(
            SetLevels(
                time_ns=time_ns,
                symbol=self.symbol,
                bids=list(named[Side.BUY].items()),
                asks=list(named[Side.SELL].items()),
            )
        )

    def _show_touch(self, execute: Execute, time_ns: int) -> None:
        touch = self._touch
        if touch is not None and touch.update_id > self._last_id:
            self._note(execute(SetTouch(time_ns=time_ns, symbol=self.symbol, bid=touch.bid, ask=touch.ask)))

    def _trade(self, trade: RecordedTrade, execute: Execute, time_ns: int) -> None:
        command = PrintTrade(
            time_ns=time_ns,
            symbol=self.symbol,
            aggressor=trade.aggressor,
            price_ticks=trade.price_ticks,
            quantity_lots=trade.quantity_lots,
        )
        self._note(execute(command))

    def _note(self, events: list[Event]) -> None:
        self._unlike.update((e.side, e.price_ticks) for e in events if isinstance(e, LevelChanged))
