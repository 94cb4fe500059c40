"""What a moved price sets off after a command: trailing stops follow, triggers fire, the circuit breaker halts."""

from collections import deque

from common.exchange.commands import PriceReference
from common.exchange.core import LAST, PHASE_ENDS, Core, Moved
from common.exchange.entry import OrderEntry
from common.exchange.events import MarketPhase, PhaseChanged
from common.exchange.matching import Market
from common.exchange.rules import NS_PER_S
from common.exchange.states import Key

BREAKER = "breaker"
CASCADE = "cascade"
SCHEDULE = "schedule"


class Triggers:
    """Acts on every price that moved since it last ran. A market that does not trade keeps its orders waiting."""

    def __init__(self, core: Core, entry: OrderEntry) -> None:
        self._core, self._entry = core, entry

    def run(self) -> None:
        """Fire what became true, price by price and in the order of placing, then what that made true, and so on."""
        queue, fired = deque[int](), 0
        while True:
            for (symbol, reference), prices in self._core.take_moved().items():
                queue += self._due(self._core.markets[symbol], reference, prices)
            if not queue:
                return
            order = self._core.ledger.orders[queue.popleft()]
            market = self._core.markets[order.symbol]
            if fired == market.facts.rules.triggers_max and market.facts.is_open:
                self._halt(market, CASCADE)
            if market.facts.is_open:
                self._entry.fire(order)
                fired += 1
            else:
                self._entry.wait(order)

    def next_phase(self, key: Key, due_ns: int) -> None:
        """A market's phase is over."""
        symbol = str(key)
        facts = self._core.markets[symbol].facts
        if facts.phase is MarketPhase.HALT:
            self._change(symbol, MarketPhase.POST_ONLY, due_ns + facts.rules.post_only_s * NS_PER_S, SCHEDULE)
        else:
            self._change(symbol, MarketPhase.OPEN, 0, SCHEDULE)
            for reference in PriceReference:
                if price := facts.watched(reference):
                    self._core.note_price(symbol, reference, price)

    def _due(self, market: Market, reference: PriceReference, prices: list[Moved]) -> list[int]:
        if not market.facts.is_open:
            return []
        if reference is LAST and market.facts.must_halt():
            self._halt(market, BREAKER)
            return []
        due = list[int]()
        for price, newest in prices if market.stops.waiting else ():
            for order_id, stop in market.stops.follow(reference, price, newest):
                self._core.move_stop(self._core.ledger.orders[order_id], stop)
                market.stops.move(order_id, stop)
            due += market.stops.due(reference, price, newest)
        return due

    def _halt(self, market: Market, reason: str) -> None:
        until_ns = self._core.time_ns + market.facts.rules.halt_s * NS_PER_S
        self._change(market.symbol, MarketPhase.HALT, until_ns, reason)

    def _change(self, symbol: str, phase: MarketPhase, until_ns: int, reason: str) -> None:
        self._core.markets[symbol].facts.change_phase(phase, until_ns)
        self._core.tell(
            PhaseChanged(time_ns=self._core.time_ns, symbol=symbol, phase=phase, until_ns=until_ns, reason=reason)
        )
        if until_ns:
            self._core.schedule(until_ns, PHASE_ENDS, symbol)
