"""Taking our orders off the venues, and proof that none rests there."""

import time

import msgspec

from common.messages import AllOrdersCanceled, CancelAllOrders, ExecutionsListed, Message, QueryExecutions
from services.console.questions import Answer, survey
from services.console.site import Site

CANCEL_TIMEOUT_S = 5.0
PROOF_TIMEOUT_S = 5.0
PROOF_INTERVAL_S = 0.1
# Above every trade id: the answer then lists open orders and no fills.
NO_FILLS_AFTER = 2**62


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """`proven` is true when every venue was asked and none holds an order of ours; else `detail` says why not."""

    canceled: int
    resting: int
    proven: bool
    detail: str


def cancel_everything(site: Site, reason: str) -> Outcome:
    """Cancel through the execution handlers, oms or not, then ask each venue what still rests."""
    return conclude(site, survey(site, cancel_commands(site, reason), CANCEL_TIMEOUT_S).answers)


def cancel_commands(site: Site, reason: str) -> list[tuple[str, Message]]:
    """One command for each execution handler."""
    return [(handler, CancelAllOrders(venue=venue, reason=reason)) for venue, handler in site.handlers().items()]


def conclude(site: Site, answers: list[Answer]) -> Outcome:
    """What the answers to `cancel_commands` are worth, held against the venues."""
    done = [answer for answer in answers if isinstance(answer, AllOrdersCanceled)]
    problems = [str(answer) for answer in answers if not isinstance(answer, AllOrdersCanceled)]
    resting, doubts = prove_empty(site)
    return Outcome(
        canceled=sum(each.canceled for each in done), resting=resting,
        proven=not resting and not doubts, detail="; ".join(doubts or problems),
    )  # fmt: skip


def prove_empty(site: Site) -> tuple[int, list[str]]:
    """(orders still resting, why that is not certain), after waiting a moment for cancels that are under way."""
    deadline = time.monotonic() + PROOF_TIMEOUT_S
    while True:
        resting, doubts = _count_resting(site)
        if not (resting or doubts) or time.monotonic() > deadline:
            return resting, doubts
        time.sleep(PROOF_INTERVAL_S)


def _count_resting(site: Site) -> tuple[int, list[str]]:
    handlers = site.handlers()
    questions: list[tuple[str, Message]] = [
        (handlers[each.venue], QueryExecutions(venue=each.venue, symbol=each.symbol, after_trade_id=NO_FILLS_AFTER))
        for each in site.fleet.instruments
        if each.venue in handlers
    ]
    answers = survey(site, questions, PROOF_TIMEOUT_S).answers
    resting = sum(len(each.open_orders) for each in answers if isinstance(each, ExecutionsListed))
    doubts = [
        f"{process} could not say what rests: {answer}"
        for (process, _), answer in zip(questions, answers, strict=True)
        if not isinstance(answer, ExecutionsListed)
    ]
    return resting, doubts
