"""What a refusal by Binance means for an order: it is not there, or nobody knows.

An answer is UNKNOWN when the venue itself says so (-1006, -1007), when its inside failed (-1000, -1001, any 5xx) or
when the answer cannot be read: the order may be live. Every other error code is a definite no: nothing was carried out.
"""

from enum import Enum

import msgspec

from common.model.order_life import UNKNOWN_ORDER

RATE_LIMITED = "rate_limited"
CLOCK = "clock"
DUPLICATE = "duplicate"
UNAUTHORIZED = "unauthorized"
UNREADABLE = "unreadable_answer"

_UNKNOWN_CODES = frozenset({-1000, -1001, -1006, -1007})
_NAMES = {
    -1003: RATE_LIMITED,
    -1013: "filter",
    -1015: RATE_LIMITED,
    -1021: CLOCK,
    -1022: UNAUTHORIZED,
    -1111: "precision",
    -1121: "invalid_symbol",
    -2011: "cancel_refused",
    -2013: UNKNOWN_ORDER,
    -2014: UNAUTHORIZED,
    -2015: UNAUTHORIZED,
}
# Codes that stand for several causes: only the words tell them apart.
_WORDS = {
    (-2010, "immediately match"): "post_only_would_take",
    (-2010, "duplicate order"): DUPLICATE,
    (-2010, "insufficient balance"): "insufficient_balance",
    (-2011, "unknown order"): UNKNOWN_ORDER,
}
RETRY_AFTER_DEFAULT_S = {429: 5.0, 418: 120.0}
RETRY_AFTER_MAX_S = 3 * 86_400.0


class Verdict(Enum):
    """What happened to a request that did not succeed."""

    REFUSED = "refused"
    UNKNOWN = "unknown"
    THROTTLED = "throttled"


class Refusal(msgspec.Struct, frozen=True):
    """A refusal in our words. `code` is stable; `retry_after_s` counts for THROTTLED, `is_ban` tells 418 from 429."""

    verdict: Verdict
    code: str
    detail: str
    retry_after_s: float = 0.0
    is_ban: bool = False


class _Error(msgspec.Struct):
    code: int
    msg: str = ""


_read_error = msgspec.json.Decoder(_Error).decode


def read_refusal(status: int, body: bytes, retry_after: str = "") -> Refusal:
    """The meaning of an answer whose status is not 2xx; `retry_after` is that header."""
    try:
        error = _read_error(body)
        code, words = error.code, error.msg
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        code, words = 0, f"HTTP {status} with an unreadable body"
    return explain(status, code, words, retry_after)


def explain(status: int, code: int, words: str, retry_after: str = "") -> Refusal:
    """The meaning of a status and an error code, from REST or from the WebSocket API."""
    detail = f"{code} {words}"[:200] if code else words
    if status in RETRY_AFTER_DEFAULT_S:
        wait_s = _seconds(retry_after) or RETRY_AFTER_DEFAULT_S[status]
        return Refusal(Verdict.THROTTLED, RATE_LIMITED, detail, wait_s, status == 418)
    if code in _UNKNOWN_CODES or status >= 500 or status in (0, 408):
        return Refusal(Verdict.UNKNOWN, "venue_failure", detail)
    return Refusal(Verdict.REFUSED, _name(code, words) or f"http_{status}", detail)


def unreadable(what: str) -> Refusal:
    """An answer that claims success and cannot be read: it may have been carried out."""
    return Refusal(Verdict.UNKNOWN, UNREADABLE, what)


def _name(code: int, words: str) -> str:
    lowered = words.lower()
    for (listed, phrase), name in _WORDS.items():
        if code == listed and phrase in lowered:
            return name
    return _NAMES.get(code) or (f"venue_{-code}" if code else "")


def _seconds(text: str) -> float:
    return min(float(text), RETRY_AFTER_MAX_S) if text.isascii() and text.isdigit() else 0.0
