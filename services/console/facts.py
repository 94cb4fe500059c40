"""What the processes say of themselves: live from the bus, or as `down` last heard it."""

from typing import TypeVar

import msgspec

from common.messages import Message, QuerySnapshot, SnapshotReported, decode
from services.console.questions import Answer, survey
from services.console.site import Site

FILE = "facts.msgpack"
M = TypeVar("M", bound=Message)


class SavedFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Encoded messages of one run."""

    run_id: str
    facts: list[bytes]


def hear_facts(site: Site) -> list[Message]:
    """The snapshots of all processes that answer."""
    questions: list[tuple[str, Message]] = [(name, QuerySnapshot()) for name in site.fleet.processes]
    return facts_of(survey(site, questions).answers)


def facts_of(answers: list[Answer]) -> list[Message]:
    """The facts in some answers; those that are no snapshots add nothing."""
    return [decode(fact) for answer in answers if isinstance(answer, SnapshotReported) for fact in answer.facts]


def save_facts(site: Site) -> None:
    """Keep what the processes say, for when they are gone."""
    questions: list[tuple[str, Message]] = [(name, QuerySnapshot()) for name in site.fleet.processes]
    answers = survey(site, questions).answers
    facts = [fact for answer in answers if isinstance(answer, SnapshotReported) for fact in answer.facts]
    record = site.read_run()
    saved = SavedFacts(run_id=record.run_id if record else "", facts=facts)
    (site.var / FILE).write_bytes(msgspec.msgpack.encode(saved))


def load_facts(site: Site, run_id: str) -> list[Message]:
    """What `save_facts` kept of this run; nothing if the run ended without `down`."""
    try:
        saved = msgspec.msgpack.decode((site.var / FILE).read_bytes(), type=SavedFacts)
    except (FileNotFoundError, msgspec.MsgspecError):
        return []
    return [decode(fact) for fact in saved.facts] if saved.run_id == run_id else []


def pick(facts: list[Message], kind: type[M]) -> list[M]:
    """Facts of one type."""
    return [fact for fact in facts if isinstance(fact, kind)]
