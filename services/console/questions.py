"""Asking processes over the bus, many at once, from a program that is not itself on it."""

import asyncio
import time
from collections.abc import Coroutine
from typing import Any, TypeVar

import msgspec

from common.bus import Bus
from common.messages import Message
from common.model.errors import OutcomeUnknown, PeerUnavailable
from services.console.site import Site

ANSWER_TIMEOUT_S = 1.0

Answer = Message | PeerUnavailable | OutcomeUnknown
T = TypeVar("T")


class Survey(msgspec.Struct, frozen=True, kw_only=True):
    """Answers in the order of the questions, and seconds since each process's last heartbeat (None = silent)."""

    answers: list[Answer]
    heartbeat_age_s: dict[str, float | None]


def ask(site: Site, process: str, question: Message, timeout_s: float = ANSWER_TIMEOUT_S) -> Answer:
    """One question; never raises for a peer that is away or silent."""
    return survey(site, [(process, question)], timeout_s).answers[0]


def survey(site: Site, questions: list[tuple[str, Message]], timeout_s: float = ANSWER_TIMEOUT_S) -> Survey:
    """Ask all at once; takes at most `timeout_s` however many are silent."""
    return asyncio.run(_survey(site, questions, timeout_s))


async def _survey(site: Site, questions: list[tuple[str, Message]], timeout_s: float) -> Survey:
    bus = Bus("console", time.time_ns(), site.fleet.endpoints(), time.time_ns)
    processes = {process for process, _ in questions}
    for process in processes:
        bus.watch(process)
    try:
        answers = await asyncio.gather(*(_caught(bus.request(*question, timeout_s)) for question in questions))
        silence = {process: bus.silence_s(process) for process in processes}
    finally:
        bus.close()
    ages = {process: None if age == float("inf") else age for process, age in silence.items()}
    return Survey(answers=answers, heartbeat_age_s=ages)


async def _caught(work: Coroutine[Any, Any, Message]) -> Answer:
    try:
        return await work
    except (PeerUnavailable, OutcomeUnknown) as error:
        return error
