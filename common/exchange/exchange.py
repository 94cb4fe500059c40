"""The exchange core: commands in, events out. Deterministic, without clock, input, output or randomness."""

from collections.abc import Callable
from typing import Any

import msgspec

from common.exchange.admission import Standing, is_whole
from common.exchange.analytics.engine import Analytics
from common.exchange.batch import Batches
from common.exchange.book import BUY, SELL
from common.exchange.changes import OrderChanges
from common.exchange.commands import (
    AmendOrder,
    Batch,
    BatchItem,
    CancelOrder,
    Command,
    Deposit,
    DropLiquidity,
    ExpireOpenOrders,
    PassTime,
    PlaceOrder,
    PrintTrade,
    ReduceOrder,
    SetLast,
    SetLevels,
    SetMark,
    SetTouch,
    TakeLiquidity,
    Withdraw,
)
from common.exchange.configuration import ExchangeConfig
from common.exchange.core import LIQUIDATE, ORDER_ENDS, PHASE_ENDS, REACTIONS_MAX, Core
from common.exchange.deadman.deadman import DeadMan
from common.exchange.entry import OrderEntry
from common.exchange.events import (
    SPECIAL_ACCOUNTS,
    TREASURY_ACCOUNT,
    CommandRefused,
    Deposited,
    Event,
    LastChanged,
    LevelChanged,
    Refusal,
    RejectReason,
    Withdrawn,
)
from common.exchange.external import ExternalLiquidity
from common.exchange.fees.standing import FeeStanding
from common.exchange.fees.volumes import NS_PER_DAY
from common.exchange.grids.engine import Grids
from common.exchange.margin.clearing import Clearing
from common.exchange.margin.collateral import Collateral
from common.exchange.orders import Orders
from common.exchange.pools.commands import OF_TREASURY as TREASURY_POOLS
from common.exchange.pools.engine import Pools
from common.exchange.quotes.engine import Quotes
from common.exchange.refusal import Refused
from common.exchange.room import Room
from common.exchange.snapshot import ExchangeState, common_state, hash_of, load_common
from common.exchange.strategies.engine import Strategies
from common.exchange.triggers import Triggers
from common.exchange.vaults.commands import OF_TREASURY as TREASURY_VAULTS
from common.exchange.vaults.engine import Vaults

ORDER_COMMANDS: frozenset[Any] = frozenset({PlaceOrder, CancelOrder, ReduceOrder, AmendOrder})
"""What the manager of an account that has no keys of its own may do with it; rooms add theirs."""

OF_TREASURY = TREASURY_VAULTS | TREASURY_POOLS
"""Commands that the venue gives in the name of its treasury."""

VENUES_OWN: frozenset[Any] = frozenset({Deposit})
"""Commands about an account that only the venue's operator gives, so that no owner needs to be asked."""


class Exchange:
    """Markets that share accounts.

    `execute` decides, changes the state, and returns what happened. Who journals every command before telling anybody
    loses nothing: the same commands, from the start or from a snapshot on, make the same state.
    """

    def __init__(self, config: ExchangeConfig) -> None:
        self.config = config
        core = self._core = Core(config)
        self.instruments, self.markets = core.instruments, core.markets
        self.ledger, self.margin = core.ledger, core.margin
        self._assets = {asset for scale in core.ledger.scales.values() for asset in (scale.base, scale.quote)}
        standing = Standing(core)
        self._entry = OrderEntry(core, standing)
        self._changes = OrderChanges(core, standing, self._entry)
        self._triggers = Triggers(core, self._entry)
        self._external = {symbol: ExternalLiquidity(market) for symbol, market in self.markets.items()}
        core.doers |= {ORDER_ENDS: self._changes.time_out, PHASE_ENDS: self._triggers.next_phase}
        self._handlers: dict[Any, Callable[[Any], Any]] = {
            Deposit: self._deposit,
            Withdraw: self._withdraw,
            PlaceOrder: self._entry.place,
            CancelOrder: self._changes.cancel,
            ReduceOrder: self._changes.reduce,
            AmendOrder: self._changes.amend,
            ExpireOpenOrders: self._changes.expire_open,
            Batch: Batches(core, self._entry, self._changes, self._carry_out).run,
            SetMark: self._set_mark,
            SetLast: self._set_last,
            PassTime: lambda command: None,
            SetLevels: lambda command: self._external[command.symbol].set_levels(command),
            SetTouch: lambda command: self._external[command.symbol].set_touch(command),
            PrintTrade: lambda command: self._external[command.symbol].print_trade(command),
            DropLiquidity: lambda command: self._external[command.symbol].drop_all(),
            TakeLiquidity: lambda command: self._external[command.symbol].take(command),
        }
        self._handlers |= Collateral(core).handlers
        self._plain: dict[Any, Callable[[Any], bool]] = {
            PlaceOrder: self._entry.place_plain,
            CancelOrder: self._changes.cancel_plain,
        }
        """Do the plainest of the most frequent commands, without looking at what cannot speak against them."""
        self._trading = set[Any](ORDER_COMMANDS)
        self.orders = Orders(core, self._entry, self._changes)
        self.rooms: dict[str, Room] = {}
        self._add("deadman", DeadMan(core, self.orders))
        self.clearing = Clearing(core, self.orders)
        self._add("clearing", self.clearing)
        self.vaults = Vaults(core, self.orders, self.clearing.parts)
        self._add("vaults", self.vaults)
        self.pools = Pools(core, self.orders)
        self._add("pools", self.pools)
        self.grids = Grids(core, self.orders)
        self._add("grids", self.grids)
        self.quotes = Quotes(core, self.orders)
        self._add("quotes", self.quotes)
        self.strategies = Strategies(core, self.orders, self.grids, self.quotes)
        self._add("strategies", self.strategies)
        self.analytics = Analytics(core)
        self._add("analytics", self.analytics)

    @property
    def time_ns(self) -> int:
        """The latest time of any command."""
        return self._core.time_ns

    @property
    def due_ns(self) -> int:
        """When time alone will do the next thing; 0 = nothing is due. A command at or after it does it."""
        return self._core.agenda[0][0] if self._core.agenda else 0

    @property
    def digest(self) -> int:
        """Folded from every order and trade so far: cheap to compare while commands are replayed."""
        return self._core.ledger.digest

    def manager_of(self, account: str) -> str:
        """Who gives the orders of an account that has no keys of its own; empty for all others."""
        return self._core.managers.get(account, "")

    def nonce_of(self, account: str) -> int:
        """The newest nonce of somebody that was accepted; 0 = none ever."""
        return self._core.nonces.get(account, 0)

    def state(self) -> ExchangeState:
        """What `load` takes. It refers to what goes on changing, so encode it before the next command."""
        return ExchangeState(
            config=self.config,
            common=common_state(self._core),
            rooms={name: msgspec.Raw(msgspec.msgpack.encode(room.state)) for name, room in self.rooms.items()},
        )

    def load(self, state: ExchangeState) -> None:
        """Become what a state was. Only for an exchange that has executed nothing yet."""
        load_common(self._core, state.common)
        for name, room in self.rooms.items():
            if name in state.rooms:
                room.load(msgspec.msgpack.decode(state.rooms[name], type=type(room.state)))

    def state_hash(self) -> str:
        """The same for the same state, in every process and after every restart. Costs O(state)."""
        return hash_of(common_state(self._core), {name: room.state for name, room in self.rooms.items()})

    def execute(self, command: Command) -> list[Event]:
        """Carry out one command; what speaks against it is an event too, and then nothing has changed."""
        core = self._core
        core.events = []
        time_ns = command.time_ns
        if time_ns > core.time_ns:
            core.time_ns = time_ns
        agenda = core.agenda
        if agenda and agenda[0][0] <= core.time_ns:
            core.pass_time()
            self._settle_down()
        handler = self._plain.get(type(command))
        if handler is None or core.managers or not handler(command):
            self._consider(command)
        if core.moved or core.margin.touched or core.reactions:
            self._settle_down()
        return core.events

    def _consider(self, command: Any) -> None:
        """Look at everything that may speak against a command before it acts."""
        core, refusal = self._core, self._refusal(command)
        before = len(core.events)
        if refusal is None:
            try:
                self._handlers[type(command)](command)
            except Refused as error:
                refusal = error
        if refusal is not None:
            self._refuse(command, refusal)
        elif command.nonce and not _is_refusal(core.events[before:]):
            core.nonces[command.by or getattr(command, "account", "")] = command.nonce

    def refusal_of(self, command: PlaceOrder) -> RejectReason | None:
        """Why an order would be refused now; nothing is placed."""
        if refusal := self._refusal(command):
            return refusal.reason
        return self._entry.refusal_now(command)

    def affordable_lots(self, command: PlaceOrder) -> int:
        """Lots that a market order would trade now, at most for its budget; nothing is placed."""
        return self._entry.affordable_lots(command)

    def fee_standing(self, account: str) -> FeeStanding:
        """What an account pays now and why: tier, volumes of 30 days, share of the maker volume. Changes nothing."""
        return self._core.fees.find(account, self.time_ns // NS_PER_DAY)

    def changed_levels(self) -> list[LevelChanged]:
        """All that now rests at every price that changed since the last call, in the order of the changes."""
        changed, time_ns, new = list[LevelChanged](), self._core.time_ns, LevelChanged
        for symbol, market in self.markets.items():
            book = market.book
            for key in market.take_touched():
                price: int = key
                side = SELL if price > 0 else BUY
                changed.append(
                    new(
                        time_ns=time_ns, symbol=symbol, side=side, price_ticks=price if price > 0 else -price,
                        quantity_lots=book.lots_at(key),
                    )
                )  # fmt: skip
        return changed

    def _add(self, name: str, room: Room) -> None:
        self.rooms[name] = room
        self._handlers |= room.handlers
        self._trading |= room.trading

    def _settle_down(self) -> None:
        """Fire triggers, look after margin, and react, until nothing is left to do or too much was."""
        core = self._core
        for _ in range(REACTIONS_MAX):
            if core.moved:
                self._triggers.run()
            for asset, account in core.margin.take_unhealthy():
                core.soon(LIQUIDATE, f"{asset}:{account}")
            if not core.react() and not core.moved and not core.margin.touched:
                return

    def _refusal(self, command: Command) -> Refused | None:
        """What speaks against a command whatever it wants to do."""
        kind = type(command)
        if kind not in self._handlers:
            return Refused(RejectReason.UNKNOWN_COMMAND)
        symbol = getattr(command, "symbol", None)
        if symbol is not None and symbol not in self.markets:
            return Refused(RejectReason.UNKNOWN_MARKET, str(symbol))
        if kind is Batch:
            return self._batch_refusal(command)
        account = getattr(command, "account", None)
        if account is None:
            return self._nonce_refusal(command, command.by)
        if refusal := self._account_refusal(command, account):
            return refusal
        return self._nonce_refusal(command, command.by or account)

    def _account_refusal(self, command: Command, account: str) -> Refused | None:
        if account in SPECIAL_ACCOUNTS and not (account == TREASURY_ACCOUNT and type(command) in OF_TREASURY):
            return Refused(RejectReason.UNKNOWN_ACCOUNT, account)
        managers, asker = self._core.managers, command.by or account
        if (command.by or managers) and type(command) not in VENUES_OWN:
            manager = managers.get(account)
            if manager is None:
                if asker != account:
                    return Refused(RejectReason.NOT_AUTHORISED, f"{asker} for {account}")
            elif asker != manager or type(command) not in self._trading:
                return Refused(RejectReason.NOT_AUTHORISED, f"{asker} for {account}")
        if type(command) is PlaceOrder and command.link:
            return Refused(RejectReason.NOT_AUTHORISED, "only the exchange itself links orders")
        return None

    def _batch_refusal(self, command: Any) -> Refused | None:
        for item in command.items:
            if item.symbol not in self.markets:
                return Refused(RejectReason.UNKNOWN_MARKET, str(item.symbol))
            if refusal := self._account_refusal(item, item.account):
                return refusal
        if command.nonce and not command.by:
            return Refused(RejectReason.NOT_AUTHORISED, "a batch with a nonce must say whose it is")
        return self._nonce_refusal(command, command.by)

    def _nonce_refusal(self, command: Any, asker: str) -> Refused | None:
        if not command.nonce:
            return None
        last = self._core.nonces.get(asker, 0)
        if is_whole(command.nonce, last + 1):
            return None
        return Refused(RejectReason.STALE_NONCE, f"above {last}, got {command.nonce!r}")

    def _refuse(self, command: Command, refusal: Refused) -> None:
        self._core.tell(
            CommandRefused(
                time_ns=self._core.time_ns,
                account=str(getattr(command, "account", "")),
                command=type(command).__name__,
                reason=refusal.reason,
                detail=refusal.detail,
            )
        )

    def _carry_out(self, item: BatchItem) -> None:
        self._handlers[type(item)](item)

    def _deposit(self, command: Any) -> None:
        if not is_whole(command.units, 1) or not command.account or not command.asset:
            raise Refused(RejectReason.AMOUNT_INVALID, f"units must be a positive integer, got {command.units!r}")
        if command.asset not in self._assets:
            raise Refused(RejectReason.AMOUNT_INVALID, f"{command.asset} is no asset here")
        if command.units > self._core.room_for(command.asset):
            raise Refused(RejectReason.AMOUNT_INVALID, "more than fits in 64 bits with all that is there")
        self._core.ledger.accounts.credit(command.account, command.asset, command.units)
        self._core.tell(
            Deposited(time_ns=self.time_ns, account=command.account, asset=command.asset, units=command.units)
        )

    def _withdraw(self, command: Any) -> None:
        if not is_whole(command.units, 1):
            raise Refused(RejectReason.AMOUNT_INVALID, f"units must be a positive integer, got {command.units!r}")
        accounts = self._core.ledger.accounts
        if self._core.margin.is_liquidating(command.account):
            raise Refused(RejectReason.IN_LIQUIDATION)
        if command.units > accounts.free(command.account, command.asset):
            raise Refused(RejectReason.INSUFFICIENT_BALANCE)
        accounts.credit(command.account, command.asset, -command.units)
        self._core.tell(
            Withdrawn(time_ns=self.time_ns, account=command.account, asset=command.asset, units=command.units)
        )

    def _set_mark(self, command: Any) -> None:
        if not is_whole(command.price_ticks, 1):
            raise Refused(RejectReason.PRICE_INVALID, f"a positive 64-bit integer, got {command.price_ticks!r}")
        self._core.set_mark(command.symbol, command.price_ticks)

    def _set_last(self, command: Any) -> None:
        if not is_whole(command.price_ticks, 1):
            raise Refused(RejectReason.PRICE_INVALID, f"a positive 64-bit integer, got {command.price_ticks!r}")
        self._core.markets[command.symbol].facts.set_last(command.price_ticks)
        self._core.tell(LastChanged(time_ns=self.time_ns, symbol=command.symbol, price_ticks=command.price_ticks))


def _is_refusal(events: list[Event]) -> bool:
    """True when a command made these events and changed nothing; of a batch single items may be refused."""
    return len(events) == 1 and isinstance(events[0], Refusal)
