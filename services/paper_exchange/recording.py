"""A recorded Binance session, row by row: `<local ns> <combined-stream JSON>`, gzipped.

Depth diffs arrive each 100 ms, best bid and ask (bookTicker) within a millisecond, and trades often a little after the
change of the book that they caused. A queue is only right when the trade comes first, so trades are put back to the
time at which the exchange made them.
"""

import gzip
from collections.abc import Iterable, Iterator
from heapq import heappop, heappush
from itertools import count
from pathlib import Path

import msgspec

from common.exchange.commands import LevelSizes
from common.model.errors import ConfigInvalid, MessageInvalid
from common.model.instrument import Instrument
from common.model.order import Side
from common.venues.grid import PublicGrid

NS_PER_MS = 1_000_000
REORDER_WINDOW_NS = 250 * NS_PER_MS
"""Trades that arrived later than this are replayed late: 99.9 % of the recorded ones lag less than 160 ms."""


class _Frame(msgspec.Struct):
    stream: str = ""
    data: msgspec.Raw = msgspec.Raw()
    lastUpdateId: int = 0
    bids: list[tuple[str, str]] = []
    asks: list[tuple[str, str]] = []


class _Diff(msgspec.Struct):
    E: int
    U: int
    u: int
    b: list[tuple[str, str]]
    a: list[tuple[str, str]]
    pu: int = 0


class _Touch(msgspec.Struct):
    u: int
    b: str
    B: str
    a: str
    A: str


class _Trade(msgspec.Struct):
    T: int
    p: str
    q: str
    m: bool
    X: str = "MARKET"


class DepthSnapshot(msgspec.Struct, frozen=True):
    """The whole recorded book as of one update id, in ticks and lots."""

    update_id: int
    bids: LevelSizes
    asks: LevelSizes


class DepthDiff(msgspec.Struct, frozen=True):
    """Levels that changed in the updates `first_id`..`last_id`, with their new sizes; `event_ms` is of the venue.

    `previous_id` is the last one of the diff before it, where a venue names it (USD-M, whose ids have holes); else 0.
    """

    event_ms: int
    first_id: int
    last_id: int
    bids: LevelSizes
    asks: LevelSizes
    previous_id: int = 0

    @property
    def follows_id(self) -> int:
        """The update that must be known before this diff."""
        return self.previous_id or self.first_id - 1


class Touch(msgspec.Struct, frozen=True):
    """Best bid and ask as of one update id."""

    update_id: int
    bid: tuple[int, int]
    ask: tuple[int, int]


class RecordedTrade(msgspec.Struct, frozen=True):
    """One trade; `event_ms` is when the venue made it."""

    event_ms: int
    aggressor: Side
    price_ticks: int
    quantity_lots: int


RecordedRow = DepthSnapshot | DepthDiff | Touch | RecordedTrade


def read_recording(path: Path, instrument: Instrument) -> Iterator[tuple[int, RecordedRow]]:
    """Rows of one instrument as (time in ns, row), oldest first, trades at the time at which they were made.

    Raises ConfigInvalid if the file cannot be read or holds no book of the instrument, MessageInvalid for a row that
    is none.
    """
    return in_time_of_exchange(_rows(path, instrument))


def check_recording(path: Path, instrument: Instrument) -> None:
    """Raise ConfigInvalid unless the file begins as a recording of the instrument does."""
    for number, (_time_ns, row) in enumerate(_rows(path, instrument)):
        if isinstance(row, DepthSnapshot):
            return
        if number > 10_000:
            break
    raise ConfigInvalid("recording", str(path), f"a depth snapshot and streams of {instrument.venue_symbol}", "none")


def in_time_of_exchange(rows: Iterable[tuple[int, RecordedRow]]) -> Iterator[tuple[int, RecordedRow]]:
    """Put trades back to their own time on the recorder's clock; the offset of the clocks is the least one seen."""
    waiting: list[tuple[int, int, RecordedRow]] = []
    offset_ns: int | None = None
    order = count()
    for local_ns, row in rows:
        due_ns = local_ns
        if isinstance(row, DepthDiff | RecordedTrade):
            behind_ns = local_ns - row.event_ms * NS_PER_MS
            offset_ns = behind_ns if offset_ns is None else min(offset_ns, behind_ns)
            if isinstance(row, RecordedTrade):
                due_ns = min(local_ns, row.event_ms * NS_PER_MS + offset_ns)
        heappush(waiting, (due_ns, next(order), row))
        while waiting[0][0] <= local_ns - REORDER_WINDOW_NS:
            yield _pop(waiting)
    while waiting:
        yield _pop(waiting)


def _pop(waiting: list[tuple[int, int, RecordedRow]]) -> tuple[int, RecordedRow]:
    due_ns, _order, row = heappop(waiting)
    return due_ns, row


def _rows(path: Path, instrument: Instrument) -> Iterator[tuple[int, RecordedRow]]:
    grid, stream = PublicGrid(instrument), instrument.venue_symbol.lower() + "@"
    try:
        with gzip.open(path, "rb") as lines:
            for number, line in enumerate(lines, 1):
                time_ns, _, payload = line.partition(b" ")
                try:
                    row = _parse(payload, grid, stream)
                    if row is not None:
                        yield int(time_ns), row
                except (msgspec.MsgspecError, ValueError, MessageInvalid) as error:
                    raise MessageInvalid("row", f"{path}:{number}", "a combined-stream frame", str(error)) from None
    except (OSError, EOFError) as error:
        raise ConfigInvalid("recording", str(path), "a gzipped recording", str(error)) from None


def _parse(payload: bytes, grid: PublicGrid, stream: str) -> RecordedRow | None:
    frame = msgspec.json.decode(payload, type=_Frame)
    if frame.lastUpdateId:
        return DepthSnapshot(frame.lastUpdateId, grid.levels(frame.bids), grid.levels(frame.asks))
    if not frame.stream.startswith(stream):
        return None
    kind = frame.stream.split("@")[1]
    if kind == "depth":
        diff = msgspec.json.decode(frame.data, type=_Diff)
        return DepthDiff(diff.E, diff.U, diff.u, grid.levels(diff.b), grid.levels(diff.a), diff.pu)
    if kind == "bookTicker":
        touch = msgspec.json.decode(frame.data, type=_Touch)
        return Touch(touch.u, grid.level(touch.b, touch.B), grid.level(touch.a, touch.A))
    if kind == "trade":
        trade = msgspec.json.decode(frame.data, type=_Trade)
        # The futures stream also carries insurance-fund and ADL rows, which no public taker made.
        if trade.X == "MARKET":
            price, lots = grid.level(trade.p, trade.q)
            return RecordedTrade(trade.T, Side.SELL if trade.m else Side.BUY, price, lots)
    return None
