"""How much one question may ask for."""

from common.exchange.events import RejectReason
from common.exchange.refusal import Refused

ROWS_MAX = 1_000


def check_limit(limit: int, name: str = "limit") -> None:
    """Refuse a number of rows that is not 1 to ROWS_MAX."""
    if not 1 <= limit <= ROWS_MAX:
        raise Refused(RejectReason.TERMS_INVALID, f"{name} must be 1 to {ROWS_MAX}, got {limit}")
