"""The keeper's whole state as one answer."""

from common.messages import LpReported
from services.defi_lp.keeping import Keeping
from services.defi_lp.performance import Performance
from services.defi_lp.publication import Publication

LATEST_MAX = 10


def report(
    keeping: Keeping, publication: Publication, performance: Performance, command_id: str, trouble: str
) -> LpReported:
    """As of the last turn. Raises RequestRefused ("unknown_command") for an id that was never taken."""
    book, alarm = keeping.book, keeping.alarm
    saga = book.active
    pending = saga.pending if saga else None
    ended = [each for each in reversed(book.latest_sagas) if each.end is not None][:LATEST_MAX]
    return LpReported(
        state=keeping.state, doing=keeping.doing, wants_open=book.wants_open,
        halted=alarm.reason if alarm else "", halt_detail=alarm.detail if alarm else "",
        held=keeping.held, trouble=trouble,
        saga=saga.begun.saga if saga else 0, intent=saga.begun.intent if saga else "",
        trigger=saga.begun.trigger if saga else "", planned=list(saga.begun.steps) if saga else [],
        step=f"{pending.step} {pending.kind} {pending.subject}".strip() if pending else "",
        step_transaction=keeping.actor.transaction_hash(pending.step) if pending else "",
        failures_in_row=book.failures_in_row, inventory=publication.last,
        latest=[publication.saga_ended(each, each.end) for each in ended if each.end],
        command=keeping.desk.report(command_id) if command_id else None, performance=performance.last,
    )  # fmt: skip
