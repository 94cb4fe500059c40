"""What the orders of a vault may do: its own risk limits, bound to its positions, open orders and marks."""

from collections.abc import Iterator

from common.exchange.core import Core, Limit, OpenLots
from common.exchange.events import RejectReason
from common.exchange.purse import Purse
from common.exchange.record import OrderRecord
from common.exchange.vaults.accounting import is_overdue
from common.exchange.vaults.limits import Exposure, order_refusal
from common.exchange.vaults.records import Vault, VaultStatus
from common.model.order import Side


class Mandate:
    """Looks at every order of a vault before it comes in, whoever gives it."""

    def __init__(self, core: Core, purse: Purse) -> None:
        self._core, self._purse = core, purse

    def limit(self, vault: Vault) -> Limit:
        """The check of one vault, for `core.limits`."""
        return lambda order, lots, open_lots: self.refusal(vault, order, lots, open_lots)

    def refusal(self, vault: Vault, order: OrderRecord, lots: int, open_lots: OpenLots) -> RejectReason | None:
        """Why a vault may not have an order with so many open lots besides its other open ones."""
        symbol = order.symbol
        if symbol not in self._purse.markets.get(vault.asset, ()):
            return RejectReason.SYMBOL_NOT_ALLOWED
        if order.reduce_only:
            return None
        if vault.status is not VaultStatus.OPEN or vault.is_stopped or is_overdue(vault, self._core.time_ns):
            return RejectReason.ONLY_REDUCING
        bids, asks = open_lots(symbol)
        before = self._exposure(vault, symbol, bids, asks)
        more = (lots, 0) if order.side is Side.BUY else (0, lots)
        after = self._exposure(vault, symbol, bids + more[0], asks + more[1])
        equity = self._purse.equity(vault.account, vault.asset)
        if equity is None:
            return RejectReason.NO_MARK_PRICE
        return order_refusal(vault.limits, before, after, self._others(vault, symbol, open_lots), equity)

    def _others(self, vault: Vault, symbol: str, open_lots: OpenLots) -> Iterator[Exposure]:
        for other in self._purse.markets[vault.asset]:
            if other != symbol:
                yield self._exposure(vault, other, *open_lots(other))

    def _exposure(self, vault: Vault, symbol: str, bids: int, asks: int) -> Exposure:
        value = self._purse.price(symbol) * self._core.ledger.scales[symbol].tick_lot_units
        lots, parted = self._purse.lots(vault.account, symbol), 0
        if symbol in self._core.margin.markets:
            parted = self._core.margin.position(vault.account, symbol).parted_lots
        return Exposure(symbol=symbol, lots=lots, bid_lots=bids, ask_lots=asks, lot_units=value, parted_lots=parted)
