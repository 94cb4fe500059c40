"""Orders of this boot: what the venue last said of each, and our names for its numbers. Pure."""

import asyncio
from collections import OrderedDict
from collections.abc import Iterator

from msgspec.structs import replace

from common.messages import ExecutionReported, SubmitOrder
from common.model.order import OrderState
from common.model.order_life import UNKNOWN_ORDER

# How much each state proves. REJECTED stands below OPEN: a venue that shows the order takes our verdict back.
_PROOF = {
    OrderState.PENDING: 0,
    OrderState.UNKNOWN: 1,
    OrderState.REJECTED: 2,
    OrderState.OPEN: 3,
    OrderState.PARTIALLY_FILLED: 4,
    OrderState.EXPIRED: 5,
    OrderState.CANCELED: 5,
    OrderState.FILLED: 6,
}


class Tracked:
    """One order. `report` is the furthest that its reports prove; `answering` is set while its create is under way.

    `cancel_wanted`: whatever is found of it must be taken off. `window_ends_ns`: from then on (monotonic) its create
    cannot reach the venue any more. `denials`: how often the venue denied an order that it had shown before.
    """

    __slots__ = ("answering", "cancel_wanted", "denials", "report", "window_ends_ns")

    def __init__(self, report: ExecutionReported) -> None:
        self.report = report
        self.cancel_wanted = False
        self.window_ends_ns = self.denials = 0
        self.answering: asyncio.Future[ExecutionReported] | None = None

    @property
    def is_live(self) -> bool:
        """True while the order rests, may rest, or may come to rest."""
        return not self.report.state.is_final

    @property
    def was_given_up(self) -> bool:
        """True if we declared that it never arrived."""
        return self.report.state is OrderState.REJECTED and self.report.reason_code == UNKNOWN_ORDER


class OrderTable:
    """At most `kept` orders (live ones always stay); the oldest are forgotten first."""

    def __init__(self, kept: int) -> None:
        self._kept = kept
        self._orders: OrderedDict[str, Tracked] = OrderedDict()
        self._names: OrderedDict[tuple[str, str], str] = OrderedDict()

    def __len__(self) -> int:
        return len(self._orders)

    def find(self, client_order_id: str) -> Tracked | None:
        """The order by our name, or None."""
        return self._orders.get(client_order_id)

    def live(self) -> Iterator[Tracked]:
        """Orders that are not final."""
        return (each for each in list(self._orders.values()) if each.is_live)

    def add(self, order: SubmitOrder, venue: str) -> Tracked:
        """A create that is about to leave."""
        tracked = Tracked(
            ExecutionReported(
                client_order_id=order.client_order_id, venue=venue, symbol=order.symbol, state=OrderState.PENDING,
                filled_lots=0, event_time_ns=0, received_ns=0, side=order.side, price_ticks=order.price_ticks,
                quantity_lots=order.quantity_lots,
            )
        )  # fmt: skip
        self._orders[order.client_order_id] = tracked
        self._trim()
        return tracked

    def take(self, report: ExecutionReported) -> tuple[Tracked, bool]:
        """Join a report with what is known. Returns the order and whether this taught us anything."""
        self.name(report.symbol, report.venue_order_id, report.client_order_id)
        tracked = self._orders.get(report.client_order_id)
        if tracked is None:
            tracked = self._orders[report.client_order_id] = Tracked(replace(report, fill=None))
            self._trim()
            return tracked, True
        known = tracked.report
        tracked.report = _join(known, report)
        is_news = (tracked.report.state, tracked.report.filled_lots) != (known.state, known.filled_lots)
        return tracked, is_news

    def forget(self, client_order_id: str) -> None:
        """A create that did not leave after all."""
        self._orders.pop(client_order_id, None)

    def name(self, symbol: str, venue_order_id: str, client_order_id: str) -> None:
        """Remember which of our orders a number of the venue is ("" for somebody else's)."""
        if venue_order_id:
            self._names[symbol, venue_order_id] = client_order_id
            while len(self._names) > 2 * self._kept:
                self._names.popitem(last=False)

    def name_of(self, symbol: str, venue_order_id: str) -> str | None:
        """Our name of a number of the venue; None if it was never seen."""
        return self._names.get((symbol, venue_order_id))

    def _trim(self) -> None:
        for _ in range(len(self._orders) - self._kept):
            client_order_id, tracked = self._orders.popitem(last=False)
            if tracked.is_live:
                self._orders[client_order_id] = tracked


def _join(known: ExecutionReported, report: ExecutionReported) -> ExecutionReported:
    filled_lots = max(known.filled_lots, report.filled_lots)
    further = report if _PROOF[report.state] >= _PROOF[known.state] else known
    other = known if further is report else report
    return replace(
        further, filled_lots=filled_lots, fill=None, sent_ns=known.sent_ns or report.sent_ns,
        venue_order_id=further.venue_order_id or other.venue_order_id, side=further.side or other.side,
        price_ticks=further.price_ticks or other.price_ticks,
        quantity_lots=further.quantity_lots or other.quantity_lots,
    )  # fmt: skip
