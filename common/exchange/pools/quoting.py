"""The quotes of pools in the book: post-only orders, renewed after fills and when the mark has moved by a level."""

from msgspec.structs import replace

from common.exchange.commands import PlaceOrder
from common.exchange.core import Core
from common.exchange.events import RejectReason
from common.exchange.orders import Orders
from common.exchange.pools.ladder import Means, Rung, rungs, spacing_of
from common.exchange.pools.records import Pool, PoolStatus
from common.exchange.pools.streams import unvested
from common.exchange.purse import Purse
from common.exchange.record import OrderRecord
from common.exchange.states import Key
from common.model.order import OrderState

POOL_ORDER, POOL_QUOTE = "pool", "pool_quote"


class Quoting:
    """Keeps every pool's ladder in the book. The ladder is the only one who orders for a pool that is open."""

    def __init__(self, core: Core, orders: Orders, purse: Purse, pools: dict[str, Pool]) -> None:
        self._core, self._orders, self._purse, self._pools = core, orders, purse, pools
        self._by_symbol: dict[str, list[str]] = {}
        core.doers |= {POOL_ORDER: self._hear_order, POOL_QUOTE: self._quote}
        if core.config.features.pools:
            core.on_mark.append(self._hear_mark)

    def note(self, pool: Pool) -> None:
        """A pool is there: keep the index of pools by market."""
        names = self._by_symbol.setdefault(pool.symbol, [])
        names.append(pool.name)
        names.sort()

    def renew(self, pool: Pool) -> None:
        """Quote anew after the present command."""
        self._core.soon(POOL_QUOTE, pool.name)

    def renew_with_cash(self, pool: Pool) -> None:
        """Cash has come: quote anew where there was too little of it. Otherwise it changes no quote."""
        if pool.lacks_cash or not pool.quoted_mark:
            self.renew(pool)

    def withdraw(self, pool: Pool) -> None:
        """Take all quotes off."""
        for order in list(self._core.ledger.open_of(pool.account, pool.symbol).values()):
            self._orders.cancel(order)
        pool.quoted_mark = 0

    def _hear_order(self, order_id: Key, _due_ns: int) -> None:
        order = self._core.ledger.orders.get(int(order_id))
        # A quote that was taken off by its own pool is no news.
        if order is not None and order.state is not OrderState.CANCELED:
            self.renew(self._pools[order.terms.link.partition(":")[2]])

    def _hear_mark(self, symbol: str) -> None:
        mark = self._purse.price(symbol)
        for name in self._by_symbol.get(symbol, ()):
            pool = self._pools[name]
            if _quotes(pool) and abs(mark - pool.quoted_mark) >= spacing_of(pool.ladder, pool.quoted_mark):
                self.renew(pool)

    def _quote(self, name: Key, _due_ns: int) -> None:
        """Make the book hold the ladder: what is right stays with its place in the queue, all else goes and comes."""
        pool = self._pools[str(name)]
        mark = self._purse.price(pool.symbol)
        if not _quotes(pool) or not mark:
            self.withdraw(pool)
            return
        means = self._means(pool)
        ladder = rungs(pool.ladder, mark, means)
        lacks = means.bid_cost_max is not None and ladder != rungs(pool.ladder, mark, replace(means, bid_cost_max=None))
        wanted = dict.fromkeys(ladder)
        for order in list(self._core.ledger.open_of(pool.account, pool.symbol).values()):
            rung = Rung(order.side, order.price_ticks, order.remaining_lots)
            if rung in wanted:
                del wanted[rung]
            else:
                self._orders.cancel(order)
        for rung in wanted:
            if self._place(pool, rung) is RejectReason.INSUFFICIENT_MARGIN:
                lacks = True
        pool.quoted_mark, pool.lacks_cash = mark, lacks

    def _means(self, pool: Pool) -> Means:
        core, scale = self._core, self._core.ledger.scales[pool.symbol]
        lots = self._purse.lots(pool.account, pool.symbol)
        if scale.is_perpetual:
            return Means(position_lots=lots, ask_lots_max=pool.ladder.inventory_lots_max + lots)
        balance = core.ledger.accounts.balances(pool.account).get(pool.asset)
        cash = 0 if balance is None else balance.total - unvested(pool.streams, core.time_ns)
        return Means(position_lots=lots, ask_lots_max=lots, bid_cost_max=max(0, cash) // scale.tick_lot_units)

    def _place(self, pool: Pool, rung: Rung) -> OrderRecord | RejectReason:
        pool.last_quote += 1
        return self._orders.place(
            PlaceOrder(
                time_ns=self._core.time_ns, account=pool.account, symbol=pool.symbol,
                client_order_id=f"{pool.name}-{pool.last_quote}", side=rung.side, quantity_lots=rung.lots,
                price_ticks=rung.price, post_only=True, link=f"{POOL_ORDER}:{pool.name}",
            )
        )  # fmt: skip


def _quotes(pool: Pool) -> bool:
    return pool.status is PoolStatus.OPEN and pool.supply > 0 and pool.ladder.levels > 0
