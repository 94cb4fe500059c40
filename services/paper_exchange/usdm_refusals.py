"""Error codes and words of Binance USD-M where they differ from spot's. The core refuses with reasons."""

from collections.abc import Callable
from functools import partial

from common.exchange.commands import PlaceOrder
from common.exchange.events import RejectReason
from common.exchange.facts import MarketFacts
from services.paper_exchange.refusals import VenueError, unknown_order

NO_NAME = partial(VenueError, -1102, "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!")
BAD_PRECISION = partial(VenueError, -1111, "Precision is over the maximum defined for this asset.")
INVALID_TIME_IN_FORCE = partial(VenueError, -1115, "Invalid timeInForce.")
INVALID_TYPE = partial(VenueError, -1116, "Invalid orderType.")
INVALID_SIDE = partial(VenueError, -1117, "Invalid side.")
INVALID_INTERVAL = partial(VenueError, -1120, "Invalid interval.")
NO_LISTEN_KEY = partial(VenueError, -1125, "This listenKey does not exist.")
ASSET_NOT_SUPPORTED = partial(VenueError, -1126, "This asset is not supported.")
INVALID_RESPONSE = partial(VenueError, -1136, "Invalid newOrderRespType.")
REJECTED = partial(VenueError, -2010, "Order is rejected.")
NO_MARGIN = partial(VenueError, -2019, "Margin is insufficient.")
WOULD_TRIGGER = partial(VenueError, -2021, "Order would immediately trigger.")
REDUCE_ONLY_REJECTED = partial(VenueError, -2022, "ReduceOnly Order is rejected.")
TOO_MANY_ORDERS = partial(VenueError, -2025, "Reach max open order limit.")
LEVERAGE_TOO_SMALL = partial(VenueError, -2028, "Leverage is smaller than permitted: insufficient margin balance.")
PRICE_NOT_POSITIVE = partial(VenueError, -4001, "Price less than 0.")
PRICE_TOO_LARGE = partial(VenueError, -4002, "Price greater than max price.")
QUANTITY_NOT_POSITIVE = partial(VenueError, -4003, "Quantity less than or equal to zero.")
QUANTITY_TOO_SMALL = partial(VenueError, -4004, "Quantity less than min quantity.")
QUANTITY_TOO_LARGE = partial(VenueError, -4005, "Quantity greater than max quantity.")
OFF_TICK = partial(VenueError, -4014, "Price not increased by tick size.")
INVALID_CLIENT_ID = partial(VenueError, -4015, "Client order id is not valid.")
PRICE_TOO_HIGH = partial(VenueError, -4016, "Price is higher than mark price multiplier cap.")
PRICE_TOO_LOW = partial(VenueError, -4024, "Price is lower than mark price multiplier floor.")
OFF_STEP = partial(VenueError, -4023, "Qty not increased by step size.")
INVALID_WORKING_TYPE = partial(VenueError, -4031, "Invalid parameter working type.")
TOO_MANY_CANCELS = partial(VenueError, -4032, "Exceed maximum cancel order size.")
SAME_MARGIN_TYPE = partial(VenueError, -4046, "No need to change margin type.")
ORDERS_OPEN = partial(VenueError, -4047, "Margin type cannot be changed if there exists open orders.")
POSITION_OPEN = partial(VenueError, -4048, "Margin type cannot be changed if there exists position.")
NOT_ISOLATED = partial(VenueError, -4049, "Add margin only support for isolated position.")
CROSS_TOO_SMALL = partial(VenueError, -4050, "Cross balance insufficient.")
ISOLATED_TOO_SMALL = partial(VenueError, -4051, "Isolated balance insufficient.")
NO_POSITION = partial(VenueError, -4054, "Cannot add position margin: position is 0.")
AMOUNT_NOT_POSITIVE = partial(VenueError, -4055, "Amount must be positive.")
SAME_POSITION_SIDE = partial(VenueError, -4059, "No need to change position side.")
INVALID_POSITION_SIDE = partial(VenueError, -4060, "Invalid position side.")
OTHER_POSITION_SIDE = partial(VenueError, -4061, "Order's position side does not match user's setting.")
INVALID_BATCH = partial(VenueError, -4082, "Invalid number of batch place orders.")
DUPLICATE_CLIENT_ID = partial(VenueError, -4116, "ClientOrderId is duplicated.")
CLOSES_ALREADY = partial(
    VenueError, -4130, "An open stop or take profit order with GTE and closePosition in the direction is existing."
)
MARKET_TOO_FAR = partial(
    VenueError, -4131, "The counterparty's best price does not meet the PERCENT_PRICE filter limit."
)
CLOSE_WITH_QUANTITY = partial(VenueError, -4137, "Quantity must be zero with closePosition equals true.")
CLOSED = partial(VenueError, -4141, "Symbol is closed.")
SAME_ASSET_MODE = partial(
    VenueError, -4171, "Adjusted asset mode is currently set and does not need to be adjusted repeatedly."
)
TRANSFER_FAILED = partial(VenueError, -5013, "Asset transfer failed: insufficient balance")
UNFILLABLE = partial(
    VenueError,
    -5021,
    "Due to the order could not be filled immediately, the FOK order has been rejected. The order will not be "
    "recorded in the order history",
)
WOULD_TAKE = partial(
    VenueError,
    -5022,
    "Due to the order could not be executed as maker, the Post Only order will be rejected. The order will not "
    "be recorded in the order history",
)
LIMIT_ONLY = partial(VenueError, -5025, "Only limit order is supported.")
NOTHING_TO_AMEND = partial(VenueError, -5027, "No need to modify the order.")
INVALID_PRICE_MATCH = partial(VenueError, -5037, "Invalid price match.")
INVALID_PREVENTION = partial(VenueError, -5039, "Invalid self trade prevention mode.")
INVALID_GOOD_TILL = partial(
    VenueError,
    -5040,
    "The goodTillDate timestamp must be greater than the current time plus 600 seconds and smaller than "
    "253402300799000",
)


def invalid(parameter: str) -> VenueError:
    """A parameter whose value is none of those that there are."""
    return VenueError(-1130, f"Data sent for parameter '{parameter}' is not valid.")


def not_offered(what: str) -> VenueError:
    """Something that Binance has and this venue has not; said plainly instead of being ignored."""
    return VenueError(-4084, f"Method is not allowed currently: this paper venue has no {what}.")


def no_strategy(order_type: str) -> VenueError:
    """closePosition for an order type that cannot have it."""
    return VenueError(-4136, f"Target strategy invalid for orderType {order_type},closePosition true")


def invalid_leverage(leverage: int) -> VenueError:
    """A leverage that this market does not have."""
    return VenueError(-4028, f"Leverage {leverage} is not valid")


def notional_too_small(smallest: str) -> VenueError:
    """An order for too little money."""
    return VenueError(-4164, f"Order's notional must be no smaller than {smallest} (unless you choose reduce only).")


_BY_REASON: dict[RejectReason, Callable[[], VenueError]] = {
    RejectReason.PRICE_INVALID: PRICE_NOT_POSITIVE,
    RejectReason.QUANTITY_INVALID: QUANTITY_TOO_LARGE,
    RejectReason.NOTIONAL_TOO_LARGE: QUANTITY_TOO_LARGE,
    RejectReason.TOO_MANY_OPEN_ORDERS: TOO_MANY_ORDERS,
    RejectReason.TERMS_INVALID: REJECTED,
    RejectReason.TRIGGER_INVALID: REJECTED,
    RejectReason.DUPLICATE_CLIENT_ORDER_ID: DUPLICATE_CLIENT_ID,
    RejectReason.INSUFFICIENT_MARGIN: NO_MARGIN,
    RejectReason.INSUFFICIENT_BALANCE: NO_MARGIN,
    RejectReason.NO_MARK_PRICE: partial(VenueError, -4140, "Invalid symbol status for opening position."),
    RejectReason.WOULD_TAKE: WOULD_TAKE,
    RejectReason.UNKNOWN_ORDER: unknown_order,
    RejectReason.WRONG_OWNER: unknown_order,
    RejectReason.TRIGGER_ALREADY_TRUE: WOULD_TRIGGER,
    RejectReason.NO_POSITION_TO_REDUCE: REDUCE_ONLY_REJECTED,
    RejectReason.MARKET_HALTED: CLOSED,
    RejectReason.MARKET_POST_ONLY: CLOSED,
    RejectReason.IN_LIQUIDATION: partial(VenueError, -2023, "User in liquidation mode now."),
    RejectReason.LEVERAGE_INVALID: partial(VenueError, -4028, "Leverage is not valid"),
    RejectReason.AMOUNT_INVALID: AMOUNT_NOT_POSITIVE,
}


def refused(reason: RejectReason) -> VenueError:
    """The venue's words for a refusal of the core."""
    return _BY_REASON.get(reason, REJECTED)()


def order_refused(reason: RejectReason, command: PlaceOrder, smallest: str, facts: MarketFacts) -> VenueError:
    """The same where the words depend on the order."""
    if reason is RejectReason.NOTIONAL_TOO_SMALL:
        return notional_too_small(smallest)
    if reason is RejectReason.OUTSIDE_PRICE_BAND:
        if not command.price_ticks:
            return MARKET_TOO_FAR()
        return PRICE_TOO_HIGH() if command.price_ticks > facts.reference else PRICE_TOO_LOW()
    return refused(reason)
