"""`counterweight up`: check, start, wait until it trades, show."""

import argparse
import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from common.model.errors import ConfigInvalid, RoleTaken
from services.console import checks, exit_codes
from services.console.aside import set_aside
from services.console.down import take_down
from services.console.launch import LaunchFailed, start_supervisor
from services.console.paint import Paint
from services.console.picture import take_picture
from services.console.readiness import NotReady, wait_until_trading
from services.console.screen import draw, terminal_width
from services.console.site import RunRecord, Site, new_run_id, open_site
from services.console.supervisor import Supervisor
from services.console.voice import Voice


def run(options: argparse.Namespace) -> int:
    """Start the fleet. Ctrl-C takes it down again."""
    voice = Voice(options)
    flow = find_flow(options.flow)
    site = open_site(options.config)
    if Supervisor(site.socket).is_running():
        record = site.read_run()
        text = f"The fleet is running already{f' (run {record.run_id})' if record else ''}; `counterweight status`."
        return voice.finish(exit_codes.BUSY, text)
    try:
        with starting(site):
            return _start(site, voice, options, flow)
    except RoleTaken as error:
        return voice.finish(exit_codes.BUSY, str(error))


def find_flow(path: str) -> str:
    """Absolute path of the recording, or "". Raises ConfigInvalid when there is none."""
    if not path:
        return ""
    flow = Path(path).expanduser().resolve()
    if not flow.is_file():
        raise ConfigInvalid("recording", "--flow", "a file", path)
    return str(flow)


@contextmanager
def starting(site: Site) -> Iterator[None]:
    """Only one `up` of a fleet at a time. Raises RoleTaken."""
    site.var.parent.mkdir(parents=True, exist_ok=True)
    with (site.var.parent / f".{site.var.name}.up.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise RoleTaken("Another `up` of this fleet is under way.") from None
        yield


def _start(site: Site, voice: Voice, options: argparse.Namespace, flow: str) -> int:
    for finding in checks.before_start(site):
        if finding.level == "fail":
            text = f"Nothing was started. {finding.name}: {finding.text}. {finding.remedy}"
            return voice.finish(finding.exit_code, text, finding=msgspec.to_builtins(finding))
        if finding.level == "warn":
            voice.say(f"note: {finding.name}: {finding.text} -> {finding.remedy}")
    if options.fresh and (aside := set_aside(site)):
        voice.say(f"state of the last run set aside in {aside}")
    now_s = time.time()
    record = RunRecord(
        run_id=new_run_id(now_s), started_ns=int(now_s * 1e9), config=str(site.config), flow=flow, seed=options.seed
    )
    site.write_run(record)
    try:
        return _bring_up(site, voice, record, options.wait_s)
    except KeyboardInterrupt:
        voice.say("interrupted: taking the fleet down again")
        take_down(site, voice)
        return voice.finish(130, "Stopped before the fleet was up.")


def _bring_up(site: Site, voice: Voice, record: RunRecord, wait_s: float) -> int:
    began_s = time.monotonic()
    try:
        pid = start_supervisor(site, record)
    except LaunchFailed as error:
        return voice.finish(exit_codes.FAILED, str(error))
    site.write_run(msgspec.structs.replace(record, supervisor_pid=pid))
    market = f"replay of {Path(record.flow).name}" if record.flow else f"synthetic market, seed {record.seed}"
    voice.say(f"run {record.run_id}: {len(site.fleet.processes)} processes under supervisord {pid}, {market}")
    try:
        wait_until_trading(site, wait_s, voice)
    except NotReady as error:
        return voice.finish(exit_codes.FAILED, f"{error}\nThe rest was left running; `counterweight down` stops it.")
    picture = take_picture(site)
    voice.say(draw(picture, Paint.for_terminal(), terminal_width()))
    text = f"Up in {time.monotonic() - began_s:.1f} s."
    return voice.finish(exit_codes.OK, text, status=msgspec.to_builtins(picture))
