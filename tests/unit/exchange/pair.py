"""The exchange and the plain one, fed alike with commands drawn at random, and compared after each of them."""

from collections import Counter
from copy import deepcopy
from random import Random
from typing import Any

from msgspec.structs import replace

from common.exchange.commands import (
    AmendOrder,
    Batch,
    CancelOrder,
    Command,
    PassTime,
    PlaceOrder,
    PriceReference,
    ReduceOrder,
    SelfTradePrevention,
    SetLast,
    SetMark,
    Trigger,
    TriggerKind,
)
from common.exchange.events import FEE_ACCOUNT, BatchItemStarted, BatchRejected, Event, Refusal, TradeExecuted
from common.exchange.exchange import Exchange
from common.exchange.money import units_from_text
from common.exchange.rules import NS_PER_S, MarketRules
from common.model.order import OrderType, Side, TimeInForce
from tests.unit.exchange.desk import DEPOSITS, ETH, Desk
from tests.unit.exchange.plain_exchange import PlainExchange

GROUPS = {"c": "firm", "d": "firm"}
RULES: list[dict[str, int]] = [
    {},
    {"price_band_bps": 300},
    {"market_slippage_bps": 150},
    {"breaker_bps": 500},
    {"triggers_max": 1},
    {"price_band_bps": 600, "market_slippage_bps": 400, "breaker_bps": 600, "triggers_max": 3},
]
LIMIT, GTC, IOC, FOK = OrderType.LIMIT, TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK


class Pair:
    """`step` draws and carries out one command. Terms are drawn so that most of them fit together and meet."""

    def __init__(self, rules: dict[str, int], settles: bool = False) -> None:
        """With `settles` everybody has more money than can be lost, so the plain exchange need not know of it."""
        self.desk = Desk("-1", "4.5", accounts="abcd", settles=settles, groups=GROUPS, **rules)
        self.plain = PlainExchange(MarketRules(**rules), GROUPS)
        self._actions = {
            self.place: 50, self.cancel: 5, self.reduce: 4, self.amend: 12, self.move_mark: 7, self.tell_last: 3,
            self.wait: 5, self.batch: 9, self.restart: 2, self.meet: 10,
        }  # fmt: skip

    def step(self, random: Random) -> None:
        """What is drawn, for both."""
        for command in self.draw(random):
            self.both(command)
        self.compare()

    def draw(self, random: Random) -> list[Command]:
        """The next commands; none when the exchange was started anew instead."""
        (action,) = random.choices(list(self._actions), list(self._actions.values()))
        return action(random)

    def place(self, random: Random) -> list[Command]:
        """One order in fifty repeats a name."""
        return [self.order(random)]

    def meet(self, random: Random) -> list[Command]:
        """Two orders that trade, so that there are positions and last prices."""
        price, lots = random.randint(97, 103), random.randint(1, 12)
        return [
            self.command(
                PlaceOrder, account=random.choice("abcd"), client_order_id=str(len(self.plain.orders) + number),
                side=side, price_ticks=price, quantity_lots=lots,
            )
            for number, side in enumerate(random.sample(list(Side), 2), 1)
        ]  # fmt: skip

    def cancel(self, random: Random) -> list[Command]:
        """Mostly of an open order, mostly by its owner."""
        return [self.named(random, CancelOrder)]

    def reduce(self, random: Random) -> list[Command]:
        """By up to nine lots."""
        return [self.named(random, ReduceOrder, quantity_lots=random.randint(1, 9))]

    def amend(self, random: Random) -> list[Command]:
        """Price, quantity, both or neither."""
        price, lots = random.choice([None, random.randint(95, 106)]), random.choice([None, random.randint(1, 12)])
        return [self.named(random, AmendOrder, price_ticks=price, open_lots=lots)]

    def move_mark(self, random: Random) -> list[Command]:
        """Another mark."""
        return [self.command(SetMark, price_ticks=random.randint(95, 106))]

    def tell_last(self, random: Random) -> list[Command]:
        """Another last price."""
        return [self.command(SetLast, price_ticks=random.randint(97, 104))]

    def wait(self, random: Random) -> list[Command]:
        """Some seconds, at the edges of phases and windows too."""
        seconds = random.choice([1, 1, 1, 20, 59, 60, 61, 299, 300, 301, 400])
        return [PassTime(time_ns=self.desk.exchange.time_ns + seconds * NS_PER_S)]

    def batch(self, random: Random) -> list[Command]:
        """Up to five cancels and orders; when it is atomic, mostly orders that may be in it."""
        atomic, items, number = random.random() < 0.6, list[Command](), len(self.plain.orders)
        for _ in range(random.randint(1, 5)):
            number += 1
            if random.random() < 0.3:
                items.append(self.named(random, CancelOrder))
            elif atomic and random.random() < 0.9:
                side = random.choice(list(Side))
                price = 100 - side.sign * random.randint(-1, 6)
                terms = {"side": side, "price_ticks": price, "quantity_lots": random.randint(1, 9)}
                post_only = random.random() < 0.5
                items.append(
                    self.command(
                        PlaceOrder, account=random.choice("abcd"), client_order_id=str(number), post_only=post_only,
                        slide=post_only and random.random() < 0.5, **terms,
                    )
                )  # fmt: skip
            else:
                items.append(replace(self.order(random), client_order_id=str(number)))
        return [Batch(time_ns=self.time_ns(), items=items, atomic=atomic)]

    def restart(self, random: Random) -> list[Command]:
        """What a snapshot brings back is the same state, and the exchange goes on from there."""
        restored = self.desk.loaded()
        assert restored.state_hash() == self.desk.exchange.state_hash()
        self.desk.exchange = restored
        return []

    def both(self, command: Command) -> None:
        """Carry a command out twice. A refusal leaves the hash as it was, if time brought nothing with it."""
        plain, exchange = self.plain, self.desk.exchange
        before = exchange.state_hash()
        events = exchange.execute(command)
        self.desk.journal += events
        plain.begin(command.time_ns)
        passed, plain.trades = plain.trades, []
        if isinstance(command, Batch):
            self.check_batch(command, events)
        else:
            accepted = self.carry_out(command)
            assert accepted is not any(isinstance(event, Refusal) for event in events), (command, events)
        plain.finish()
        assert traded(events) == passed + plain.trades
        if len(events) == 1 and isinstance(events[0], Refusal):
            assert exchange.state_hash() == before

    def check_batch(self, batch: Batch, events: list[Event]) -> None:
        """All or none, or each item as it is alone."""
        kept = deepcopy(self.plain)
        # Of an atomic batch no item can name an order that another one places: all are looked at before any is placed.
        fits = [not batch.atomic or getattr(item, "order_id", 0) <= len(kept.orders) for item in batch.items]
        accepted = [
            fit and self.carry_out(item, rests_only=batch.atomic) for fit, item in zip(fits, batch.items, strict=True)
        ]
        if batch.atomic and not all(accepted):
            self.plain = kept
            (fault,) = [event for event in events if isinstance(event, BatchRejected)]
            assert fault.index == accepted.index(False)
        else:
            assert accepted == results(events, len(batch.items))

    def carry_out(self, command: Command, rests_only: bool = False) -> bool:
        """The plain exchange's word on one command."""
        plain = self.plain
        if isinstance(command, CancelOrder):
            return plain.cancel(command.account, command.order_id)
        if isinstance(command, ReduceOrder):
            return plain.reduce(command.account, command.order_id, command.quantity_lots)
        if isinstance(command, AmendOrder):
            return plain.amend(command.account, command.order_id, command.price_ticks, command.open_lots)
        if isinstance(command, SetMark):
            plain.set_mark(command.price_ticks)
        elif isinstance(command, SetLast):
            plain.last = command.price_ticks
        elif isinstance(command, PlaceOrder):
            may_rest = command.order_type is LIMIT and command.time_in_force is GTC and command.trigger is None
            return (may_rest or not rests_only) and plain.place(command, rests_only)
        return True

    def compare(self) -> None:
        """Queues, waiting orders, positions, facts and every order ever."""
        exchange, plain = self.desk.exchange, self.plain
        market, records = exchange.markets[ETH.symbol], exchange.ledger.orders
        for side in Side:
            resting = [o for o in plain.resting if o.side is side]
            queue = sorted(resting, key=lambda o: -o.price * side.sign)  # sorted keeps the order of time
            levels = list(market.book.side(side).best_first())
            seen = [(order.order_id, order.price, order.quantity) for level in levels for order in level]
            assert seen == [(o.number, o.price, o.lots) for o in queue]
            for level in levels:
                assert (level.quantity, level.orders) == (sum(o.quantity for o in level), len(list(level)))
        assert market.stops.prices() == sorted((o.number, o.stop) for o in plain.waiting)
        assert exchange.ledger.positions[ETH.symbol] == plain.positions and not sum(plain.positions.values())
        assert (market.facts.last, market.facts.mark) == (plain.last, plain.mark)
        assert (market.facts.phase, market.facts.phase_until_ns) == (plain.phase, plain.until)
        assert set(market.book.orders) == {o.number for o in plain.resting} and not market.book.is_crossed
        for order in plain.orders:
            record = records[order.number]
            assert (record.filled_lots, record.is_open) == (order.filled, not order.ended)
            if record.is_open:
                assert (record.remaining_lots, record.price_ticks) == (order.lots, order.price)
            else:
                assert record.state.value == order.ended

        if exchange.ledger.settles:
            check_money(exchange, {asset: 4 * units_from_text(amount) for asset, amount in DEPOSITS.items()})

    def order(self, random: Random) -> PlaceOrder:
        """An order of any kind."""
        one_in = lambda n: random.randrange(n) == 0  # noqa: E731
        kind, tif = random.choice([LIMIT, LIMIT, LIMIT, OrderType.MARKET]), random.choice([GTC, GTC, GTC, IOC, FOK])
        account, side = random.choice("abcd"), random.choice(list(Side))
        terms: dict[str, Any] = {
            "quantity_lots": random.randint(1, 9),
            "trigger": trigger(random) if one_in(4) else None,
        }
        if kind is LIMIT:
            # Most of them rest a little away from the middle, some cross it.
            terms["price_ticks"] = 100 - side.sign * random.choice([-4, -2, -1, 0, 0, 1, 1, 2, 2, 3, 4, 5])
            if tif is GTC and one_in(4):
                terms |= {"post_only": True, "slide": one_in(2)}
            if tif is GTC and one_in(4):
                terms["expires_ns"] = self.time_ns() + random.randint(0, 400) * NS_PER_S
        elif one_in(2):
            terms["protect_ticks"] = random.randint(0, 5)
        if (tif is FOK or kind is OrderType.MARKET) and one_in(2):
            terms["budget"] = random.randint(90, 900)
        held = self.plain.positions.get(account, 0)
        if one_in(4):
            terms["reduce_only"] = True
            if held and not one_in(6):
                side, terms["quantity_lots"] = (Side.SELL if held > 0 else Side.BUY), random.randint(1, abs(held))
                if kind is LIMIT:
                    terms["price_ticks"] = 100 - side.sign * random.randint(-1, 4)
        mode = random.choice(list(SelfTradePrevention))
        name = str(random.randint(1, 30)) if one_in(50) else self.name()
        return self.command(
            PlaceOrder, account=account, side=side, client_order_id=name, order_type=kind, time_in_force=tif,
            self_trade_prevention=mode, **terms,
        )  # fmt: skip

    def named(self, random: Random, kind: Any, **terms: Any) -> Any:
        """A command for an order: one in ten is any number and anybody's."""
        orders = self.plain.open()
        number, account = random.randint(0, len(self.plain.orders) + 1), random.choice("abcd")
        if orders and random.random() < 0.9:
            chosen = random.choice(orders)
            number, account = chosen.number, chosen.account
        return self.command(kind, account=account, order_id=number or 10**6, **terms)

    def command(self, kind: Any, **terms: Any) -> Any:
        """A command of this market, a nanosecond after the last one."""
        return kind(time_ns=self.time_ns(), symbol=ETH.symbol, **terms)

    def name(self) -> str:
        """The name of the next order: its number."""
        return str(len(self.plain.orders) + 1)

    def time_ns(self) -> int:
        """The next moment."""
        return self.desk.exchange.time_ns + 1


def check_money(exchange: Exchange, deposits: dict[str, int]) -> None:
    """What all own is what was deposited, and what is locked is what open limit orders would pay."""
    ledger = exchange.ledger
    locked: Counter[tuple[str, str]] = Counter()
    for order in map(ledger.orders.__getitem__, ledger.open_order_ids()):
        if order.order_type is LIMIT:
            cost = ledger.cost_units(order.symbol, order.side, order.price_ticks, order.remaining_lots)
            locked[order.account, ledger.lockable(order.symbol, order.side)] += cost
    owned: Counter[str] = Counter()
    for account, balances in ledger.accounts.state.items():
        for asset, (free, held) in balances.items():
            owned[asset] += free + held
            assert held == locked[account, asset] and (free >= 0 or account == FEE_ACCOUNT)
    assert owned == deposits


def trigger(random: Random) -> Trigger:
    """Any trigger that can be."""
    kind, reference = random.choice(list(TriggerKind)), random.choice(list(PriceReference))
    if kind is not TriggerKind.TRAILING:
        price, immediate = random.randint(96, 105), random.random() < 0.3
        return Trigger(kind=kind, reference=reference, price_ticks=price, immediate=immediate)
    price = random.choice([0, 0, random.randint(96, 105)])
    activation = TriggerKind.STOP_LOSS if price % 2 else TriggerKind.TAKE_PROFIT
    start = {"activation_ticks": price, "activation": activation}
    if random.random() < 0.5:
        return Trigger(kind=kind, reference=reference, offset_ticks=random.choice([1, 2, 3, 4, 200]), **start)
    return Trigger(kind=kind, reference=reference, offset_bps=random.randint(1, 500), **start)


def traded(events: list[Event]) -> list[tuple[int, int, int, int]]:
    """(maker, taker, price, lots) of all trades."""
    return [
        (e.maker.order_id, e.taker.order_id, e.price_ticks, e.quantity_lots)
        for e in events
        if isinstance(e, TradeExecuted)
    ]


def results(events: list[Event], count: int) -> list[bool]:
    """Whether each item of a batch was taken."""
    taken, index = [True] * count, -1
    for event in events:
        if isinstance(event, BatchItemStarted):
            index = event.index
        elif isinstance(event, Refusal):
            taken[index] = False
    return taken
