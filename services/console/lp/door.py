"""From `counterweight lp ACTION` to a request, and from its answer to lines and an exit code."""

import argparse
import os
import time
from typing import Any

import msgspec

from common.messages import (
    ExecuteLpCommand,
    LpCommandTaken,
    LpPreviewed,
    LpReported,
    Message,
    PreviewLpCommand,
    QueryLp,
    Rejected,
)
from common.model.errors import OutcomeUnknown
from common.model.ids import base36
from services.console import exit_codes
from services.console.lp.lines import account_lines, preview_lines, progress_line, status_lines
from services.console.paint import Paint
from services.console.questions import Answer, ask
from services.console.site import Site, open_site
from services.console.voice import Voice

PROCESS = "defi_lp"
ANSWER_TIMEOUT_S = 3.0
POLL_S = 0.5
SENDS_MAX = 3
UNDER_WAY = "it goes on by itself; `counterweight lp status` shows how far it is"


class Stopped(Exception):
    """The command ends here, with an exit code and what to say."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


def run(options: argparse.Namespace) -> int:
    """Carry out what the words after `counterweight lp` say."""
    voice = Voice(options)
    try:
        site = open_site(options.config)
        if PROCESS not in site.fleet.processes:
            raise Stopped(exit_codes.USAGE, f"{site.config} names no process {PROCESS}")
        if options.action == "status":
            if options.dry_run:
                raise Stopped(exit_codes.USAGE, "status sends nothing anyway: --dry-run is for the other actions")
            return _status(voice, site)
        if options.dry_run:
            return _preview(voice, site, options.action)
        return _execute(voice, site, options)
    except Stopped as stopped:
        return voice.finish(stopped.code, f"counterweight lp: {stopped}")


def _status(voice: Voice, site: Site) -> int:
    told = _report(site)
    code = exit_codes.FAILED if told.halted else exit_codes.OK
    if voice.as_json:
        return voice.finish(code, told.halt_detail, **_data(told))
    print("\n".join(status_lines(told, Paint.for_terminal())), flush=True)
    return code


def _preview(voice: Voice, site: Site, action: str) -> int:
    reply = ask(site, PROCESS, PreviewLpCommand(action=action), ANSWER_TIMEOUT_S)
    if not isinstance(reply, LpPreviewed):
        raise _stopped(reply, f"{PROCESS} does not answer; `counterweight up` starts the fleet")
    code = exit_codes.FAILED if reply.refusal or reply.gates else exit_codes.OK
    if voice.as_json:
        return voice.finish(code, reply.refusal or "; ".join(reply.gates), **_data(reply))
    print("\n".join(preview_lines(reply)), flush=True)
    return code


def _execute(voice: Voice, site: Site, options: argparse.Namespace) -> int:
    command_id = f"console-{base36(time.time_ns())}-{os.getpid()}"
    command = ExecuteLpCommand(command_id=command_id, action=options.action, operator=options.operator)
    taken = _send(site, command)
    deadline, said = time.monotonic() + options.wait_s, ""
    while not taken.outcome and time.monotonic() < deadline:
        time.sleep(POLL_S)
        # Silence is waited out: the command is written down, whoever restarts in between.
        told = ask(site, PROCESS, QueryLp(command_id=command_id), ANSWER_TIMEOUT_S)
        if isinstance(told, LpReported) and told.command is not None:
            taken = told.command
            line = progress_line(told)
            if line != said and not taken.outcome:
                voice.say(line)
            said = line
    return _tell(voice, taken)


def _send(site: Site, command: ExecuteLpCommand) -> LpCommandTaken:
    """The same id may be sent again: it is carried out once."""
    for _ in range(SENDS_MAX):
        reply = ask(site, PROCESS, command, ANSWER_TIMEOUT_S)
        if isinstance(reply, LpCommandTaken):
            return reply
        if not isinstance(reply, OutcomeUnknown):
            raise _stopped(reply, f"{PROCESS} does not answer; nothing was sent")
    raise Stopped(exit_codes.UNAVAILABLE, f"no answer, so {command.action} may have been taken or not: `lp status`")


def _tell(voice: Voice, taken: LpCommandTaken) -> int:
    if not taken.outcome:
        return voice.finish(exit_codes.FAILED, f"{taken.action} is not done yet: {UNDER_WAY}", **_data(taken))
    done = taken.outcome == "done"
    if taken.ended is not None and not voice.as_json:
        print("\n".join(account_lines(taken.ended)), flush=True)
    text = f"{taken.action}: {taken.outcome}" + (f" ({taken.detail})" if taken.detail else "")
    return voice.finish(exit_codes.OK if done else exit_codes.FAILED, text, **_data(taken))


def _report(site: Site) -> LpReported:
    reply = ask(site, PROCESS, QueryLp(), ANSWER_TIMEOUT_S)
    if isinstance(reply, LpReported):
        return reply
    raise _stopped(reply, f"{PROCESS} does not answer; `counterweight up` starts the fleet")


def _stopped(reply: Answer, silent: str) -> Stopped:
    if isinstance(reply, Rejected):
        code = exit_codes.UNAVAILABLE if reply.code == "not_connected" else exit_codes.FAILED
        return Stopped(code, f"{reply.detail} [{reply.code}]")
    return Stopped(exit_codes.UNAVAILABLE, f"{silent} ({reply})" if isinstance(reply, Exception) else silent)


def _data(message: Message) -> dict[str, Any]:
    data: dict[str, Any] = msgspec.to_builtins(message)
    del data["type"]
    return data
