"""What the journals of a run prove, read beside their writers: orders and fills of ours, and the venue's own record.

Services do not import each other, so entries are read as plain maps by kind; the venue's events are common's own.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from common.exchange.exchange import Exchange
from common.exchange.recovery import JournalRecord, Recovery
from common.model.ids import CLIENT_ORDER_ID_PREFIX
from common.storage import JournalReader

NS_PER_US = 1_000
ACCOUNT = "paper"
"""The customer of a paper venue that is us."""

Map = dict[str, Any]
Market = tuple[str, str]


class OrderBook(msgspec.Struct, kw_only=True):
    """The oms's journal since a moment. `tick_to_order_us` holds one latency for each order that has one."""

    orders: int = 0
    fills: int = 0
    taker_fills: int = 0
    tick_to_order_us: list[float] = msgspec.field(default_factory=list)


class VenueBook(msgspec.Struct, kw_only=True):
    """What a paper venue's journal comes to: our net lots by symbol, and ids among its newest orders it took twice."""

    lots: Counter[str] = msgspec.field(default_factory=Counter)
    duplicate_client_ids: int = 0


def read_orders(path: Path, since_ns: int) -> OrderBook:
    """Orders, fills and latencies that the oms recorded since `since_ns`."""
    book, triggers = OrderBook(), dict[str, int]()
    for kind, recorded_ns, entry in _entries(path):
        if recorded_ns < since_ns:
            continue
        if kind == "OrderAccepted":
            book.orders += 1
            triggers[entry["command"]["client_order_id"]] = entry["command"]["trigger_received_ns"]
        elif kind == "OrderReported" and entry["report"]["sent_ns"]:
            # The first report of a sent order names the moment at which it left.
            if trigger_ns := triggers.pop(entry["report"]["client_order_id"], 0):
                book.tick_to_order_us.append((entry["report"]["sent_ns"] - trigger_ns) / NS_PER_US)
        elif kind == "FillBooked":
            book.fills += 1
            book.taker_fills += not entry["fill"]["maker"]
    return book


def read_positions(path: Path) -> dict[Market, int]:
    """Lots by market as the position server's journal has them: its last snapshot and the fills after it."""
    lots: Counter[Market] = Counter()
    if not path.exists():
        return lots
    reader = JournalReader(path)
    try:
        after, payload = reader.load_snapshot() or (0, b"")
        image = msgspec.msgpack.decode(payload) if payload else {"markets": []}
        for market in image["markets"]:
            lots[market["venue"], market["symbol"]] = market["position"]["quantity_lots"]
        for entry in reader.read(after):
            if entry.kind == "FillEntered":
                fill = msgspec.msgpack.decode(entry.payload)["fill"]
                lots[fill["venue"], fill["symbol"]] += _signed(fill["side"], fill["quantity_lots"])
    finally:
        reader.close()
    return lots


def read_venue(path: Path) -> VenueBook:
    """Our positions and order ids as the paper venue itself has them: its journal played again."""
    book = VenueBook()
    if path.exists() and (exchange := replay_venue(path)) is not None:
        for symbol, held in exchange.ledger.positions.items():
            book.lots[symbol] = held.get(ACCOUNT, 0)
        orders = exchange.ledger.orders.values()
        ids = Counter(o.client_order_id for o in orders if o.client_order_id.startswith(CLIENT_ORDER_ID_PREFIX))
        book.duplicate_client_ids = sum(count - 1 for count in ids.values())
    return book


def replay_venue(path: Path) -> Exchange | None:
    """The exchange that a venue's journal makes, read beside its writer; None before its first commit."""
    reader = JournalReader(path)
    try:
        recovery, (after, payload) = Recovery(), reader.load_snapshot() or (0, b"")
        if payload:
            recovery.load(payload)
        recovery.take(record for _, _, record in reader.read_as(JournalRecord, after))
    finally:
        reader.close()
    return recovery.exchange


def _signed(side: str, lots: int) -> int:
    return lots if side == "buy" else -lots


def _entries(path: Path) -> Iterator[tuple[str, int, Map]]:
    if not path.exists():
        return
    reader = JournalReader(path)
    try:
        for entry in reader.read():
            yield entry.kind, entry.recorded_ns, msgspec.msgpack.decode(entry.payload)
    finally:
        reader.close()
