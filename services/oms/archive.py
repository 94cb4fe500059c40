"""Finished orders: the newest in memory, older ones in the journal, and how to tell that an id is an old one.

A repeated client order id must never place a second order, however old it is. Remembering every id for ever would
grow without bound, so of the ids that left memory only the highest number is kept for each prefix (our ids are
`cw-<strategy>-<boot>-<n>` with n counting up in base 36, see common/model/ids). A new id has a higher number and
costs one dictionary look-up; an id at or below the mark is looked up in the journal, off the loop; and one that the
trimmed journal no longer holds is refused as `order_forgotten`. Exactly-once holds in every case.
"""

import re
from collections import OrderedDict
from pathlib import Path
from typing import TypeVar

import msgspec

from common.model.errors import OrderInvalid
from common.model.ids import CLIENT_ORDER_ID_LENGTH_MAX, CLIENT_ORDER_ID_PREFIX
from common.model.order_life import OrderLife, apply_absence, apply_fill, apply_report
from common.storage import JournalReader
from services.oms.records import FillBooked, OrderAbsent, OrderAccepted, OrderRefused, OrderReported, Record

ORDER_FORGOTTEN = "order_forgotten"

_E = TypeVar("_E")
_ID = re.compile(rf"({CLIENT_ORDER_ID_PREFIX}[a-z0-9_-]+)-([0-9a-z]{{1,12}})")


def split_id(client_order_id: str) -> tuple[str, int]:
    """Prefix and number of a client order id; raises OrderInvalid for an id that is none of ours."""
    match = _ID.fullmatch(client_order_id)
    if match is None or len(client_order_id) > CLIENT_ORDER_ID_LENGTH_MAX:
        expected = f"{CLIENT_ORDER_ID_PREFIX}<strategy>-<boot>-<n>, at most {CLIENT_ORDER_ID_LENGTH_MAX} characters"
        raise OrderInvalid("client_order_id", "order", expected, client_order_id)
    return match[1], int(match[2], 36)


class Archive:
    """The newest finished and refused orders by id, and the mark of each prefix below which ids are old."""

    def __init__(self, kept: int) -> None:
        self._kept = kept
        self.finished: OrderedDict[str, OrderLife] = OrderedDict()
        self.refused: OrderedDict[str, OrderRefused] = OrderedDict()
        self.marks: dict[str, int] = {}

    def add_finished(self, order: OrderLife) -> OrderLife | None:
        """Keep an order; returns the one that had to leave memory for it."""
        self.finished[order.client_order_id] = order
        return self._evict(self.finished)

    def add_refused(self, refused: OrderRefused) -> None:
        """Keep a refusal."""
        self.refused[refused.client_order_id] = refused
        self._evict(self.refused)

    def is_old(self, client_order_id: str) -> bool:
        """True when the id may belong to an order that is only in the journal."""
        prefix, number = split_id(client_order_id)
        return number <= self.marks.get(prefix, -1)

    def _evict(self, entries: OrderedDict[str, _E]) -> _E | None:
        if len(entries) <= self._kept:
            return None
        client_order_id, entry = entries.popitem(last=False)
        prefix, number = split_id(client_order_id)
        self.marks[prefix] = max(number, self.marks.get(prefix, -1))
        return entry


def begin_order(record: OrderAccepted) -> OrderLife:
    """The order as it stands when its intent is written."""
    command = record.command
    return OrderLife(
        client_order_id=command.client_order_id, strategy=command.strategy, venue=command.venue,
        symbol=command.symbol, side=command.side, price_ticks=command.price_ticks,
        quantity_lots=command.quantity_lots, order_type=command.order_type, time_in_force=command.time_in_force,
        post_only=command.post_only, expires_at_ns=command.expires_at_ns,
        trigger_received_ns=command.trigger_received_ns, created_ns=record.at_ns, changed_ns=record.at_ns,
    )  # fmt: skip


def advance_order(order: OrderLife, record: Record) -> OrderLife:
    """The order after one of its records. Raises TransitionInvalid."""
    match record:
        case OrderReported(report=report, at_ns=at_ns):
            return apply_report(
                order, state=report.state, filled_lots=report.filled_lots, now_ns=at_ns,
                venue_order_id=report.venue_order_id, reason_code=report.reason_code, reason=report.reason,
                sent_ns=report.sent_ns,
            )  # fmt: skip
        case FillBooked(fill=fill, at_ns=at_ns):
            return apply_fill(order, fill.quantity_lots, at_ns)
        case OrderAbsent(at_ns=at_ns):
            return apply_absence(order, at_ns)
        case _:
            return order


def look_up(path: Path, client_order_id: str) -> OrderLife | OrderRefused | None:
    """What the journal knows of one id. Reads it from end to end: for rare questions, in a thread."""
    needle = client_order_id.encode()
    decoder = msgspec.msgpack.Decoder(Record)
    reader = JournalReader(path)
    found: OrderLife | OrderRefused | None = None
    try:
        for entry in reader.read():
            if needle not in entry.payload:
                continue
            record = decoder.decode(entry.payload)
            if _id_of(record) != client_order_id:
                continue
            if isinstance(record, OrderRefused):
                found = record
            elif isinstance(record, OrderAccepted):
                found = begin_order(record)
            elif isinstance(found, OrderLife):
                found = advance_order(found, record)
    finally:
        reader.close()
    return found


def _id_of(record: Record) -> str:
    match record:
        case OrderAccepted(command=command):
            return command.client_order_id
        case OrderReported(report=report):
            return report.client_order_id
        case FillBooked(fill=fill):
            return fill.client_order_id
        case OrderRefused() | OrderAbsent():
            return record.client_order_id
        case _:
            return ""
