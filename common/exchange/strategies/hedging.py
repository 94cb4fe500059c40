"""Delta-neutral strategies: one resting order each, which brings what is held of a base back to its target."""

from collections.abc import Callable

from common.exchange.core import Core
from common.exchange.events import Deposited, RejectReason, TradeExecuted, Withdrawn
from common.exchange.orders import Orders
from common.exchange.quotes.prices import has_moved
from common.exchange.record import OrderRecord
from common.exchange.resting import PriceLots, resting_order
from common.exchange.states import Key
from common.exchange.strategies.delta import Hedge, wanted_hedge
from common.exchange.strategies.strategy import Strategy
from common.exchange.strategies.terms import DeltaNeutralTerms
from common.model.order import OrderState, Side

REACT, LOOK = "strategy", "strategy_look"
PASSING = frozenset({RejectReason.MARKET_HALTED, RejectReason.WOULD_TAKE, RejectReason.NO_MARK_PRICE})
"""Refusals that the market takes back by itself: the next trade or mark is waited for."""


class Hedging:
    """Looks at a strategy after every trade and payment of its account and every mark of its hedge market.

    A look places, moves or cancels at most one order. `give_up` is called with a strategy and a reason.
    """

    def __init__(self, core: Core, orders: Orders, give_up: Callable[[Strategy, str], None]) -> None:
        self._core, self._orders, self._give_up = core, orders, give_up
        self._strategies: dict[int, Strategy] = {}
        self._of_account: dict[str, list[int]] = {}
        self._of_market: dict[str, list[int]] = {}
        self._of_order: dict[int, Strategy] = {}
        self._bases = {symbol: scale.base for symbol, scale in core.ledger.scales.items()}
        core.doers |= {REACT: self._react, LOOK: self._look_again}
        core.on_mark.append(self._hear_mark)
        for kind in (Deposited, Withdrawn):
            core.hearers.setdefault(kind, []).append(self._hear_payment)

    def add(self, strategy: Strategy, terms: DeltaNeutralTerms) -> None:
        """Know a strategy."""
        if not self._strategies:
            # Every trade of the exchange is heard of, so nobody pays for it while there is no such strategy.
            self._core.on_trade.append(self._hear_trade)
        self._strategies[strategy.strategy_id] = strategy
        self._of_account.setdefault(strategy.account, []).append(strategy.strategy_id)
        self._of_market.setdefault(terms.hedge_symbol, []).append(strategy.strategy_id)
        if strategy.order_id:
            self._of_order[strategy.order_id] = strategy

    def remove(self, strategy: Strategy, terms: DeltaNeutralTerms) -> None:
        """Take a strategy's order off and forget it."""
        order = self._order(strategy)
        self._drop_order(strategy)
        if order is not None:
            self._orders.cancel(order)
        del self._strategies[strategy.strategy_id]
        self._of_account[strategy.account].remove(strategy.strategy_id)
        self._of_market[terms.hedge_symbol].remove(strategy.strategy_id)
        if not self._strategies:
            self._core.on_trade.remove(self._hear_trade)

    def look_soon(self, strategy: Strategy) -> None:
        """Look after the present command."""
        self._core.soon(LOOK, strategy.strategy_id)

    def delta_units(self, account: str, base: str) -> int:
        """What an account holds of a base: spot, what open orders lock included, and perpetual positions."""
        core = self._core
        balance = core.ledger.accounts.balances(account).get(base)
        total = 0 if balance is None else balance.total
        for symbol in core.margin.markets:
            if self._bases[symbol] == base:
                total += core.margin.position(account, symbol).net_lots * core.ledger.scales[symbol].lot_units
        return total

    def _hear_trade(self, trade: TradeExecuted) -> None:
        for account in (trade.maker.account, trade.taker.account):
            for strategy_id in self._of_account.get(account, ()):
                self._core.soon(LOOK, strategy_id)

    def _hear_payment(self, event: Deposited | Withdrawn) -> None:
        for strategy_id in self._of_account.get(event.account, ()):
            self._core.soon(LOOK, strategy_id)

    def _hear_mark(self, symbol: str) -> None:
        for strategy_id in self._of_market.get(symbol, ()):
            self._core.soon(LOOK, strategy_id)

    def _react(self, key: Key, _due_ns: int) -> None:
        """A hedge order traded or ended. One that is no strategy's any more is no news."""
        strategy = self._of_order.get(int(key))
        if strategy is None:
            return
        order = self._core.ledger.orders.get(int(key))
        if order is not None and order.is_open:
            self._look(strategy)
            return
        self._drop_order(strategy)
        if order is not None and order.state is OrderState.FILLED:
            self._look(strategy)
        else:
            ended = "forgotten" if order is None else order.state + (f": {order.reason}" if order.reason else "")
            self._give_up(strategy, f"order {key} {ended}")

    def _look_again(self, key: Key, _due_ns: int) -> None:
        strategy = self._strategies.get(int(key))
        if strategy is not None:
            self._look(strategy)

    def _look(self, strategy: Strategy) -> None:
        """Have the order that the account's delta asks for, or none."""
        terms = strategy.terms
        assert isinstance(terms, DeltaNeutralTerms)  # only those are added
        symbol, order = terms.hedge_symbol, self._order(strategy)
        excess = self.delta_units(strategy.account, terms.base) - terms.target_units
        hedge = wanted_hedge(
            excess, terms.band_units, self._core.ledger.scales[symbol].lot_units,
            self._core.instruments[symbol].quantity_lots_min, terms.order_lots_max, order is not None,
        )  # fmt: skip
        price = 0 if hedge is None else self._price(symbol, hedge.side, order)
        if hedge is None or self._is_too_small(symbol, price, hedge.lots):
            self._drop_order(strategy)
            if order is not None:
                self._orders.cancel(order)
        elif price:
            self._have(strategy, terms, hedge, price, order)

    def _have(
        self, strategy: Strategy, terms: DeltaNeutralTerms, hedge: Hedge, price: int, order: OrderRecord | None
    ) -> None:
        """Let the hedge order be this one."""
        side, symbol, account = hedge.side, terms.hedge_symbol, strategy.account
        stays = order is not None and order.side is side
        if order is not None and stays:
            if not has_moved(order.price_ticks, price, terms.reprice_bps):
                price = order.price_ticks
            if (order.price_ticks, order.remaining_lots) == (price, hedge.lots):
                return
        wanted: list[PriceLots] = [(price, hedge.lots)]
        bids, asks = (wanted, []) if side is Side.BUY else ([], wanted)
        replaced = [] if order is None else [order]
        if reason := self._orders.resting.refusal(account, symbol, bids, asks, replaced):
            if reason not in PASSING:
                self._give_up(strategy, reason)
            return
        if order is not None and stays:
            self._orders.resting.move(order, *wanted[0])
            return
        self._drop_order(strategy)
        if order is not None:
            self._orders.cancel(order)
        strategy.order_count += 1
        name = f"{strategy.tag}:{strategy.order_count}"
        placed = self._orders.resting.place(
            resting_order(account, symbol, side, wanted[0], name, strategy.tag, self._core.time_ns)
        )
        strategy.order_id = placed.order_id
        self._of_order[placed.order_id] = strategy

    def _price(self, symbol: str, side: Side, order: OrderRecord | None) -> int:
        """The best price of a side without the hedge itself, else the mark, at which nothing is taken; 0 = none."""
        bid, ask = self._orders.resting.touch(symbol, [] if order is None else [order])
        reference = self._core.markets[symbol].facts.reference
        if side is Side.BUY:
            price = bid or reference
            return min(price, ask - 1) if ask else price
        return max(ask or reference, bid + 1) if ask or reference else 0

    def _is_too_small(self, symbol: str, price: int, lots: int) -> bool:
        scale = self._core.ledger.scales[symbol]
        return bool(price) and scale.quote_units(price, lots) < scale.notional_units_min

    def _order(self, strategy: Strategy) -> OrderRecord | None:
        """The hedge order while it is open."""
        terms = strategy.terms
        assert isinstance(terms, DeltaNeutralTerms)  # only those are added
        return self._core.ledger.open_of(strategy.account, terms.hedge_symbol).get(strategy.order_id)

    def _drop_order(self, strategy: Strategy) -> None:
        self._of_order.pop(strategy.order_id, None)
        strategy.order_id = 0
