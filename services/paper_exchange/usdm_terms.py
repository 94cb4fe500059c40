"""What a USD-M order request says, checked parameter by parameter, as commands of the exchange."""

import re
import secrets
from decimal import Decimal

import msgspec

from common.exchange.admission import WHOLE_MAX
from common.exchange.commands import PlaceOrder, PriceReference, SelfTradePrevention, Trigger, TriggerKind
from common.model.errors import MessageInvalid
from common.model.order import OrderType, Side, TimeInForce
from services.paper_exchange import refusals
from services.paper_exchange import usdm_refusals as errors
from services.paper_exchange.parameters import DECIMAL, Parameters
from services.paper_exchange.usdm_wire import (
    CONDITIONAL,
    LIMITS,
    ContractWire,
    UsdmSelfTradePrevention,
    UsdmTimeInForce,
    UsdmType,
    WorkingType,
)
from services.paper_exchange.wire import NS_PER_MS, WireSide

GOOD_TILL_MS_MIN = 600_000
GOOD_TILL_MS_MAX = 253_402_300_799_000
CALLBACK_MIN, CALLBACK_MAX, CALLBACK_STEP = Decimal("0.1"), Decimal(10), Decimal("0.1")
BPS_PER_PERCENT = 100
_CLIENT_ORDER_ID = re.compile(r"^[.A-Z:/a-z0-9_-]{1,36}\Z")
_DECIMAL = re.compile(DECIMAL)


class Names(msgspec.Struct, frozen=True):
    """What one door calls the parameters that both have."""

    client_id: str
    stop_price: str


ORDER_NAMES = Names("newClientOrderId", "stopPrice")
ALGO_NAMES = Names("clientAlgoId", "triggerPrice")


class OrderTerms:
    """One request for a new order. Every reader raises VenueError."""

    def __init__(self, wire: ContractWire, parameters: Parameters, names: Names) -> None:
        self._wire, self._parameters, self._names = wire, parameters, names
        self.side = Side(parameters.choice("side", WireSide, None, errors.INVALID_SIDE).value.lower())
        self.kind = parameters.choice("type", UsdmType, None, errors.INVALID_TYPE)
        self.is_limit = self.kind in LIMITS
        self.closes = flag(parameters, "closePosition")

    def command(self, account: str, time_ns: int) -> PlaceOrder:
        """The order as the exchange takes it."""
        parameters, kind = self._parameters, self.kind
        self._refuse_what_is_not_offered()
        life = self._life()
        reduce_only = self._reduce_only()
        return PlaceOrder(
            time_ns=time_ns, account=account, symbol=self._wire.instrument.symbol, side=self.side,
            client_order_id=client_order_id(parameters, self._names.client_id) or secrets.token_hex(11),
            quantity_lots=self._lots(), price_ticks=self._price(),
            order_type=OrderType.LIMIT if self.is_limit else OrderType.MARKET,
            time_in_force=TimeInForce(life.value.lower()) if life in _PLAIN else TimeInForce.GTC,
            post_only=life is UsdmTimeInForce.GTX, expires_ns=self._expires_ns(life, time_ns),
            self_trade_prevention=self._prevention(), reduce_only=reduce_only, close_position=self.closes,
            trigger=self._trigger() if kind in CONDITIONAL else None,
        )  # fmt: skip

    def _refuse_what_is_not_offered(self) -> None:
        parameters = self._parameters
        check_position_side(parameters)
        if flag(parameters, "priceProtect"):
            raise errors.not_offered("priceProtect")
        if parameters.has("priceMatch") and parameters.text("priceMatch") != "NONE":
            raise errors.INVALID_PRICE_MATCH()
        trails = self.kind is UsdmType.TRAILING_STOP_MARKET
        if (trails or self.kind not in CONDITIONAL) and parameters.has(self._names.stop_price):
            raise refusals.not_required(self._names.stop_price)
        if not trails:
            for name in ("callbackRate", "activationPrice", "activatePrice"):
                if parameters.has(name):
                    raise refusals.not_required(name)

    def _life(self) -> UsdmTimeInForce:
        parameters = self._parameters
        if self.kind is UsdmType.MARKET and parameters.has("timeInForce"):
            raise refusals.not_required("timeInForce")
        otherwise = None if self.kind is UsdmType.LIMIT else UsdmTimeInForce.GTC
        life = parameters.choice("timeInForce", UsdmTimeInForce, otherwise, errors.INVALID_TIME_IN_FORCE)
        if not self.is_limit and life is not UsdmTimeInForce.GTC:
            raise errors.INVALID_TIME_IN_FORCE()
        return life

    def _reduce_only(self) -> bool:
        if self.closes:
            if self.kind not in (UsdmType.STOP_MARKET, UsdmType.TAKE_PROFIT_MARKET):
                raise errors.no_strategy(self.kind)
            if self._parameters.has("reduceOnly"):
                raise refusals.not_required("reduceOnly")
        return self.closes or flag(self._parameters, "reduceOnly")

    def _lots(self) -> int:
        if not self.closes:
            return quantity(self._wire, self._parameters)
        if self._parameters.has("quantity"):
            raise errors.CLOSE_WITH_QUANTITY()
        return 0

    def _price(self) -> int:
        if self.is_limit:
            return price(self._wire, self._parameters, "price")
        if self._parameters.has("price"):
            raise refusals.not_required("price")
        return 0

    def _expires_ns(self, life: UsdmTimeInForce, time_ns: int) -> int:
        date_ms = self._parameters.integer("goodTillDate", None if life is UsdmTimeInForce.GTD else 0)
        if life is not UsdmTimeInForce.GTD:
            if date_ms:
                raise refusals.not_required("goodTillDate")
            return 0
        if not time_ns // NS_PER_MS + GOOD_TILL_MS_MIN < date_ms < GOOD_TILL_MS_MAX:
            raise errors.INVALID_GOOD_TILL()
        # Binance looks at whole seconds only. The core's time is a signed 64-bit number of ns, which ends in 2262.
        return min(date_ms // 1_000 * 1_000 * NS_PER_MS, WHOLE_MAX)

    def _prevention(self) -> SelfTradePrevention:
        mode = self._parameters.choice(
            "selfTradePreventionMode", UsdmSelfTradePrevention, UsdmSelfTradePrevention.EXPIRE_MAKER,
            errors.INVALID_PREVENTION,
        )  # fmt: skip
        return SelfTradePrevention(mode.value.lower())

    def _trigger(self) -> Trigger:
        parameters, kind = self._parameters, self.kind
        watched = parameters.choice("workingType", WorkingType, WorkingType.CONTRACT_PRICE, errors.INVALID_WORKING_TYPE)
        reference = PriceReference.MARK if watched is WorkingType.MARK_PRICE else PriceReference.LAST
        if kind is UsdmType.TRAILING_STOP_MARKET:
            return Trigger(
                kind=TriggerKind.TRAILING, reference=reference, offset_bps=callback_bps(parameters),
                activation_ticks=self._activation(),
            )  # fmt: skip
        is_stop = kind in (UsdmType.STOP, UsdmType.STOP_MARKET)
        return Trigger(
            kind=TriggerKind.STOP_LOSS if is_stop else TriggerKind.TAKE_PROFIT, reference=reference,
            price_ticks=price(self._wire, parameters, self._names.stop_price),
        )  # fmt: skip

    def _activation(self) -> int:
        for name in ("activationPrice", "activatePrice"):
            if self._parameters.has(name):
                return price(self._wire, self._parameters, name)
        return 0


_PLAIN = frozenset({UsdmTimeInForce.GTC, UsdmTimeInForce.IOC, UsdmTimeInForce.FOK})


def flag(parameters: Parameters, name: str) -> bool:
    """A parameter that says true or false; false when it was not sent."""
    value = parameters.text(name).lower() if parameters.has(name) else "false"
    if value not in ("true", "false"):
        raise errors.invalid(name)
    return value == "true"


def check_position_side(parameters: Parameters) -> None:
    """One-way mode is the only one: positions have no side of their own."""
    side = parameters.text("positionSide") if parameters.has("positionSide") else "BOTH"
    if side not in ("BOTH", "LONG", "SHORT"):
        raise errors.INVALID_POSITION_SIDE()
    if side != "BOTH":
        raise errors.OTHER_POSITION_SIDE()


def price(wire: ContractWire, parameters: Parameters, name: str) -> int:
    """A price in ticks."""
    value = _decimal(parameters, name, wire.price_decimals)
    try:
        ticks = wire.grid.ticks[value]
    except MessageInvalid:
        raise errors.OFF_TICK() from None
    if not ticks:
        raise errors.PRICE_NOT_POSITIVE()
    if ticks > WHOLE_MAX:
        raise errors.PRICE_TOO_LARGE()
    return ticks


def quantity(wire: ContractWire, parameters: Parameters) -> int:
    """A quantity in lots, within the market's limits."""
    value = _decimal(parameters, "quantity", wire.quantity_decimals)
    try:
        lots = wire.grid.lots[value]
    except MessageInvalid:
        raise errors.OFF_STEP() from None
    if not lots:
        raise errors.QUANTITY_NOT_POSITIVE()
    if lots < wire.instrument.quantity_lots_min:
        raise errors.QUANTITY_TOO_SMALL()
    if lots > wire.instrument.quantity_lots_max:
        raise errors.QUANTITY_TOO_LARGE()
    return lots


def callback_bps(parameters: Parameters) -> int:
    """A trailing order's rate: 0.1 to 10 per cent in steps of 0.1."""
    value = parameters.text("callbackRate")
    if not _DECIMAL.match(value):
        raise errors.invalid("callbackRate")
    rate = Decimal(value)
    if not CALLBACK_MIN <= rate <= CALLBACK_MAX or rate % CALLBACK_STEP:
        raise errors.invalid("callbackRate")
    return int(rate * BPS_PER_PERCENT)


def client_order_id(parameters: Parameters, name: str) -> str:
    """The owner's name for an order, or an empty text when none was sent."""
    if not parameters.has(name):
        return ""
    value = parameters.text(name)
    if not _CLIENT_ORDER_ID.match(value):
        raise errors.INVALID_CLIENT_ID()
    return value


def _decimal(parameters: Parameters, name: str, decimals: int) -> str:
    value = parameters.text(name)
    if not _DECIMAL.match(value) or not value.isascii():
        raise refusals.illegal_characters(name, DECIMAL)
    if len(value.partition(".")[2].rstrip("0")) > decimals:
        raise errors.BAD_PRECISION()
    return value
