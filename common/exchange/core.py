"""What all parts of the exchange share: accounts, markets, time, what is due, and the events of the present command."""

from collections.abc import Callable, Mapping
from heapq import heappop, heappush
from typing import Any, Final

from common.exchange.book import BUY, RestingOrder
from common.exchange.commands import PlaceOrder, PriceReference, SelfTradePrevention
from common.exchange.configuration import ExchangeConfig
from common.exchange.events import (
    SELF_TRADE,
    Event,
    MarkChanged,
    OrderAmended,
    OrderExpired,
    RejectReason,
    SelfTradePrevented,
    StopMoved,
    TradeExecuted,
    TradeParty,
)
from common.exchange.facts import MarketFacts
from common.exchange.fees.charges import Amount
from common.exchange.fees.events import FeeTierChanged
from common.exchange.fees.standing import FeeStanding
from common.exchange.fees.standings import Standings
from common.exchange.fees.volumes import NS_PER_DAY
from common.exchange.ledger import Ledger
from common.exchange.margin.margin import Margin, Perpetual
from common.exchange.matching import Clerk, Market, Taker
from common.exchange.money import UNITS_MAX, Scale
from common.exchange.record import OrderRecord
from common.exchange.reduce_only import PositionOf
from common.exchange.rules import MarketRules
from common.exchange.states import CoreState, Key
from common.model.errors import InvariantBroken
from common.model.order import OrderState

Moved = tuple[int, int]
"""(price, the newest order at that time): a price fires nothing that was not there yet."""

OpenLots = Callable[[str], tuple[int, int]]
"""Lots of an account's other open bids and asks in a market, those planned in the same batch with them."""

Limit = Callable[[OrderRecord, int, OpenLots], RejectReason | None]
"""Why an account's own limits refuse an order: (its terms, the lots that it would have open, all other open ones)."""

Doer = Callable[[Key, int], None]
"""Does what is due: (key, the time in ns at which it was due)."""

LAST: Final = PriceReference.LAST
NO_RULES: Final = MarketRules()
ORDER_ENDS: Final = "order_ends"
PHASE_ENDS: Final = "phase_ends"
LIQUIDATE: Final = "liquidate"
FEE_DAY: Final = "fee_day"
REACTIONS_MAX: Final = 10_000
"""Reactions to one command; more of them wait for the next command, so nothing runs for ever."""


class Core(Clerk):
    """The shared state, and the ways to change it that several parts use. It is the markets' clerk.

    Parts that have work to do later or after the present command register in `doers` what does it, by kind, and call
    `schedule` or `soon`. `on_trade` hears of every trade as soon as it is settled, `on_mark` of every market that has
    another mark.
    """

    def __init__(self, config: ExchangeConfig) -> None:
        self.config = config
        self.instruments = {each.symbol: each for each in config.instruments}
        self.groups = config.trade_groups
        schedule = config.fees if config.features.rebates else config.fees.without_rebates()
        self.fees = Standings(schedule, self.groups)
        scales = {symbol: Scale(each, symbol in config.perpetuals) for symbol, each in self.instruments.items()}
        facts = {symbol: MarketFacts(config.rules.get(symbol, NO_RULES)) for symbol in self.instruments}
        self.margin = Margin(
            {
                symbol: Perpetual(symbol, scales[symbol].quote, scales[symbol].tick_lot_units, rules, facts[symbol])
                for symbol, rules in config.perpetuals.items()
            }
        )
        self.ledger = Ledger(scales, self.margin, config.settles, self._note_linked)
        seats = self.ledger.seats
        self.markets = {
            symbol: Market(each, scales[symbol], seats[symbol], self, facts[symbol], self._positions(symbol))
            for symbol, each in self.instruments.items()
        }
        self.time_ns = 0
        self.events: list[Event] = []
        self.moved: dict[tuple[str, PriceReference], list[Moved]] = {}
        """Reference prices on which nothing was fired yet, in their order: each of a taker's trades is a last price."""
        self.agenda: list[tuple[int, int, str, Key]] = []
        """What time will bring, a heap of (when, serial number, kind, key)."""
        self.reactions: dict[tuple[str, Key], None] = {}
        """What is to be done after the present command, (kind, key) in order."""
        self.doers: dict[str, Doer] = {FEE_DAY: self._begin_fee_day}
        self.on_trade: list[Callable[[TradeExecuted], None]] = []
        self.on_mark: list[Callable[[str], None]] = []
        self.on_payment: list[Callable[[str, str, str, int], None]] = []
        """Who hears of money that goes from account to account without a trade: (payer, receiver, asset, units)."""
        self.hearers: dict[type[Event], list[Callable[[Any], object]]] = {}
        """Who hears of other events as they are told, by their type."""
        self.managers: dict[str, str] = {}
        """Who trades for accounts that have no keys of their own: vaults by name; nobody = an empty text."""
        self.limits: dict[str, Limit] = {}
        """Limits that some accounts have of their own, by account: vaults."""
        self.strategy_limits: dict[str, Limit] = {}
        """Limits that some accounts trade under because of a strategy, by account."""
        self.nonces: dict[str, int] = {}
        self._serial = 0

    @property
    def state(self) -> CoreState:
        """For snapshots; accounts and markets have their own."""
        return CoreState(
            time_ns=self.time_ns, agenda=sorted(self.agenda), serial=self._serial, reactions=list(self.reactions),
            nonces=self.nonces,
        )  # fmt: skip

    def load(self, state: CoreState) -> None:
        """Become what `state` was."""
        self.time_ns, self.agenda, self._serial = state.time_ns, state.agenda, state.serial
        self.reactions, self.nonces = dict.fromkeys(state.reactions), state.nonces

    def tell(self, event: Event) -> None:
        """Something happened."""
        self.events.append(event)
        if hearers := self.hearers.get(type(event)):
            for hear in hearers:
                hear(event)

    def tell_payment(self, payer: str, receiver: str, asset: str, units: int) -> None:
        """Units of an asset go from one account to another, and nothing comes back in the same deal."""
        for hear in self.on_payment:
            hear(payer, receiver, asset, units)

    def schedule(self, due_ns: int, kind: str, key: Key) -> None:
        """Have `doers[kind]` called with the key once a command arrives at or after a time, before it acts."""
        self._serial += 1
        heappush(self.agenda, (due_ns, self._serial, kind, key))

    def soon(self, kind: str, key: Key) -> None:
        """Have `doers[kind]` called with the key after the present command; asking twice before that is once."""
        self.reactions[kind, key] = None

    def pass_time(self) -> None:
        """Do what is due, in the order of its times."""
        while self.agenda and self.agenda[0][0] <= self.time_ns:
            due_ns, _serial, kind, key = heappop(self.agenda)
            self.doers[kind](key, due_ns)

    def react(self) -> bool:
        """Do the oldest reaction; False when there is none."""
        if not self.reactions:
            return False
        kind, key = next(iter(self.reactions))
        del self.reactions[kind, key]
        self.doers[kind](key, self.time_ns)
        return True

    def note_price(self, symbol: str, reference: PriceReference, price: int) -> None:
        """A reference price is new; the same one twice in a row counts once."""
        prices = self.moved.setdefault((symbol, reference), [])
        if not prices or prices[-1][0] != price:
            prices.append((price, self.ledger.last_order_id))

    def take_moved(self) -> dict[tuple[str, PriceReference], list[Moved]]:
        """Prices by market and reference since the last call."""
        moved, self.moved = self.moved, {}
        return moved

    def set_mark(self, symbol: str, price_ticks: int) -> None:
        """A market has another mark."""
        self.markets[symbol].facts.set_mark(price_ticks)
        self.tell(MarkChanged(time_ns=self.time_ns, symbol=symbol, price_ticks=price_ticks))
        self.note_price(symbol, PriceReference.MARK, price_ticks)
        if symbol in self.margin.markets:
            self.margin.touch_holders(symbol)
        for hear in self.on_mark:
            hear(symbol)

    def room_for(self, asset: str) -> int:
        """How many units of an asset can still come in."""
        return UNITS_MAX - self.ledger.accounts.total(asset) - self.margin.accounts.total(asset)

    def owner(self, account: str) -> str:
        """Whose orders an account's orders do not trade with: its trade group's, or its own."""
        return self.groups.get(account, account)

    def position(self, account: str, symbol: str) -> int:
        """Net lots of an account in a market: of its perpetual position, or of all that it has traded on spot."""
        if symbol in self.margin.markets:
            return self.margin.position(account, symbol).lots
        return self.ledger.positions[symbol].get(account, 0)

    def trade(self, market: Market, taker: Taker, maker: RestingOrder, price: int, lots: int) -> None:
        """A taker and a maker have met."""
        ledger, symbol, scale = self.ledger, market.symbol, market.scale
        maker_pays = taker_pays = 0, scale.quote
        realised = 0, 0
        quote_units = price * lots * scale.tick_lot_units
        if ledger.settles:
            maker_pays, taker_pays = self._charges(scale, taker, maker, quote_units, lots)
            if scale.is_perpetual:
                realised = self._trade_perpetual(symbol, taker, maker, price, lots, (maker_pays, taker_pays))
        trade = TradeExecuted(
            time_ns=self.time_ns,
            trade_id=ledger.last_trade_id + 1,
            symbol=symbol,
            price_ticks=price,
            quantity_lots=lots,
            aggressor=taker.side,
            maker=_party(maker.account, maker.record, maker_pays, realised[0]),
            taker=_party(taker.account, taker.record, taker_pays, realised[1]),
        )
        ledger.settle(trade, scale, maker, taker, (maker_pays, taker_pays), price, lots, self.time_ns)
        market.facts.trade(self.time_ns, price)
        if market.stops.waiting or market.facts.breaker_bps:
            # Otherwise nobody who is there waits for it, and who comes later does not react to what was before.
            self.note_price(symbol, LAST, price)
        self.events.append(trade)
        if ledger.settles:
            self._count_volume(maker.account, taker.account, quote_units)
        for hear in self.on_trade:
            hear(trade)

    def expire(self, order: OrderRecord, reason: str) -> None:
        """The venue ends an order, which rests no more."""
        seat = self.markets[order.symbol].seats[order.account]
        self.ledger.end(order, seat, OrderState.EXPIRED, self.time_ns, reason)
        self.tell(
            OrderExpired(
                time_ns=self.time_ns, order_id=order.order_id, account=order.account, symbol=order.symbol, reason=reason
            )
        )

    def expire_resting(self, order_id: int, reason: str) -> None:
        """The venue ends an order by its number."""
        self.expire(self.ledger.orders[order_id], reason)

    def shrink(self, order_id: int, lots: int, reason: str) -> None:
        """The venue takes some of the open lots of an order."""
        order = self.ledger.orders[order_id]
        if reason == SELF_TRADE:
            order.prevented_lots += lots
        self.amend(order, order.price_ticks, order.remaining_lots - lots, True, reason)

    def prevent(self, symbol: str, taker: Taker, maker: RestingOrder) -> None:
        """A taker and a maker of one owner have met, before either changes."""
        ledger, mode, lots = self.ledger, taker.mode, min(taker.lots, maker.quantity)
        decrements = mode is SelfTradePrevention.DECREMENT
        event = SelfTradePrevented(
            time_ns=self.time_ns,
            match_id=ledger.prevented[-1].match_id + 1 if ledger.prevented else 1,
            symbol=symbol,
            mode=mode,
            price_ticks=maker.price,
            lots=lots,
            taker_account=taker.account,
            taker_order_id=taker.order_id,
            taker_lots=lots if decrements else taker.lots * (mode is not SelfTradePrevention.EXPIRE_MAKER),
            maker_account=maker.account,
            maker_order_id=maker.order_id,
            maker_lots=lots if decrements else maker.quantity * (mode is not SelfTradePrevention.EXPIRE_TAKER),
        )
        ledger.prevent(event)
        self.tell(event)

    def amend(
        self, order: OrderRecord, price: int, open_lots: int, keeps_place: bool, reason: str = "", name: str = ""
    ) -> None:
        """An order has another price or another open quantity, and with `name` another client order id."""
        self.ledger.amend(order, price, open_lots, keeps_place, self.time_ns)
        if name:
            self.ledger.rename(order, name)
        self.tell(
            OrderAmended(
                time_ns=self.time_ns,
                order_id=order.order_id,
                account=order.account,
                symbol=order.symbol,
                price_ticks=price,
                quantity_lots=order.quantity_lots,
                keeps_place=keeps_place,
                reason=reason,
                client_order_id=name,
            )
        )

    def move_stop(self, order: OrderRecord, stop: int) -> None:
        """A trailing order's trigger price follows."""
        if not order.stop_ticks:
            order.following_ns = self.time_ns
        order.stop_ticks, order.changed_ns = stop, self.time_ns
        self.tell(
            StopMoved(
                time_ns=self.time_ns,
                order_id=order.order_id,
                account=order.account,
                symbol=order.symbol,
                stop_ticks=stop,
            )
        )

    def order_of(self, command: PlaceOrder) -> OrderRecord:
        """The order that a command asks for, with the next number."""
        return OrderRecord(self.ledger.last_order_id + 1, command, self.time_ns)

    def take_off(self, order: OrderRecord) -> None:
        """Let an open order neither rest nor wait."""
        self.markets[order.symbol].take_off(order)

    def rest(self, order: OrderRecord) -> None:
        """Queue what is open of an order."""
        market = self.markets[order.symbol]
        market.queue(order, self.owner(order.account), market.seats[order.account])

    def _trade_perpetual(
        self, symbol: str, taker: Taker, maker: RestingOrder, price: int, lots: int, fees: tuple[Amount, Amount]
    ) -> tuple[int, int]:
        """Move lots, costs and fees between margin accounts; returns what maker and taker have realised."""
        margin, bought = self.margin, lots if taker.side is BUY else -lots
        profits = (
            margin.trade(maker.account, maker.seat, symbol, -bought, price),
            margin.trade(taker.account, taker.seat, symbol, bought, price),
        )
        (maker_units, asset), (taker_units, _) = fees
        if maker_units:
            margin.pay_fee(asset, maker.account, maker.seat, maker_units, symbol)
        if taker_units:
            margin.pay_fee(asset, taker.account, taker.seat, taker_units, symbol)
        return profits

    def _charges(
        self, scale: Scale, taker: Taker, maker: RestingOrder, quote_units: int, lots: int
    ) -> tuple[Amount, Amount]:
        """(units, asset) that maker and taker pay: on spot of what each receives, else of the notional."""
        maker_gets = taker_gets = quote_units, scale.quote
        if not scale.is_perpetual:
            base = lots * scale.lot_units, scale.base
            maker_gets, taker_gets = (maker_gets, base) if taker.side is BUY else (base, taker_gets)
        day = self.time_ns // NS_PER_DAY
        return self.fees.charges(maker.account, taker.account, day, maker_gets, taker_gets)

    def _count_volume(self, maker: str, taker: str, quote_units: int) -> None:
        day, fees = self.time_ns // NS_PER_DAY, self.fees
        was_idle = fees.today is None and fees.is_idle
        if changed := fees.count(day, maker, taker, quote_units):
            self._tell_tiers(changed)
        if was_idle and not fees.is_idle and len(fees.schedule.tiers) > 1:
            self.schedule((day + 1) * NS_PER_DAY, FEE_DAY, day + 1)

    def _begin_fee_day(self, _key: Key, due_ns: int) -> None:
        """Midnight UTC: who loses volume that is too old may fall to another tier."""
        day = due_ns // NS_PER_DAY
        self._tell_tiers(self.fees.begin_day(day))
        if not self.fees.is_idle:
            self.schedule(due_ns + NS_PER_DAY, FEE_DAY, day + 1)

    def _tell_tiers(self, changed: Mapping[str, FeeStanding]) -> None:
        for account, found in changed.items():
            self.tell(
                FeeTierChanged(
                    time_ns=self.time_ns,
                    account=account,
                    tier=found.tier,
                    maker_rate=found.maker_rate,
                    taker_rate=found.taker_rate,
                )
            )

    def _note_linked(self, order: OrderRecord) -> None:
        kind = order.link.partition(":")[0]
        if kind not in self.doers:
            raise InvariantBroken(f"order {order.order_id} is linked to {order.link!r}, which nobody answers to")
        self.soon(kind, order.order_id)

    def _positions(self, symbol: str) -> PositionOf:
        return lambda account: self.position(account, symbol)


def _party(account: str, order: OrderRecord | None, pays: Amount, realised: int) -> TradeParty:
    """One side of a trade; the outside world's has no order."""
    return TradeParty(
        account=account, order_id=0 if order is None else order.number,
        client_order_id="" if order is None else order.client_order_id,
        fee_units=pays[0], fee_asset=pays[1], realised_units=realised,
    )  # fmt: skip
