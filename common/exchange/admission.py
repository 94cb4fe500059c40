"""Whether an order may come in: every reason to refuse it, found before anything changes."""

from typing import Any, Final

from common.exchange.accounts import NOTHING_HELD
from common.exchange.commands import SelfTradePrevention, Trigger, TriggerKind
from common.exchange.core import Core
from common.exchange.events import MarketPhase, RejectReason
from common.exchange.fees.volumes import NS_PER_DAY
from common.exchange.margin.margin import OpenOrders
from common.exchange.matching import Market, Taker
from common.exchange.money import SMALL_MAX, fee_units
from common.exchange.record import OrderRecord
from common.exchange.reduce_only import reducible
from common.exchange.rules import BPS
from common.exchange.seat import Seat
from common.exchange.stops import reached
from common.model.order import OrderType, Side, TimeInForce

LIMIT: Final = OrderType.LIMIT
BUY: Final = Side.BUY
NO_PREVENTION: Final = SelfTradePrevention.NONE

WHOLE_MAX: Final = 2**63 - 1
"""Prices, quantities, budgets and amounts of money are signed 64-bit integers everywhere else."""

NAME_LENGTH_MAX: Final = 32


def is_whole(value: object, low: int, high: int = WHOLE_MAX) -> bool:
    """True for an integer within bounds.

    Whoever asks reads the number of a command that is typed `Any`: only the codec makes sure that it is one, and not
    every caller decodes, while compiled code would raise as soon as it reads a number that is none.
    """
    return type(value) is int and low <= value <= high


def is_name(value: object) -> bool:
    """True for a name that customers may choose: letters, digits, `_` and `-`, at most NAME_LENGTH_MAX."""
    if not isinstance(value, str) or not 0 < len(value) <= NAME_LENGTH_MAX or not value.isascii():
        return False
    return value.replace("_", "").replace("-", "").isalnum()


def is_amount(value: object) -> bool:
    """True for an amount that moves: an integer other than 0, either way."""
    return type(value) is int and value != 0 and -WHOLE_MAX <= value <= WHOLE_MAX


def numbers_refusal(command: Any) -> RejectReason | None:
    """Why the numbers of a new order are none; see `is_whole`."""
    if type(command.quantity_lots) is not int:
        return RejectReason.QUANTITY_INVALID
    return None if type(command.price_ticks) is int else RejectReason.PRICE_INVALID


class Standing:
    """What admission looks at besides the order: the account's and the book's present state.

    `is_actual`: things are as they stand, and not as they will be after a plan.
    """

    is_actual = True

    def __init__(self, core: Core) -> None:
        self._core, self._balances = core, core.ledger.accounts.by_account

    def seat_refusal(
        self, market: Market, seat: Seat | None, account: str, client_order_id: str
    ) -> RejectReason | None:
        """Why an account may have no more orders in a market, or none of this name."""
        if seat is None:
            return None
        orders, order_id, facts = seat.orders, seat.names.get(client_order_id), market.facts
        if order_id is not None and (facts.rules.client_ids_once or order_id in orders):
            return RejectReason.DUPLICATE_CLIENT_ORDER_ID
        return RejectReason.TOO_MANY_OPEN_ORDERS if len(orders) >= facts.open_orders_max else None

    def is_open(self, order: OrderRecord) -> bool:
        """True for an open order that stays so."""
        return True

    def free_units(self, account: str, asset: str) -> int:
        """What an account can spend."""
        balance = self._balances.get(account, NOTHING_HELD).get(asset)
        return 0 if balance is None else balance.free

    def open_lots(self, account: str, symbol: str) -> tuple[int, int]:
        """Lots of an account's open bids and asks in any market."""
        if symbol in self._core.margin.markets:
            position = self._core.margin.position(account, symbol)
            return position.bid_lots, position.ask_lots
        orders = self._core.ledger.open_of(account, symbol).values()
        bids = sum(order.remaining_lots for order in orders if order.side is Side.BUY)
        return bids, sum(order.remaining_lots for order in orders) - bids

    def open_in(self, account: str, symbol: str) -> OpenOrders:
        """An account's open orders in a perpetual."""
        seat = self._core.markets[symbol].seats.get(account)
        if seat is None or seat.position is None:
            return 0, 0, 0, 0
        position = seat.position
        return position.bid_lots, position.ask_lots, position.order_loss, 0

    def best_opposite(self, market: Market, side: Side) -> int:
        """The best price that an order of a side could take; 0 = none."""
        best = market.book.opposite(side).best()
        return 0 if best is None else best.price


def taker_of(
    core: Core, standing: Standing, market: Market, seat: Seat | None, order: OrderRecord, price: int, lots: int
) -> Taker:
    """An order at a price as it would go through the book now, at the worst price that it may have."""
    limit: int | None = price
    if not order.is_limit:
        limit = worst_price(market, order.side, order.protect_ticks)
    elif order.slide:
        limit = _slid_price(market, standing, order.side, price)
    account = order.account
    owner = core.owner(account) if core.groups else account
    if order.self_trade_prevention is NO_PREVENTION:
        owner = ""
    return Taker(account, order.side, limit, lots, owner, order, seat)


def worst_price(market: Market, side: Side, protect_ticks: int | None) -> int | None:
    """The worst price at which a market order may trade: by its protection or the market's slippage, and the band."""
    rules, limits, best = market.facts.rules, list[int](), market.book.side(side.opposite).best()
    if best is not None and protect_ticks is not None:
        limits.append(best.price + side.sign * protect_ticks)
    elif best is not None and rules.market_slippage_bps:
        # Rounded towards the best price, so that it is never worse than allowed.
        slipped = best.price * (BPS + side.sign * rules.market_slippage_bps)
        limits.append(slipped // BPS if side is Side.BUY else -(-slipped // BPS))
    if band := market.facts.band():
        limits.append(band[1] if side is Side.BUY else band[0])
    return (min(limits) if side is Side.BUY else max(limits)) if limits else None


def _slid_price(market: Market, standing: Standing, side: Side, price: int) -> int:
    """A sliding order that would take goes to one tick from the best opposite price."""
    best = standing.best_opposite(market, side)
    crosses = best and (price - best) * side.sign >= 0
    return best - side.sign if crosses else price


def order_refusal(
    core: Core, standing: Standing, market: Market, order: OrderRecord, taker: Taker
) -> RejectReason | None:
    """Why an order, as it would go through the book, may not come in."""
    facts, lots, trigger, closes = market.facts, order.quantity_lots, order.trigger, order.close_position
    if not facts.is_open and (reason := phase_refusal(market, order.post_only and trigger is None)):
        return reason
    if not (0 if closes else market.lots_min) <= lots <= (0 if closes else market.lots_max):
        return RejectReason.QUANTITY_INVALID
    price = order.price_ticks
    if order.is_limit and (price <= 0 or (price > SMALL_MAX and price > WHOLE_MAX)):
        return RejectReason.PRICE_INVALID
    # Most orders have none of these terms.
    if (
        order.post_only or order.expires_ns or order.slide or closes
        or order.budget is not None or order.protect_ticks is not None
    ) and not _terms_fit(order.terms, core.time_ns):  # fmt: skip
        return RejectReason.TERMS_INVALID
    if reason := standing.seat_refusal(market, taker.seat, order.account, order.client_order_id):
        return reason
    if order.reduce_only and lots > reducible_of(core, order):
        return RejectReason.NO_POSITION_TO_REDUCE
    if trigger is not None and (reason := _trigger_refusal(market, order, trigger)):
        return reason
    if trigger is None or fires_at_once(market, order):
        reason = book_refusal(core, standing, market, order, taker)
    else:
        reason = waiting_refusal(core, standing, market, order, taker)
    if reason is None and (core.limits or core.strategy_limits):
        return limit_refusal(core, standing, order, lots)
    return reason


def limit_refusal(
    core: Core, standing: Standing, order: OrderRecord, lots: int, replaced: OrderRecord | None = None
) -> RejectReason | None:
    """Why an account's own limits do not let it have an order with so many open lots, `replaced` not counted."""
    checks = core.limits.get(order.account), core.strategy_limits.get(order.account)
    if checks == (None, None):
        return None

    def open_lots(symbol: str) -> tuple[int, int]:
        bids, asks = standing.open_lots(order.account, symbol)
        if replaced is not None and replaced.symbol == symbol and replaced.is_limit:
            bids -= replaced.remaining_lots * (replaced.side is BUY)
            asks -= replaced.remaining_lots * (replaced.side is not BUY)
        return bids, asks

    for check in checks:
        if check is not None and (reason := check(order, lots, open_lots)):
            return reason
    return None


def phase_refusal(market: Market, rests_only: bool) -> RejectReason | None:
    """Why a market that does not trade takes no such order."""
    if market.facts.phase is MarketPhase.HALT:
        return RejectReason.MARKET_HALTED
    if market.facts.phase is MarketPhase.POST_ONLY and not rests_only:
        return RejectReason.MARKET_POST_ONLY
    return None


def reducible_of(core: Core, order: OrderRecord) -> int:
    """Lots that a reduce-only order may trade now."""
    return reducible(core.position(order.account, order.symbol), order.side is not BUY)


def _trigger_refusal(market: Market, order: OrderRecord, trigger: Trigger) -> RejectReason | None:
    if not _trigger_fits(trigger):
        return RejectReason.TRIGGER_INVALID
    if not trigger.immediate and fires_at_once(market, order):
        return RejectReason.TRIGGER_ALREADY_TRUE
    return None


def fires_at_once(market: Market, order: OrderRecord) -> bool:
    """True when an order's trigger is true already, or when it has none."""
    trigger = order.trigger
    if trigger is None:
        return True
    if trigger.kind is TriggerKind.TRAILING:
        return False
    reference = market.facts.watched(trigger.reference)
    return reached(trigger.kind, order.side, trigger.price_ticks, reference)


def book_refusal(
    core: Core, standing: Standing, market: Market, order: OrderRecord, taker: Taker,
    replaced: OrderRecord | None = None,
) -> RejectReason | None:  # fmt: skip
    """Why an order may not meet the book as it stands now. What is set aside for `replaced` is free for it."""
    price, facts = taker.limit_ticks, market.facts
    if not order.is_limit:
        if not core.ledger.settles:
            return None
        # What a market order will trade is known exactly: nothing moves between this look and the matching.
        lots = value = 0
        for at, each in market.reachable(taker):
            lots += each
            value += at * each
        return _money_refusal(core, standing, market, order, taker.seat, lots, value, None)
    assert price is not None  # only market orders have none
    if facts.price_band_bps:
        band = facts.band()
        if band is not None and not band[0] <= price <= band[1]:
            return RejectReason.OUTSIDE_PRICE_BAND
    if order.post_only or not facts.is_open:
        best = standing.best_opposite(market, order.side)
        if price <= 0 or (best and (price >= best if order.side is BUY else price <= best)):
            return RejectReason.WOULD_TAKE
    if not core.ledger.settles:
        return None
    return _money_refusal(core, standing, market, order, taker.seat, taker.lots, price * taker.lots, replaced)


def waiting_refusal(
    core: Core, standing: Standing, market: Market, order: OrderRecord, taker: Taker,
    replaced: OrderRecord | None = None,
) -> RejectReason | None:  # fmt: skip
    """Why an order may not wait: only its money counts, the book will be another one when its trigger fires."""
    price = taker.limit_ticks
    if price is None or not order.is_limit or not core.ledger.settles:
        return None
    return _money_refusal(core, standing, market, order, taker.seat, taker.lots, price * taker.lots, replaced)


def _money_refusal(
    core: Core, standing: Standing, market: Market, order: OrderRecord, seat: Seat | None, lots: int, value: int,
    replaced: OrderRecord | None,
) -> RejectReason | None:  # fmt: skip
    """Why an account cannot pay for lots worth `value` in ticks x lots, or why the instrument is not traded so."""
    scale = market.scale
    quote, base = value * scale.tick_lot_units, lots * scale.lot_units
    if lots and quote < scale.notional_units_min and not order.reduce_only:
        # Whoever leaves may leave with little, or a small rest could never be closed.
        return RejectReason.NOTIONAL_TOO_SMALL
    if (quote > SMALL_MAX and quote > WHOLE_MAX) or (base > SMALL_MAX and base > WHOLE_MAX):
        return RejectReason.NOTIONAL_TOO_LARGE
    if scale.is_perpetual:
        return _margin_refusal(core, standing, order, seat, lots, quote, replaced)
    asset, cost = (scale.quote, quote) if order.side is BUY else (scale.base, base)
    if replaced is not None:
        cost -= locked_units(core, replaced)
    if cost > standing.free_units(order.account, asset):
        return RejectReason.INSUFFICIENT_BALANCE
    return None


def totals_refusal(
    core: Core, standing: Standing, market: Market, order: OrderRecord, lots: int, value: int
) -> RejectReason | None:
    """Why an account cannot pay for several resting orders like this one, for so many lots and ticks x lots in all."""
    seat = market.seats.get(order.account)
    return _money_refusal(core, standing, market, order, seat, lots, value, None)


def locked_units(core: Core, order: OrderRecord) -> int:
    """What is set aside on spot for an open order."""
    ledger = core.ledger
    if not order.is_limit or not ledger.settles or ledger.scales[order.symbol].is_perpetual:
        return 0
    return ledger.cost_units(order.symbol, order.side, order.price_ticks, order.remaining_lots)


def _margin_refusal(
    core: Core, standing: Standing, order: OrderRecord, seat: Seat | None, lots: int, quote: int,
    replaced: OrderRecord | None,
) -> RejectReason | None:  # fmt: skip
    others = None if standing.is_actual else standing.open_in(order.account, order.symbol)
    if replaced is not None and replaced.is_limit:
        others = others or standing.open_in(order.account, order.symbol)
        lots_now, (bids, asks, loss, elsewhere) = replaced.remaining_lots, others
        bids -= lots_now * (replaced.side is BUY)
        asks -= lots_now * (replaced.side is not BUY)
        others = bids, asks, loss - lots_now * replaced.lot_loss, elsewhere
    maker_rate, taker_rate = core.fees.rates(order.account, core.time_ns // NS_PER_DAY)
    rate = maker_rate if order.post_only or maker_rate > taker_rate else taker_rate
    fee = fee_units(quote, rate) if rate > 0 else 0
    margin, symbol = core.margin, order.symbol
    if seat is not None and seat.owner is not None and seat.position is not None:
        return margin.order_refusal(symbol, seat.owner, seat.position, order.side, lots, quote, fee, others)
    owner = margin.accounts.find(order.account, margin.markets[symbol].asset)
    position = None if owner is None else owner.positions.get(symbol)
    return margin.order_refusal(symbol, owner, position, order.side, lots, quote, fee, others)


def _terms_fit(command: Any, time_ns: int) -> bool:
    if command.close_position and not _may_close(command):
        return False
    is_limit, rests = command.order_type is OrderType.LIMIT, command.time_in_force is TimeInForce.GTC
    if (command.post_only or command.expires_ns) and not (is_limit and rests):
        return False
    if command.slide and not command.post_only:
        return False
    if command.expires_ns and not is_whole(command.expires_ns, time_ns + 1):
        return False
    may_have_budget = command.time_in_force is TimeInForce.FOK or not is_limit
    if command.budget is not None and not (may_have_budget and is_whole(command.budget, 1)):
        return False
    return command.protect_ticks is None or (not is_limit and is_whole(command.protect_ticks, 0))


def _may_close(command: Any) -> bool:
    """True for an order that finds out only when its trigger fires how many lots it has."""
    waits = command.trigger is not None and not command.trigger.immediate
    return command.order_type is OrderType.MARKET and command.reduce_only and waits


def _trigger_fits(trigger: Any) -> bool:
    offsets = trigger.offset_ticks, trigger.offset_bps
    if trigger.kind is not TriggerKind.TRAILING:
        return is_whole(trigger.price_ticks, 1) and offsets == (0, 0) and trigger.activation_ticks == 0
    if trigger.price_ticks or trigger.immediate or not is_whole(trigger.activation_ticks, 0):
        return False
    if trigger.activation is TriggerKind.TRAILING:
        return False
    one = bool(trigger.offset_ticks) is not bool(trigger.offset_bps)
    return one and is_whole(trigger.offset_ticks, 0) and is_whole(trigger.offset_bps, 0, BPS - 1)
