"""Requests of the account: orders, fills, balances. Every one is signed, and checked before it comes here."""

import secrets
from decimal import Decimal
from itertools import islice

from common.exchange.commands import CancelOrder, PlaceOrder
from common.exchange.events import CancelRejected, OrderPlaced, OrderRejected, TradeExecuted
from common.exchange.fees.schedule import BPS_RATE
from common.exchange.fills import Fill, fills_of
from common.exchange.ledger import OrderRecord
from common.exchange.money import RATE_SCALE, units_text
from common.model.order import OrderType, Side, TimeInForce
from services.paper_exchange import refusals
from services.paper_exchange.parameters import Parameters
from services.paper_exchange.site import Site
from services.paper_exchange.venue import ACCOUNT
from services.paper_exchange.wire import (
    NS_PER_MS,
    Json,
    MarketWire,
    WireSelfTradePrevention,
    WireSide,
    WireTimeInForce,
    WireType,
    self_trade_prevention,
    time_in_force,
)

INVALID_TYPE = refusals.VenueError(-1116, "Invalid orderType.")
INVALID_SIDE = refusals.VenueError(-1117, "Invalid side.")
INVALID_TIME_IN_FORCE = refusals.VenueError(-1115, "Invalid timeInForce.")
INVALID_PREVENTION = refusals.VenueError(-1013, "This symbol does not allow the specified self-trade prevention mode.")
NO_NAME = refusals.VenueError(-1102, "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!")
RESPONSES = ("ACK", "RESULT", "FULL")


class AccountApi:
    """What the owner of the key may ask for and do. Every method raises VenueError."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def place(self, parameters: Parameters) -> Json:
        """A new order."""
        wire = self._site.market(parameters.symbol())
        command = self._order_command(wire, parameters)
        response = self._response_kind(parameters, command)
        self._site.limits.count_order()
        events = self._site.venue.execute(command)
        for event in events:
            if isinstance(event, OrderRejected):
                raise refusals.refused(event.reason)
        (placed,) = (event for event in events if isinstance(event, OrderPlaced))
        trades = [event for event in events if isinstance(event, TradeExecuted)]
        return wire.placed(self._site.exchange.ledger.orders[placed.order_id], trades, response)

    def cancel(self, parameters: Parameters) -> Json:
        """Cancel one order."""
        wire = self._site.market(parameters.symbol())
        order_id, name = self._named(parameters)
        return self._cancel(wire, order_id, name, parameters.client_order_id("newClientOrderId"))

    def cancel_all(self, parameters: Parameters) -> list[Json]:
        """Cancel every open order of a market."""
        wire = self._site.market(parameters.symbol())
        open_orders = list(self._site.exchange.ledger.open_of(ACCOUNT, wire.instrument.symbol))
        if not open_orders:
            raise refusals.unknown_order()
        return [self._cancel(wire, order_id, "", "") for order_id in open_orders]

    def order(self, parameters: Parameters) -> Json:
        """One order, open or ended."""
        wire = self._site.market(parameters.symbol())
        order_id, name = self._named(parameters)
        order = self._site.exchange.ledger.find(ACCOUNT, wire.instrument.symbol, order_id, name)
        if order is None:
            raise refusals.no_such_order()
        return wire.order(order)

    def open_orders(self, parameters: Parameters) -> list[Json]:
        """Open orders of one market, or of all."""
        wires = [self._site.market(parameters.symbol())] if parameters.has("symbol") else self._site.wires.values()
        ledger = self._site.exchange.ledger
        return [
            wire.order(order) for wire in wires for order in ledger.open_of(ACCOUNT, wire.instrument.symbol).values()
        ]

    def all_orders(self, parameters: Parameters) -> list[Json]:
        """Orders of a market, oldest first: from `orderId` on, or the newest."""
        wire = self._site.market(parameters.symbol())
        first, limit = parameters.integer("orderId", 0), parameters.limit(500, 1_000)
        since_ns, until_ns = self._period(parameters)

        def wanted(order: OrderRecord) -> bool:
            return order.symbol == wire.instrument.symbol and since_ns <= order.placed_ns < until_ns

        records = self._site.exchange.ledger.orders
        if first or since_ns:
            found = list(islice((o for o in records.values() if o.order_id >= first and wanted(o)), limit))
        else:
            found = list(islice((o for o in reversed(records.values()) if wanted(o)), limit))[::-1]
        return [wire.order(order) for order in found]

    def my_trades(self, parameters: Parameters) -> list[Json]:
        """Our fills in a market, oldest first: from `fromId` on, or the newest."""
        wire = self._site.market(parameters.symbol())
        first, order_id = parameters.integer("fromId", 0), parameters.integer("orderId", 0)
        limit = parameters.limit(500, 1_000)
        since_ns, until_ns = self._period(parameters)

        def wanted(fill: Fill) -> bool:
            mine = fill.account == ACCOUNT and fill.symbol == wire.instrument.symbol
            return mine and (not order_id or fill.order_id == order_id) and since_ns <= fill.time_ns < until_ns

        newest_first = list[Fill]()
        for trade in reversed(self._site.exchange.ledger.trades):
            if trade.trade_id < first or trade.time_ns < since_ns:
                break
            for fill in filter(wanted, reversed(fills_of(trade))):
                newest_first.append(fill)
            if not (parameters.has("fromId") or since_ns) and len(newest_first) >= limit:
                break
        return [wire.fill(fill) for fill in newest_first[::-1][:limit]]

    def account(self, _parameters: Parameters) -> Json:
        """Balances and fees."""
        ledger, fees = self._site.exchange.ledger, self._site.exchange.fee_standing(ACCOUNT)
        balances = sorted(ledger.accounts.balances(ACCOUNT).items())
        maker, taker = (f"{Decimal(rate) / RATE_SCALE:.8f}" for rate in (fees.maker_rate, fees.taker_rate))
        none = f"{0:.8f}"
        return {
            "makerCommission": int(Decimal(fees.maker_rate) / BPS_RATE),
            "takerCommission": int(Decimal(fees.taker_rate) / BPS_RATE),
            "buyerCommission": 0,
            "sellerCommission": 0,
            "commissionRates": {"maker": maker, "taker": taker, "buyer": none, "seller": none},
            "canTrade": True,
            "canWithdraw": False,
            "canDeposit": False,
            "brokered": False,
            "requireSelfTradePrevention": False,
            "preventSor": False,
            "updateTime": self._site.exchange.time_ns // NS_PER_MS,
            "accountType": "SPOT",
            "balances": [
                {"asset": asset, "free": units_text(each.free), "locked": units_text(each.locked)}
                for asset, each in balances
            ],
            "permissions": ["SPOT"],
            "uid": 1,
        }

    def _cancel(self, wire: MarketWire, order_id: int, name: str, cancel_id: str) -> Json:
        cancel_id = cancel_id or secrets.token_hex(11)
        command = CancelOrder(
            time_ns=self._site.venue.now_ns(), account=ACCOUNT, symbol=wire.instrument.symbol, order_id=order_id,
            client_order_id=name, cancel_id=cancel_id,
        )  # fmt: skip
        ledger = self._site.exchange.ledger
        order = ledger.find(ACCOUNT, wire.instrument.symbol, order_id, name)
        for event in self._site.venue.execute(command):
            if isinstance(event, CancelRejected):
                raise refusals.refused(event.reason)
        assert order is not None  # the exchange found it, or it would have refused
        return wire.canceled(order, cancel_id)

    def _named(self, parameters: Parameters) -> tuple[int, str]:
        if not (parameters.has("orderId") or parameters.has("origClientOrderId")):
            raise NO_NAME
        return parameters.integer("orderId", 0), parameters.client_order_id("origClientOrderId")

    def _period(self, parameters: Parameters) -> tuple[int, int]:
        since_ms, until_ms = parameters.integer("startTime", 0), parameters.integer("endTime", 10**14)
        return since_ms * NS_PER_MS, (until_ms + 1) * NS_PER_MS

    def _order_command(self, wire: MarketWire, parameters: Parameters) -> PlaceOrder:
        side = parameters.choice("side", WireSide, None, INVALID_SIDE)
        kind = parameters.choice("type", WireType, None, INVALID_TYPE)
        prevention = parameters.choice(
            "selfTradePreventionMode", WireSelfTradePrevention, WireSelfTradePrevention.EXPIRE_MAKER, INVALID_PREVENTION
        )
        lots = parameters.steps("quantity", wire.grid.lots, "LOT_SIZE")
        return PlaceOrder(
            time_ns=self._site.venue.now_ns(), account=ACCOUNT, symbol=wire.instrument.symbol,
            client_order_id=parameters.client_order_id("newClientOrderId") or secrets.token_hex(11),
            side=Side(side.value.lower()), quantity_lots=lots,
            price_ticks=self._price(wire, parameters, kind),
            order_type=OrderType.MARKET if kind is WireType.MARKET else OrderType.LIMIT,
            time_in_force=self._time_in_force(parameters, kind), post_only=kind is WireType.LIMIT_MAKER,
            self_trade_prevention=self_trade_prevention(prevention),
        )  # fmt: skip

    def _price(self, wire: MarketWire, parameters: Parameters, kind: WireType) -> int:
        if kind is not WireType.MARKET:
            return parameters.steps("price", wire.grid.ticks, "PRICE_FILTER")
        if parameters.has("price"):
            raise refusals.not_required("price")
        return 0

    def _time_in_force(self, parameters: Parameters, kind: WireType) -> TimeInForce:
        if kind is WireType.LIMIT:
            return time_in_force(parameters.choice("timeInForce", WireTimeInForce, None, INVALID_TIME_IN_FORCE))
        if parameters.has("timeInForce"):
            raise refusals.not_required("timeInForce")
        return TimeInForce.GTC

    def _response_kind(self, parameters: Parameters, command: PlaceOrder) -> str:
        kind = parameters.text("newOrderRespType") if parameters.has("newOrderRespType") else ""
        if kind and kind not in RESPONSES:
            raise refusals.mandatory("newOrderRespType")
        return kind or ("ACK" if command.post_only else "FULL")
