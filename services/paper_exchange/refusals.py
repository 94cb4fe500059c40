"""Binance's error codes and words, one function a cause. The core refuses with reasons; here they get codes."""

from common.exchange.events import RejectReason

UNKNOWN_ORDER_CODE = -2011


class VenueError(Exception):
    """An answer `{"code": ..., "msg": ...}` with an HTTP status."""

    def __init__(self, code: int, message: str, status: int = 400, retry_after_s: int = 0) -> None:
        self.code, self.message, self.status, self.retry_after_s = code, message, status, retry_after_s
        super().__init__(f"{code}: {message}")

    @property
    def body(self) -> dict[str, int | str]:
        """What the client reads."""
        return {"code": self.code, "msg": self.message}


def filter_failed(name: str) -> VenueError:
    """A price, quantity or notional outside of the symbol's filters."""
    return VenueError(-1013, f"Filter failure: {name}")


def mandatory(parameter: str) -> VenueError:
    """A parameter that is missing, empty or no number."""
    return VenueError(-1102, f"Mandatory parameter '{parameter}' was not sent, was empty/null, or malformed.")


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


def no_such_order() -> VenueError:
    """A query for something that never was."""
    return VenueError(-2013, "Order does not exist.")


def not_found() -> VenueError:
    """A path or method that this venue does not have."""
    return VenueError(-1000, "This paper venue does not serve that path.", 404)


_BY_REASON = {
    RejectReason.PRICE_INVALID: filter_failed("PRICE_FILTER"),
    RejectReason.QUANTITY_INVALID: filter_failed("LOT_SIZE"),
    RejectReason.NOTIONAL_TOO_SMALL: filter_failed("NOTIONAL"),
    RejectReason.TOO_MANY_OPEN_ORDERS: filter_failed("MAX_NUM_ORDERS"),
    RejectReason.TERMS_INVALID: VenueError(-2010, "This order type is not possible in this trading phase."),
    RejectReason.DUPLICATE_CLIENT_ORDER_ID: VenueError(-2010, "Duplicate order sent."),
    RejectReason.INSUFFICIENT_BALANCE: VenueError(-2010, "Account has insufficient balance for requested action."),
    RejectReason.WOULD_TAKE: VenueError(-2010, "Order would immediately match and take."),
    RejectReason.UNKNOWN_ORDER: unknown_order(),
    RejectReason.WRONG_OWNER: unknown_order(),
    RejectReason.NOTIONAL_TOO_LARGE: filter_failed("NOTIONAL"),
    RejectReason.OUTSIDE_PRICE_BAND: filter_failed("PERCENT_PRICE"),
    RejectReason.MARKET_HALTED: VenueError(-2010, "Market is closed."),
    RejectReason.MARKET_POST_ONLY: VenueError(-2010, "This order type is not possible in this trading phase."),
}


def refused(reason: RejectReason) -> VenueError:
    """The venue's words for a refusal of the core."""
    known = _BY_REASON[reason]
    return VenueError(known.code, known.message, known.status)
