"""Orders that parts of the exchange place for accounts: grids, quotes, vaults, pools, liquidation."""

from collections.abc import Iterable

from common.exchange.changes import OrderChanges
from common.exchange.commands import AmendOrder, PlaceOrder
from common.exchange.core import Core
from common.exchange.entry import OrderEntry
from common.exchange.events import RejectReason
from common.exchange.record import OrderRecord
from common.exchange.resting import RestingOrders


class Orders:
    """The way to the book for who is inside already: the same checks as for everybody, answered at once."""

    def __init__(self, core: Core, entry: OrderEntry, changes: OrderChanges) -> None:
        self._core, self._entry, self._changes = core, entry, changes
        self.resting = RestingOrders(core, entry)

    def place(self, command: PlaceOrder) -> OrderRecord | RejectReason:
        """A new order; what it took is in the record that comes back."""
        return self._entry.place(command)

    def reachable(self, command: PlaceOrder) -> list[tuple[int, int]]:
        """(price, lots) that an order could trade now, best first."""
        return self._entry.reachable(command)

    def force(self, command: PlaceOrder) -> OrderRecord:
        """An order that liquidates an account, which could not pay for it any more; no check stops it."""
        return self._entry.force(command)

    def cancel(self, order: OrderRecord) -> None:
        """Take an open order off; one that has ended is no error."""
        if order.is_open:
            self._changes.withdraw(order)

    def amend(self, command: AmendOrder) -> RejectReason | None:
        """Other terms for an open order; None when they were taken."""
        return self._changes.amend(command, from_inside=True)

    def end(self, order: OrderRecord, reason: str) -> None:
        """The venue ends an open order; one that has ended is no error."""
        if order.is_open:
            self._changes.end(order, reason)

    def open_of(self, account: str, symbols: Iterable[str]) -> list[OrderRecord]:
        """Open orders of an account in some markets, oldest first in each."""
        return [order for symbol in symbols for order in self._core.ledger.open_of(account, symbol).values()]
