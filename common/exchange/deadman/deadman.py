"""Timers that cancel all open orders of an account in a market, as Binance's countdownCancelAll does.

They run on the exchange's own time and are part of its state, so that a restart of the venue stops none of them.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from common.exchange.admission import is_whole
from common.exchange.core import Core
from common.exchange.deadman.commands import CancelAllAfter
from common.exchange.deadman.events import CancelTimerFired, CancelTimerSet
from common.exchange.events import RejectReason
from common.exchange.orders import Orders
from common.exchange.refusal import Refused
from common.exchange.rules import NS_PER_S
from common.exchange.states import Key

DEAD_MAN = "dead_man"
AFTER_NS_MAX = 24 * 3_600 * NS_PER_S
"""A switch that is thrown later than after a day protects nobody."""


class CancelTimer(msgspec.Struct):
    """When it fires (0 = it was stopped), and when the exchange looks at it next: one entry of the agenda."""

    due_ns: int
    looked_at_ns: int


class DeadManState(msgspec.Struct):
    """Timers by account and market."""

    timers: dict[str, dict[str, CancelTimer]] = msgspec.field(default_factory=dict)


class DeadMan:
    """Sets, stops and fires timers.

    Owners renew them all the time, so a renewal does not go to the agenda: whoever comes too early looks again later.
    """

    trading = frozenset[Any]({CancelAllAfter})

    def __init__(self, core: Core, orders: Orders) -> None:
        self._core, self._orders = core, orders
        self.handlers: dict[Any, Callable[[Any], None]] = {CancelAllAfter: self.set}
        self.state = DeadManState()
        core.doers[DEAD_MAN] = self.look

    def load(self, state: DeadManState) -> None:
        """Become what `state` was."""
        self.state = state

    def set(self, command: CancelAllAfter) -> None:
        """Another countdown, or none."""
        core, account, symbol, after_ns = self._core, command.account, command.symbol, command.after_ns
        if not account or not is_whole(after_ns, 0, AFTER_NS_MAX):
            raise Refused(RejectReason.AMOUNT_INVALID, f"after_ns must be 0 to {AFTER_NS_MAX}, got {after_ns!r}")
        due_ns = core.time_ns + after_ns if after_ns else 0
        timer = self.state.timers.get(account, {}).get(symbol)
        if timer is not None:
            timer.due_ns = due_ns
        elif due_ns:
            timer = self.state.timers.setdefault(account, {})[symbol] = CancelTimer(due_ns, 0)
        if timer is not None and due_ns and not 0 < timer.looked_at_ns <= due_ns:
            self._look_at(timer, account, symbol, due_ns)
        core.tell(CancelTimerSet(time_ns=core.time_ns, account=account, symbol=symbol, due_ns=due_ns))

    def look(self, key: Key, due_ns: int) -> None:
        """The agenda has come to a timer: it fires, waits on because it was renewed, or goes because it was stopped."""
        account, _, symbol = str(key).rpartition(":")
        timer = self.state.timers.get(account, {}).get(symbol)
        if timer is None or timer.looked_at_ns != due_ns:
            return
        if timer.due_ns > due_ns:
            self._look_at(timer, account, symbol, timer.due_ns)
            return
        del self.state.timers[account][symbol]
        if not self.state.timers[account]:
            del self.state.timers[account]
        if timer.due_ns:
            self._fire(account, symbol)

    def _look_at(self, timer: CancelTimer, account: str, symbol: str, when_ns: int) -> None:
        timer.looked_at_ns = when_ns
        self._core.schedule(when_ns, DEAD_MAN, f"{account}:{symbol}")

    def _fire(self, account: str, symbol: str) -> None:
        orders = self._orders.open_of(account, [symbol])
        for order in orders:
            self._orders.cancel(order)
        self._core.tell(
            CancelTimerFired(time_ns=self._core.time_ns, account=account, symbol=symbol, orders=len(orders))
        )
