"""Waiting until a started fleet really trades: every process beats, and net exposure is complete."""

import time

from common.messages import (
    HealthReported,
    Message,
    NetExposureChanged,
    QueryHealth,
    QuerySnapshot,
    SnapshotReported,
    decode,
)
from services.console.questions import Answer, survey
from services.console.site import Site
from services.console.supervisor import DEAD_STATES, ProcessState, Supervisor, SupervisorUnavailable
from services.console.tail import Tail
from services.console.voice import Voice

POLL_S = 0.2
ANSWER_TIMEOUT_S = 0.5
LOG_LINES_SHOWN = 8
# Role taken, configuration: supervisord may still be retrying, but a retry cannot help.
FINAL_EXIT_STATUS = (75, 78)


class NotReady(Exception):
    """The fleet does not trade; the text says which process is to blame and shows its last words."""


def wait_until_trading(site: Site, wait_s: float, voice: Voice) -> None:
    """Return once the fleet trades. Raises NotReady after `wait_s`, or as soon as a process cannot come up."""
    began_s = time.monotonic()
    healthy: dict[str, float] = {}
    while True:
        missing = _look(site, healthy, began_s, voice)
        if not missing:
            return
        if time.monotonic() - began_s > wait_s:
            raise NotReady(_explain(site, missing, f"not up within {wait_s:g} s"))
        time.sleep(POLL_S)


def _look(site: Site, healthy: dict[str, float], began_s: float, voice: Voice) -> list[str]:
    """What is still missing: names of processes, or at last a sentence on the exposure."""
    try:
        states = Supervisor(site.socket).processes()
    except SupervisorUnavailable:
        raise NotReady(f"supervisord ended; see {site.logs / 'supervisord.log'}") from None
    if hopeless := [state for state in states.values() if _is_hopeless(state)]:
        names = [state.name for state in hopeless]
        raise NotReady(_explain(site, names, f"{hopeless[0].state} with exit status {hopeless[0].exit_status}"))
    running = [name for name, state in states.items() if state.state == "RUNNING" and name not in healthy]
    questions: list[tuple[str, Message]] = [(name, QueryHealth()) for name in running]
    for name, answer in zip(running, survey(site, questions, ANSWER_TIMEOUT_S).answers, strict=True):
        if isinstance(answer, HealthReported) and answer.state == "running":
            healthy[name] = time.monotonic() - began_s
            voice.say(f"  {name:28} running after {healthy[name]:4.1f} s")
    if missing := [name for name in states if name not in healthy]:
        return missing
    incomplete = _why_incomplete(survey(site, [("position_server", QuerySnapshot())], ANSWER_TIMEOUT_S).answers[0])
    return [incomplete] if incomplete else []


def _is_hopeless(state: ProcessState) -> bool:
    if state.state == "STOPPED" and not state.start_s:
        return False  # Not started yet.
    return state.state in DEAD_STATES or (state.state == "BACKOFF" and state.exit_status in FINAL_EXIT_STATUS)


def _why_incomplete(answer: Answer) -> str:
    if not isinstance(answer, SnapshotReported):
        return "position_server does not answer"
    facts = [decode(fact) for fact in answer.facts]
    exposures = [fact for fact in facts if isinstance(fact, NetExposureChanged)]
    if not exposures:
        return "position_server has no exposure yet"
    return "" if exposures[-1].complete else f"exposure incomplete: {exposures[-1].reason}"


def _explain(site: Site, missing: list[str], why: str) -> str:
    text = f"{', '.join(missing)}: {why}."
    for name in missing:
        if name in site.fleet.processes:
            with Tail(name, site.log_of(name)) as tail:
                words = [line for _, line in tail.past(LOG_LINES_SHOWN)]
            text += f"\nlast words of {name}:\n" + "\n".join(f"    {line}" for line in words or ["(nothing logged)"])
    return text
