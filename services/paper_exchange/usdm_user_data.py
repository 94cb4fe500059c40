"""Private streams of USD-M: orders as the account's events make them, wallets and positions as they then stand.

What became of wallet and positions is seen by comparing them with what was told last, whatever changed them: a trade,
a transfer, funding, a liquidation. The events only say the reason.
"""

import secrets
from collections.abc import Iterable, Iterator, Mapping

from common.exchange.events import (
    SELF_TRADE,
    Event,
    OrderAmended,
    OrderCanceled,
    OrderExpired,
    OrderPlaced,
    OrderTriggered,
    StopMoved,
    TradeExecuted,
)
from common.exchange.exchange import Exchange
from common.exchange.fills import Fill, fills_of
from common.exchange.margin.events import (
    CollateralMoved,
    DeficitCovered,
    FundingPaid,
    IsolatedMarginMoved,
    LeverageSet,
    MarginModeSet,
    MarginTakenOver,
    PositionTakenOver,
)
from common.exchange.money import units_text
from common.exchange.record import OrderRecord, record_of
from common.model.order import OrderState, TimeInForce
from services.paper_exchange.usdm_positions import EMPTY, Held, Positions
from services.paper_exchange.usdm_wire import (
    CONDITIONAL,
    ContractWire,
    algo_status_of,
    callback_text,
    is_liquidation,
    life_of,
    name_of,
    original_type,
    type_of,
    working_type,
)
from services.paper_exchange.wire import NS_PER_MS, Json, status_of

LISTEN_KEY_LIFE_MS = 60 * 60_000
NOTHING = "0"
ADJUSTMENT, LIQUIDATION = "ADJUSTMENT", "LIQUIDATION"

REASONS: dict[type[Event], str] = {
    TradeExecuted: "ORDER",
    FundingPaid: "FUNDING_FEE",
    MarginModeSet: "MARGIN_TYPE_CHANGE",
    IsolatedMarginMoved: "MARGIN_TRANSFER",
    PositionTakenOver: "INSURANCE_CLEAR",
    MarginTakenOver: "INSURANCE_CLEAR",
    DeficitCovered: "INSURANCE_CLEAR",
}
"""Binance's words for why wallets and positions changed, by the event that says so; any other is an ADJUSTMENT."""

Report = tuple[str, Json]
"""Whom an event is for, and the event."""


class ListenKeys:
    """Names of private streams: one for each account, alive for an hour after it was last asked for or kept."""

    def __init__(self) -> None:
        self._keys: dict[str, str] = {}
        self._until_ms: dict[str, int] = {}

    def make(self, account: str, now_ms: int) -> str:
        """The account's key, made if it has none."""
        key = self._keys.get(account)
        if key is None:
            key = self._keys[account] = secrets.token_hex(32)
        self._until_ms[key] = now_ms + LISTEN_KEY_LIFE_MS
        return key

    def keep(self, account: str, now_ms: int) -> str | None:
        """Give the account's key another hour; None when it has none."""
        return self.make(account, now_ms) if account in self._keys else None

    def drop(self, account: str) -> str | None:
        """End the account's key; None when it has none."""
        key = self._keys.pop(account, None)
        if key is not None:
            del self._until_ms[key]
        return key

    def key_of(self, account: str) -> str | None:
        """The account's key, if it has one."""
        return self._keys.get(account)

    def is_alive(self, key: str) -> bool:
        """True for the name of a stream that there is."""
        return key in self._until_ms

    def take_expired(self, now_ms: int) -> list[str]:
        """Forget the keys whose hour is over."""
        late = [account for account, key in self._keys.items() if self._until_ms[key] <= now_ms]
        return [key for account in late if (key := self.drop(account))]


class OrderReports:
    """Turns events into reports that show each order of some accounts as it was right after that event.

    The ledger already stands after the whole command when its events arrive, so open orders are followed here too.
    """

    def __init__(self, accounts: Iterable[str], exchange: Exchange, wires: Mapping[str, ContractWire]) -> None:
        self._accounts, self._wires = frozenset(accounts), wires
        self._orders = {
            number: order.copy()
            for account in accounts
            for symbol in wires
            for number, order in exchange.ledger.open_of(account, symbol).items()
        }

    def absorb(self, events: list[Event]) -> Iterator[Report]:
        """Reports of the events of one command."""
        for event in events:
            if isinstance(event, OrderPlaced):
                is_ours = event.account in self._accounts and event.symbol in self._wires
                if is_ours and not _is_stillborn(event, events):
                    order = record_of(
                        event.order_id, event.terms, event.price_ticks, event.quantity_lots, event.time_ns
                    )
                    self._orders[event.order_id] = order
                    yield from self._reports(order, "NEW", event.time_ns)
            elif isinstance(event, TradeExecuted):
                for fill in fills_of(event):
                    if fill.order_id in self._orders:
                        yield from self._traded(fill)
            elif isinstance(event, OrderAmended | OrderTriggered | StopMoved | OrderCanceled | OrderExpired):
                if event.order_id in self._orders:
                    yield from self._changed(self._orders[event.order_id], event)

    def _changed(self, order: OrderRecord, event: Event) -> Iterator[Report]:
        order.changed_ns = event.time_ns
        if isinstance(event, StopMoved):
            order.stop_ticks = event.stop_ticks
        elif isinstance(event, OrderTriggered):
            order.is_waiting = False
            yield from self._reports(order, "NEW", event.time_ns)
        elif isinstance(event, OrderAmended):
            order.price_ticks, order.quantity_lots = event.price_ticks, event.quantity_lots
            if event.client_order_id:
                order.rename(event.client_order_id)
            yield from self._reports(order, "AMENDMENT", event.time_ns)
        elif isinstance(event, OrderCanceled):
            del self._orders[order.order_id]
            order.state = OrderState.CANCELED
            yield from self._reports(order, "CANCELED", event.time_ns)
        elif isinstance(event, OrderExpired):
            del self._orders[order.order_id]
            order.state, order.reason = OrderState.EXPIRED, event.reason
            kind = "TRADE_PREVENTION" if event.reason == SELF_TRADE else "EXPIRED"
            yield from self._reports(order, kind, event.time_ns)

    def _traded(self, fill: Fill) -> Iterator[Report]:
        order, wire = self._orders[fill.order_id], self._wires[fill.symbol]
        order.fill(fill.quantity_lots, wire.scale.quote_units(fill.price_ticks, fill.quantity_lots), fill.time_ns)
        if not order.is_open:
            del self._orders[fill.order_id]
        yield from self._reports(order, "TRADE", fill.time_ns, fill)

    def _reports(self, order: OrderRecord, kind: str, time_ns: int, fill: Fill | None = None) -> Iterator[Report]:
        moment = time_ns // NS_PER_MS
        if fill is not None and is_liquidation(order):
            kind = "CALCULATED"
        shown = self._order(order, kind, moment) | (self._fill(fill) if fill else {})
        yield order.account, {"e": "ORDER_TRADE_UPDATE", "E": moment, "T": moment, "o": shown}
        if original_type(order) in CONDITIONAL and (fill is None or not order.is_open):
            yield order.account, {"e": "ALGO_UPDATE", "E": moment, "T": moment, "o": self._algo(order)}

    def _order(self, order: OrderRecord, kind: str, moment: int) -> Json:
        wire, terms, trigger = self._wires[order.symbol], order.terms, order.trigger
        shown: Json = {
            "s": wire.name,
            "c": name_of(order),
            "S": order.side.value.upper(),
            "o": LIQUIDATION if is_liquidation(order) else type_of(order),
            "f": life_of(order),
            "q": wire.quantity(order.quantity_lots),
            "p": wire.price(order.price_ticks),
            "ap": wire.average(order.quote_units, order.filled_lots),
            "sp": wire.price(order.stop_ticks),
            "x": kind,
            "X": status_of(order),
            "i": order.order_id,
            "l": wire.quantity(0),
            "z": wire.quantity(order.filled_lots),
            "L": wire.price(0),
            "n": NOTHING,
            "N": wire.scale.quote,
            "T": moment,
            "t": 0,
            "b": NOTHING,
            "a": NOTHING,
            "m": False,
            "R": order.reduce_only,
            "wt": working_type(trigger),
            "ot": original_type(order),
            "ps": "BOTH",
            "cp": terms.close_position,
            "rp": NOTHING,
            "pP": False,
            "si": 0,
            "ss": 0,
            "V": order.self_trade_prevention.value.upper(),
            "pm": "NONE",
            "gtd": terms.expires_ns // NS_PER_MS,
        }
        if trigger is not None and trigger.offset_bps:
            shown |= {"AP": wire.price(trigger.activation_ticks), "cr": callback_text(trigger)}
        return shown

    def _fill(self, fill: Fill) -> Json:
        wire = self._wires[fill.symbol]
        return {
            "l": wire.quantity(fill.quantity_lots),
            "L": wire.price(fill.price_ticks),
            "n": units_text(fill.fee_units),
            "N": fill.fee_asset,
            "t": fill.trade_id,
            "m": fill.maker,
            "rp": units_text(fill.realised_units),
        }

    def _algo(self, order: OrderRecord) -> Json:
        wire, trigger = self._wires[order.symbol], order.trigger
        shown: Json = {
            "caid": order.client_order_id,
            "aid": order.order_id,
            "at": "CONDITIONAL",
            "o": original_type(order),
            "s": wire.name,
            "S": order.side.value.upper(),
            "ps": "BOTH",
            "f": life_of(order),
            "q": wire.quantity(order.quantity_lots),
            "X": algo_status_of(order),
            "ai": "" if order.is_waiting else str(order.order_id),
            "ap": wire.average(order.quote_units, order.filled_lots),
            "aq": wire.quantity(order.filled_lots),
            "act": NOTHING if order.is_waiting else type_of(order),
            "tp": wire.price(order.stop_ticks),
            "p": wire.price(order.price_ticks),
            "V": order.self_trade_prevention.value.upper(),
            "wt": working_type(trigger),
            "pm": "NONE",
            "cp": order.terms.close_position,
            "pP": False,
            "R": order.reduce_only,
            "tt": 0 if order.is_waiting else order.changed_ns // NS_PER_MS,
            "gtd": order.terms.expires_ns // NS_PER_MS,
            "rm": order.reason,
        }
        if trigger is not None and trigger.offset_bps:
            shown["cr"] = callback_text(trigger)
        return shown


class AccountReports:
    """Tells how an account's wallets and positions differ from what was told before."""

    def __init__(self, account: str, positions: Positions) -> None:
        self._account, self._positions = account, positions
        self._realised: dict[str, int] = {}
        self._wallets, self._held = positions.wallets(account), positions.held(account)

    def absorb(self, events: list[Event]) -> Iterator[Report]:
        """Reports after the events of one command."""
        for event in events:
            if isinstance(event, TradeExecuted):
                for party in (event.maker, event.taker):
                    if party.account == self._account and party.realised_units:
                        before = self._realised.get(event.symbol, 0)
                        self._realised[event.symbol] = before + party.realised_units
            elif isinstance(event, LeverageSet) and event.account == self._account:
                moment = event.time_ns // NS_PER_MS
                terms = {"s": self._positions.wires[event.symbol].name, "l": event.leverage}
                yield self._account, {"e": "ACCOUNT_CONFIG_UPDATE", "E": moment, "T": moment, "ac": terms}
        wallets, held = self._positions.wallets(self._account), self._positions.held(self._account)
        if wallets != self._wallets or held != self._held:
            yield self._account, self._update(events, wallets, held)
            self._wallets, self._held = wallets, held

    def _update(self, events: list[Event], wallets: dict[str, tuple[int, int]], held: dict[str, Held]) -> Json:
        moment, reason = events[-1].time_ns // NS_PER_MS, self._reason(events)
        either = dict.fromkeys([*self._held, *held])
        symbols = [each for each in either if held.get(each, EMPTY) != self._held.get(each, EMPTY)]
        self._positions.changed_ms |= {(self._account, symbol): moment for symbol in symbols}
        assets = {asset: None for asset in wallets if wallets[asset] != self._wallets.get(asset)}
        assets |= {self._positions.wires[symbol].scale.quote: None for symbol in symbols}
        balances = [
            {
                "a": asset,
                "wb": units_text(wallets[asset][0]),
                "cw": units_text(wallets[asset][1]),
                "bc": NOTHING if reason == "ORDER" else units_text(wallets[asset][0] - self._before(asset)),
            }
            for asset in assets
        ]
        rows = [
            self._positions.report(self._account, symbol) | {"cr": units_text(self._realised.get(symbol, 0))}
            for symbol in symbols
        ]
        return {"e": "ACCOUNT_UPDATE", "E": moment, "T": moment, "a": {"m": reason, "B": balances, "P": rows}}

    def _before(self, asset: str) -> int:
        return self._wallets.get(asset, (0, 0))[0]

    def _reason(self, events: list[Event]) -> str:
        for event in events:
            if isinstance(event, CollateralMoved) and event.account == self._account:
                return "DEPOSIT" if event.units > 0 else "WITHDRAW"
            if (reason := REASONS.get(type(event))) and _concerns(event, self._account):
                return reason
        return ADJUSTMENT


def _concerns(event: Event, account: str) -> bool:
    if isinstance(event, TradeExecuted):
        return account in (event.maker.account, event.taker.account)
    return getattr(event, "account", "") == account


def _is_stillborn(placed: OrderPlaced, events: list[Event]) -> bool:
    """True for a fill-or-kill order that nothing could fill: Binance answers with an error and tells nobody."""
    terms = placed.terms
    if terms.time_in_force is not TimeInForce.FOK or terms.trigger is not None:
        return False
    return any(isinstance(each, OrderExpired) and each.order_id == placed.order_id for each in events)
