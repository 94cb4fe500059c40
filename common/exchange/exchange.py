"""The exchange core: commands in, events out. Deterministic, without clock, input, output or randomness."""

from collections.abc import Callable, Iterable, Mapping
from heapq import heapify, heappop
from types import MappingProxyType
from typing import Any

from common.exchange.admission import Standing, is_whole
from common.exchange.batch import Batches
from common.exchange.changes import OrderChanges
from common.exchange.commands import (
    AmendOrder,
    Batch,
    BatchItem,
    CancelOrder,
    Command,
    Deposit,
    ExpireOpenOrders,
    PassTime,
    PlaceOrder,
    PriceReference,
    PrintTrade,
    ReduceOrder,
    SetLast,
    SetLevels,
    SetMark,
    SetTouch,
    TakeLiquidity,
)
from common.exchange.core import Core
from common.exchange.entry import OrderEntry
from common.exchange.events import Deposited, Event, LastChanged, MarkChanged
from common.exchange.external import ExternalLiquidity
from common.exchange.fingerprint import state_hash
from common.exchange.money import FeeRates
from common.exchange.rules import MarketRules
from common.exchange.triggers import Triggers
from common.model.errors import InputInvalid
from common.model.instrument import Instrument

OPEN_ORDERS_MAX = MarketRules().open_orders_max
"""Open orders of one account in one market unless the rules say otherwise, as Binance's MAX_NUM_ORDERS."""

NO_RULES: Mapping[str, MarketRules] = MappingProxyType({})
NO_GROUPS: Mapping[str, str] = MappingProxyType({})


class Exchange:
    """Markets that share accounts.

    `execute` decides, changes the books and the ledger, and returns what happened; who journals the durable events
    of it before telling anybody loses nothing. `restore` takes such a journal, before the first command.
    """

    def __init__(
        self,
        instruments: Iterable[Instrument],
        fees: FeeRates,
        first_trade_id: int = 1,
        *,
        rules: Mapping[str, MarketRules] = NO_RULES,
        trade_groups: Mapping[str, str] = NO_GROUPS,
        settles: bool = True,
    ) -> None:
        """`rules` by symbol, `trade_groups` by account: accounts of one group do not trade with each other.

        Without `settles` there are no balances and no fees, so nobody needs to deposit: the book alone.
        """
        core = self._core = Core(instruments, fees, first_trade_id, rules, trade_groups, settles)
        self.instruments, self.ledger, self.markets = core.instruments, core.ledger, core.markets
        standing = Standing(core)
        self._entry = OrderEntry(core, standing)
        self._changes = OrderChanges(core, standing, self._entry)
        self._triggers = Triggers(core, self._entry)
        self._external = {symbol: ExternalLiquidity(market) for symbol, market in self.markets.items()}
        self._handlers: dict[type[Command], Callable[[Any], None]] = {
            Deposit: self._deposit,
            PlaceOrder: self._entry.place,
            CancelOrder: self._changes.cancel,
            ReduceOrder: self._changes.reduce,
            AmendOrder: self._changes.amend,
            ExpireOpenOrders: self._expire_open,
            Batch: Batches(core, self._entry, self._changes, self._carry_out).run,
            SetMark: self._set_mark,
            SetLast: self._set_last,
            PassTime: lambda command: None,
            SetLevels: lambda command: self._external[command.symbol].set_levels(command),
            SetTouch: lambda command: self._external[command.symbol].set_touch(command),
            PrintTrade: lambda command: self._external[command.symbol].print_trade(command),
            TakeLiquidity: lambda command: self._external[command.symbol].take(command),
        }

    @property
    def time_ns(self) -> int:
        """The latest time of any command or restored event."""
        return self._core.time_ns

    @property
    def fees(self) -> FeeRates:
        """What trades cost."""
        return self._core.fees

    def state_hash(self) -> str:
        """The same for the same state, in every process and after `restore`. Costs O(state)."""
        return state_hash(self._core)

    def restore(self, events: Iterable[Event]) -> None:
        """Take the events of an earlier life: afterwards open orders rest and wait as they did.

        Liquidity of the external account is not journaled, so it is gone.
        """
        core = self._core
        for event in events:
            core.apply(event)
            core.time_ns = max(core.time_ns, event.time_ns)
        orders = [order for each in self.ledger.open_orders.values() for order in each.values()]
        for order in sorted(orders, key=lambda order: (order.place, order.order_id)):
            core.schedule(order)
            if order.is_waiting:
                self._entry.wait(order)
            else:
                core.rest(order)
        for symbol, market in self.markets.items():
            market.take_touched()
            if market.facts.phase_until_ns:
                core.agenda.append((market.facts.phase_until_ns, 0, symbol))
        heapify(core.agenda)

    def execute(self, command: Command) -> list[Event]:
        """Carry out one command. Raises InputInvalid for a market that does not exist; refusals are events."""
        core, symbol = self._core, getattr(command, "symbol", "")
        involved = {symbol: None} if symbol else {}
        if isinstance(command, Batch):
            involved = {item.symbol: None for item in command.items}
        for symbol in involved:
            if symbol not in self.markets:
                raise InputInvalid("symbol", type(command).__name__, f"one of {', '.join(self.markets)}", symbol)
        core.begin(command.time_ns, involved)
        if core.agenda and core.agenda[0][0] <= core.time_ns:
            self._pass_time()
        self._handlers[type(command)](command)
        if core.moved:
            self._triggers.run()
        core.report_levels()
        return core.events

    def _carry_out(self, item: BatchItem) -> None:
        self._handlers[type(item)](item)

    def _pass_time(self) -> None:
        """End orders and phases whose time has come, in the order of their times."""
        core = self._core
        while core.agenda and core.agenda[0][0] <= core.time_ns:
            due_ns, order_id, symbol = heappop(core.agenda)
            core.involved[symbol] = None
            if order_id:
                self._changes.time_out(order_id)
            else:
                self._triggers.next_phase(symbol, due_ns)
        self._triggers.run()

    def _deposit(self, command: Deposit) -> None:
        if command.units < 0:
            raise InputInvalid("units", "Deposit", "at least 0", command.units)
        event = Deposited(time_ns=self._core.time_ns, account=command.account, asset=command.asset, units=command.units)
        self._core.emit(event)

    def _set_mark(self, command: SetMark) -> None:
        _check_price(command)
        self._core.emit(MarkChanged(time_ns=self._core.time_ns, symbol=command.symbol, price_ticks=command.price_ticks))
        self._core.note_price(command.symbol, PriceReference.MARK, command.price_ticks)

    def _set_last(self, command: SetLast) -> None:
        _check_price(command)
        self._core.emit(LastChanged(time_ns=self._core.time_ns, symbol=command.symbol, price_ticks=command.price_ticks))

    def _expire_open(self, command: ExpireOpenOrders) -> None:
        self._core.involved.update(dict.fromkeys(self.markets))
        self._changes.expire_open(command)


def _check_price(command: SetMark | SetLast) -> None:
    if not is_whole(command.price_ticks, 1):
        raise InputInvalid("price_ticks", type(command).__name__, "a positive 64-bit integer", command.price_ticks)
