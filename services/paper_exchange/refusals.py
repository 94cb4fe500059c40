"""Binance's error codes and words, one function a cause. The core refuses with reasons; here they get codes."""

from collections.abc import Callable
from functools import partial
from typing import Any

from common.exchange.events import RejectReason

FILTER_CODE, UNKNOWN_ORDER_CODE = -1013, -2011


class VenueError(Exception):
    """An answer `{"code": ..., "msg": ...}` with an HTTP status, and `data` where only a part was refused."""

    def __init__(
        self, code: int, message: str, status: int = 400, retry_after_s: int = 0, data: dict[str, Any] | None = None
    ) -> None:
        self.code, self.message, self.status, self.retry_after_s = code, message, status, retry_after_s
        self.data = data
        super().__init__(f"{code}: {message}")

    @property
    def body(self) -> dict[str, Any]:
        """What the client reads."""
        told = {"code": self.code, "msg": self.message}
        return told if self.data is None else told | {"data": self.data}


def filter_failed(name: str) -> VenueError:
    """A price, quantity or notional outside of the symbol's filters."""
    return VenueError(FILTER_CODE, f"Filter failure: {name}")


def mandatory(parameter: str) -> VenueError:
    """A parameter that is missing, empty or no number."""
    return VenueError(-1102, f"Mandatory parameter '{parameter}' was not sent, was empty/null, or malformed.")


def one_of(first: str, second: str) -> VenueError:
    """Neither of two parameters was sent, and one must be."""
    return VenueError(-1102, f"Param '{first}' or '{second}' must be sent, but both were empty/null!")


def illegal_characters(parameter: str, legal: str) -> VenueError:
    """A parameter with characters that it may not have."""
    return VenueError(-1100, f"Illegal characters found in parameter '{parameter}'; legal range is '{legal}'.")


def not_required(parameter: str) -> VenueError:
    """A parameter that the order type does not take."""
    return VenueError(-1106, f"Parameter '{parameter}' sent when not required.")


def too_precise(parameter: str) -> VenueError:
    """More than eight decimals."""
    return VenueError(-1111, f"Parameter '{parameter}' has too much precision.")


def invalid_symbol() -> VenueError:
    """A symbol that is not traded here."""
    return VenueError(-1121, "Invalid symbol.")


def no_key() -> VenueError:
    """No key at all."""
    return VenueError(-2014, "API-key format invalid.", 401)


def bad_key() -> VenueError:
    """A key that is not ours."""
    return VenueError(-2015, "Invalid API-key, IP, or permissions for action.", 401)


def bad_signature() -> VenueError:
    """A signature that does not fit the request and the secret."""
    return VenueError(-1022, "Signature for this request is not valid.")


def outside_window(ahead: bool) -> VenueError:
    """A timestamp too old, or too far in the future."""
    if ahead:
        return VenueError(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
    return VenueError(-1021, "Timestamp for this request is outside of the recvWindow.")


def too_many_requests(limit: int, retry_after_s: int) -> VenueError:
    """Request weight used up for this minute."""
    words = f"Too much request weight used; current limit is {limit} request weight per 1 MINUTE."
    return VenueError(-1003, words, 429, retry_after_s)


def too_many_orders(limit: int, interval: str, retry_after_s: int) -> VenueError:
    """Orders used up for this interval."""
    return VenueError(
        -1015, f"Too many new orders; current limit is {limit} orders per {interval}.", 429, retry_after_s
    )


def unknown_order() -> VenueError:
    """A cancel of something that is not open."""
    return VenueError(UNKNOWN_ORDER_CODE, "Unknown order sent.")


def restricted_cancel() -> VenueError:
    """A cancel that its sender wants only in a state in which the order is not."""
    return VenueError(UNKNOWN_ORDER_CODE, "Order was not canceled due to cancel restrictions.")


def other_order() -> VenueError:
    """An order's number and a client order id that are not of the same order."""
    return VenueError(-2039, "Client order ID is not correct for this order ID.")


def amend_refused(message: str) -> VenueError:
    """An amendment that the venue does not carry out."""
    return VenueError(-2038, message)


def invalid_data(parameter: str) -> VenueError:
    """A word that the parameter does not know."""
    return VenueError(-1130, f"Data sent for parameter '{parameter}' is not valid.")


def bad_combination() -> VenueError:
    """Optional parameters that do not go together, or too few of them."""
    return VenueError(-1128, "Combination of optional parameters invalid.")


def no_such_order() -> VenueError:
    """A query for something that never was."""
    return VenueError(-2013, "Order does not exist.")


def order_refused(message: str) -> VenueError:
    """A new order that the matching engine does not take."""
    return VenueError(-2010, message)


def not_found() -> VenueError:
    """A path or method that this venue does not have."""
    return VenueError(-1000, "This paper venue does not serve that path.", 404)


# Each refusal is an error of its own: one that is raised again keeps the frames of every time before.
_BY_REASON: dict[RejectReason, Callable[[], VenueError]] = {
    RejectReason.PRICE_INVALID: partial(filter_failed, "PRICE_FILTER"),
    RejectReason.QUANTITY_INVALID: partial(filter_failed, "LOT_SIZE"),
    RejectReason.NOTIONAL_TOO_SMALL: partial(filter_failed, "NOTIONAL"),
    RejectReason.NOTIONAL_TOO_LARGE: partial(filter_failed, "NOTIONAL"),
    RejectReason.TOO_MANY_OPEN_ORDERS: partial(filter_failed, "MAX_NUM_ORDERS"),
    RejectReason.OUTSIDE_PRICE_BAND: partial(filter_failed, "PERCENT_PRICE"),
    RejectReason.TRIGGER_INVALID: partial(filter_failed, "PRICE_FILTER"),
    RejectReason.TRIGGER_ALREADY_TRUE: partial(order_refused, "Stop price would trigger immediately."),
    RejectReason.TERMS_INVALID: partial(order_refused, "This order type is not possible in this trading phase."),
    RejectReason.DUPLICATE_CLIENT_ORDER_ID: partial(order_refused, "Duplicate order sent."),
    RejectReason.INSUFFICIENT_BALANCE: partial(order_refused, "Account has insufficient balance for requested action."),
    RejectReason.WOULD_TAKE: partial(order_refused, "Order would immediately match and take."),
    RejectReason.MARKET_HALTED: partial(order_refused, "Market is closed."),
    RejectReason.MARKET_POST_ONLY: partial(order_refused, "This order type is not possible in this trading phase."),
    RejectReason.UNKNOWN_ORDER: unknown_order,
    RejectReason.WRONG_OWNER: unknown_order,
}
_DISABLED = partial(order_refused, "This action is disabled on this account.")
"""What this protocol has no words for: limits that other doors set, what a managed account may not do."""


def refused(reason: RejectReason) -> VenueError:
    """The venue's words for a refusal of the core."""
    return _BY_REASON.get(reason, _DISABLED)()


def is_filter(reason: RejectReason) -> bool:
    """True for a refusal that Binance finds before an order reaches its matching engine."""
    return refused(reason).code == FILTER_CODE
