"""What owners do with the timers that cancel their orders."""

from common.exchange.commands import Command


class CancelAllAfter(Command, frozen=True, kw_only=True):
    """Cancel every open order of an account in a market once `after_ns` have passed, unless told again before.

    Each one replaces the one before it; 0 stops the timer. After it fired there is none.
    """

    account: str
    symbol: str
    after_ns: int
