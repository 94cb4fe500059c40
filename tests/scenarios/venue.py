"""The exchange core as a stage: steps become commands, events become what a step did.

The core runs without balances and fees, so that nothing but the book and its rules decides. Users are accounts; ids
are unique in a scenario, so a second user's use of one is refused here, where the core knows ids by account only.
"""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

import msgspec

from common.exchange import commands
from common.exchange.commands import Command, SelfTradePrevention, Trigger, TriggerKind
from common.exchange.configuration import ExchangeConfig
from common.exchange.events import Event, Refusal, RejectReason, TradeExecuted
from common.exchange.exchange import Exchange
from common.exchange.fees.schedule import FeeSchedule
from common.exchange.record import OrderRecord
from common.exchange.rules import NS_PER_S, MarketRules
from common.model.errors import InvariantBroken
from common.model.instrument import Instrument
from common.model.order import OrderState, OrderType, Side, TimeInForce
from tests.scenarios.outcome import LevelView, Outcome
from tests.scenarios.script import (
    AnyStep,
    Cancel,
    Change,
    Id,
    Limit,
    Market,
    OrderStep,
    PassTime,
    Reduce,
    Replace,
    SetLast,
    SetMark,
)

SYMBOL = "X-Y"
INSTRUMENT = Instrument(
    venue="scenarios", symbol=SYMBOL, venue_symbol="XY", base="X", quote="Y",
    tick_size=Decimal(1), lot_size=Decimal("1e-8"), quantity_lots_max=2**53,
)  # fmt: skip
LEVELS_MAX = 1 << 30
OPEN_ORDERS_MAX = 1 << 30
STP = {
    "none": SelfTradePrevention.NONE,
    "newest": SelfTradePrevention.EXPIRE_TAKER,
    "oldest": SelfTradePrevention.EXPIRE_MAKER,
    "both": SelfTradePrevention.EXPIRE_BOTH,
    "decrement": SelfTradePrevention.DECREMENT,
}
STATES = {OrderState.FILLED: "filled", OrderState.CANCELED: "canceled", OrderState.EXPIRED: "canceled"}
TIMES = {"GTC": TimeInForce.GTC, "IOC": TimeInForce.IOC, "FOK": TimeInForce.FOK, "FOK_BUDGET": TimeInForce.FOK}
NO_FEES = FeeSchedule.flat(Decimal(0), Decimal(0))


class Venue:
    """One market, empty at first."""

    def __init__(self, rules: MarketRules) -> None:
        rules = msgspec.structs.replace(rules, open_orders_max=OPEN_ORDERS_MAX, client_ids_once=True)
        self.exchange = Exchange(
            ExchangeConfig(instruments=[INSTRUMENT], fees=NO_FEES, rules={SYMBOL: rules}, settles=False)
        )
        self._owners: dict[str, str] = {}
        self._time_ns = 0
        self._commands: dict[type[AnyStep], Callable[[Any], Command]] = {
            Limit: self._order, Market: self._order, Cancel: self._cancel, Reduce: self._reduce,
            Replace: self._replace, SetLast: self._set_last, SetMark: self._set_mark, PassTime: self._pass_time,
        }  # fmt: skip

    def carry_out(self, step: AnyStep) -> Outcome:
        """Do one step. Raises InvariantBroken if the book is crossed after it."""
        self._time_ns += step.seconds * NS_PER_S if isinstance(step, PassTime) else 1
        if isinstance(step, OrderStep) and (reason := self._refusal(step)):
            return Outcome("rejected", [], reason)
        events = self.exchange.execute(self._commands[type(step)](step))
        if self.exchange.markets[SYMBOL].book.is_crossed:
            raise InvariantBroken(f"the book is crossed after {step}")
        if isinstance(step, OrderStep) and not _refused(events):
            self._owners[str(step.id)] = _account(step.user)
        return Outcome(self._status(step, events), _trades(events), _refused(events))

    def levels(self, side: Side) -> list[LevelView]:
        """The whole side, best first."""
        return self.exchange.markets[SYMBOL].book.side(side).depth(LEVELS_MAX)

    def filled(self, order: str) -> tuple[int, int]:
        """Lots and sum of price x lots that an order has traded since it came."""
        record = self._record(order)
        return (0, 0) if record is None else (record.filled_lots, record.quote_units)

    def state(self, order: str) -> str:
        """Status of any order, "" when no order of that id was ever accepted."""
        record = self._record(order)
        if record is None:
            return ""
        return STATES.get(record.state, "pending" if record.is_waiting else "resting")

    def stops(self) -> int:
        """Conditional orders that wait."""
        return len(self.exchange.markets[SYMBOL].stops)

    def last(self) -> int | None:
        """Last price."""
        return self.exchange.markets[SYMBOL].facts.last or None

    def _record(self, order: str) -> OrderRecord | None:
        return self.exchange.ledger.find(self._owners.get(order, ""), SYMBOL, 0, order)

    def _status(self, step: AnyStep, events: Iterable[Event]) -> str:
        if _refused(events):
            return "rejected"
        return self.state(str(step.id)) if isinstance(step, OrderStep | Change) else ""

    def _refusal(self, step: OrderStep) -> str:
        """Why a step cannot even be told to the core."""
        if self._owners.get(str(step.id), _account(step.user)) != _account(step.user):
            return RejectReason.DUPLICATE_CLIENT_ORDER_ID
        # The core's market orders are immediate whatever they say; the format's GTC asks for one that rests.
        rests = isinstance(step, Market) and step.tif == "GTC"
        triggers = [each for each in (step.stop, step.take_profit, step.trail) if each is not None]
        if rests or len(triggers) > 1 or (step.tif == "FOK_BUDGET") != (step.budget is not None):
            return RejectReason.TERMS_INVALID
        return ""

    def _order(self, step: Limit | Market) -> Command:
        # A budget may be all that bounds an order; then it takes at any price, as a market order does.
        is_limit = isinstance(step, Limit) and not (step.tif == "FOK_BUDGET" and not step.price)
        expires = step.expires_s * NS_PER_S if isinstance(step, Limit) and step.expires_s is not None else 0
        return commands.PlaceOrder(
            time_ns=self._time_ns,
            account=_account(step.user),
            symbol=SYMBOL,
            client_order_id=str(step.id),
            side=step.side,
            quantity_lots=step.qty,
            price_ticks=step.price or 0 if isinstance(step, Limit) else 0,
            order_type=OrderType.LIMIT if is_limit else OrderType.MARKET,
            time_in_force=TIMES[step.tif],
            post_only=isinstance(step, Limit) and step.post_only,
            self_trade_prevention=STP[step.stp],
            slide=isinstance(step, Limit) and step.slide,
            reduce_only=step.reduce_only,
            expires_ns=expires,
            budget=step.budget,
            protect_ticks=step.protect if isinstance(step, Market) else None,
            trigger=_trigger(step),
        )

    def _cancel(self, step: Cancel) -> Command:
        return commands.CancelOrder(**self._named(step))

    def _reduce(self, step: Reduce) -> Command:
        return commands.ReduceOrder(**self._named(step), quantity_lots=step.qty)

    def _replace(self, step: Replace) -> Command:
        if step.qty == 0:
            return commands.CancelOrder(**self._named(step))
        return commands.AmendOrder(**self._named(step), price_ticks=step.price, open_lots=step.qty)

    def _set_last(self, step: SetLast) -> Command:
        return commands.SetLast(time_ns=self._time_ns, symbol=SYMBOL, price_ticks=step.price)

    def _set_mark(self, step: SetMark) -> Command:
        return commands.SetMark(time_ns=self._time_ns, symbol=SYMBOL, price_ticks=step.price)

    def _pass_time(self, _step: PassTime) -> Command:
        return commands.PassTime(time_ns=self._time_ns)

    def _named(self, step: Change) -> dict[str, Any]:
        order = str(step.id)
        owner = self._owners.get(order, _account(step.user))
        record = self._record(order)
        return {
            "time_ns": self._time_ns,
            "account": owner if step.user is None else _account(step.user),
            "symbol": SYMBOL,
            "order_id": 0 if record is None else record.order_id,
            "client_order_id": order,
        }


def _account(user: Id | None) -> str:
    return "default" if user is None else f"user {user}"


def _trigger(step: OrderStep) -> Trigger | None:
    if step.trail is not None:
        return Trigger(
            kind=TriggerKind.TRAILING, reference=step.reference, offset_ticks=step.trail.ticks,
            offset_bps=step.trail.bps, activation_ticks=step.trail.activation,
        )  # fmt: skip
    kind = TriggerKind.STOP_LOSS if step.take_profit is None else TriggerKind.TAKE_PROFIT
    price = step.stop if step.take_profit is None else step.take_profit
    if price is None:
        return None
    return Trigger(kind=kind, reference=step.reference, price_ticks=price, immediate=step.immediate)


def _refused(events: Iterable[Event]) -> str:
    return next((str(event.reason) for event in events if isinstance(event, Refusal)), "")


def _trades(events: Iterable[Event]) -> list[tuple[str, str, int, int]]:
    return [
        (event.maker.client_order_id, event.taker.client_order_id, event.price_ticks, event.quantity_lots)
        for event in events
        if isinstance(event, TradeExecuted)
    ]
