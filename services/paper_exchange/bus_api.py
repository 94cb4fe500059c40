"""What no venue protocol has, on the bus: commands of the exchange, questions to it, and events of its rooms."""

from collections import deque
from collections.abc import Callable
from typing import Any

from common.exchange.events import (
    AmendRejected,
    BatchItemStarted,
    BatchRejected,
    CancelRejected,
    CommandRefused,
    Event,
    LastChanged,
    LevelChanged,
    MarkChanged,
    OrderAmended,
    OrderCanceled,
    OrderExpired,
    OrderPlaced,
    OrderRejected,
    OrderTriggered,
    Refusal,
    SelfTradePrevented,
    StopMoved,
    TradeExecuted,
)
from common.exchange.intake import check_world, is_admins, read_command, refusal_of
from common.exchange.queries.table import answer, as_map
from common.messages import (
    ExchangeCommandExecuted,
    ExchangeEventOccurred,
    ExchangeReported,
    ExecuteExchangeCommand,
    Header,
    Message,
    QueryExchange,
)
from common.model.errors import RequestRefused
from services.paper_exchange.ratios import with_ratios
from services.paper_exchange.venue import PaperVenue
from services.paper_exchange.wire import NS_PER_MS

EVENTS_MAX = 2_000
"""Events in one answer: a message has at most 4 MB."""

FACTS_KEPT = 1_000
"""Events that a snapshot of the process still has, so that who missed some finds them there."""

TOLD_ELSEWHERE: frozenset[type[Event]] = frozenset({
    OrderPlaced, OrderAmended, OrderTriggered, StopMoved, OrderCanceled, OrderExpired, TradeExecuted, LevelChanged,
    MarkChanged, LastChanged, BatchItemStarted, SelfTradePrevented,
    OrderRejected, CancelRejected, AmendRejected, BatchRejected, CommandRefused,
})  # fmt: skip
"""What venue protocols tell, and what changed nothing. Every other event is a fact on the bus."""

Publish = Callable[[str, Message], None]


class BusApi:
    """Answers requests of the bus, each after the commit of all that it tells of. Every handler may raise
    CommandInvalid (the request cannot be carried out by anybody) or RequestRefused (not now, or not for this caller).
    """

    def __init__(self, venue: PaperVenue, name: str, publish: Publish) -> None:
        self.facts: deque[Message] = deque(maxlen=FACTS_KEPT)
        self._venue, self._name, self._publish = venue, name, publish
        self._scales = venue.exchange.ledger.scales
        venue.observe(self._hear)

    async def execute(self, request: ExecuteExchangeCommand, _header: Header) -> Message:
        """Carry out one command. Nothing is executed, and nothing journaled, for one that cannot be read."""
        time_ns = self._venue.now_ns()
        if request.expires_at_ns and time_ns > request.expires_at_ns:
            late_ms = (time_ns - request.expires_at_ns) // NS_PER_MS
            raise RequestRefused("expired", f"{request.kind} came {late_ms} ms after it expired")
        command = read_command(request.kind, request.fields, time_ns)
        if is_admins(command) and not request.admin:
            raise RequestRefused("admin_only", f"{request.kind} is for the venue's operator: admin, or --admin")
        check_world(command, self._scales)
        events = self._venue.execute(command)
        number = self._venue.commands_executed
        if refusal := refusal_of(command, events):
            await self._venue.committed()
            raise RequestRefused(str(refusal.reason), _words(request.kind, refusal))
        told = [each for each in events if type(each) is not LevelChanged]
        executed = ExchangeCommandExecuted(
            venue=self._name, kind=request.kind, time_ns=self._venue.exchange.time_ns, command=number,
            events=[as_map(each) for each in told[:EVENTS_MAX]], events_left_off=max(0, len(told) - EVENTS_MAX),
        )  # fmt: skip
        await self._venue.committed()
        return executed

    async def report(self, request: QueryExchange, _header: Header) -> Message:
        """Answer one question."""
        found = with_ratios(request.query, answer(self._venue.exchange, request.query, request.arguments))
        reported = ExchangeReported(
            venue=self._name, query=request.query, time_ns=self._venue.exchange.time_ns,
            commands=self._venue.commands_executed, answer=found,
        )  # fmt: skip
        # What was found may be of commands of this very turn of the loop.
        await self._venue.committed()
        return reported

    def _hear(self, events: list[Event]) -> None:
        told = [(index, each) for index, each in enumerate(events) if type(each) not in TOLD_ELSEWHERE]
        if told:
            facts = [self._fact(index, event) for index, event in told]
            self._venue.hold(lambda: self._tell(facts))

    def _fact(self, index: int, event: Event) -> ExchangeEventOccurred:
        fields: dict[str, Any] = as_map(event)
        kind = fields.pop("type")
        return ExchangeEventOccurred(
            venue=self._name, command=self._venue.commands_executed, index=index, kind=kind,
            time_ns=fields.pop("time_ns"), fields=fields,
        )  # fmt: skip

    def _tell(self, facts: list[ExchangeEventOccurred]) -> None:
        for fact in facts:
            self.facts.append(fact)
            self._publish(f"exchange.{self._name}", fact)


def _words(kind: str, refusal: Refusal) -> str:
    """A refusal for people: what it is about, and every detail that the exchange gave."""
    about = {name: value for name, value in as_map(refusal).items() if value not in ("", 0)}
    for name in ("type", "time_ns", "reason", "command"):
        about.pop(name, None)
    detail = about.pop("detail", "")
    where = " ".join(f"{name}={value}" for name, value in about.items())
    why = ": ".join(part for part in (str(refusal.reason).replace("_", " "), detail) if part)
    return f"{kind} refused: {why}{f' ({where})' if where else ''}"
