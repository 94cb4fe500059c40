"""`counterweight down`: quotes first, then whatever rests, then the processes, then proof that nothing is left."""

import argparse
import xmlrpc.client

import msgspec

from services.console import exit_codes
from services.console.facts import save_facts
from services.console.launch import END_TIMEOUT_S, end_strays, end_supervisor, wait_until
from services.console.proc import fleet_pids, name_of
from services.console.resting import Outcome, cancel_everything
from services.console.site import Site, open_site
from services.console.supervisor import Supervisor, SupervisorUnavailable
from services.console.voice import Voice

QUOTING = "market_maker"


class Departure(msgspec.Struct, frozen=True, kw_only=True):
    """How a fleet ended. `orders` is None when it was not running."""

    was_running: bool
    orders: Outcome | None
    strays: list[str]
    clean: bool


def run(options: argparse.Namespace) -> int:
    """Stop the fleet; harmless when it does not run."""
    site, voice = open_site(options.config), Voice(options)
    end = take_down(site, voice)
    code = exit_codes.OK if end.clean else exit_codes.FAILED
    return voice.finish(code, _sentence(end), **msgspec.to_builtins(end))


def take_down(site: Site, voice: Voice) -> Departure:
    """Stop quoting, cancel, stop everything."""
    supervisor = Supervisor(site.socket)
    try:
        pid = supervisor.pid()
    except SupervisorUnavailable:
        if supervisor.is_ending():
            wait_until(lambda: not fleet_pids(site.var), END_TIMEOUT_S)
        strays = _name_strays(site)
        site.socket.unlink(missing_ok=True)
        return Departure(was_running=False, orders=None, strays=strays, clean=True)
    orders = _take_orders_off(site, supervisor, voice)
    save_facts(site)
    voice.say("stopping the other processes")
    ended = end_supervisor(site, pid)
    strays = _name_strays(site)
    proven = orders is None or orders.proven
    return Departure(was_running=True, orders=orders, strays=strays, clean=proven and ended and not strays)


def _take_orders_off(site: Site, supervisor: Supervisor, voice: Voice) -> Outcome | None:
    """None when there is no execution handler that could hold orders."""
    if QUOTING in site.fleet.processes:
        voice.say(f"stopping {QUOTING}: it pulls its quotes")
        try:
            supervisor.stop(QUOTING)
        except (SupervisorUnavailable, xmlrpc.client.Fault) as error:
            voice.say(f"note: {QUOTING} could not be stopped first: {error}")
    if not site.handlers():
        return None
    outcome = cancel_everything(site, "down")
    voice.say(
        f"cancelled {outcome.canceled} orders; {outcome.resting} rest" + ("" if outcome.proven else " (unproven)")
    )
    return outcome


def _name_strays(site: Site) -> list[str]:
    names = {pid: name_of(pid) for pid in fleet_pids(site.var)}
    return [f"{pid} {names.get(pid, '')}".strip() for pid in end_strays(site)]


def _sentence(end: Departure) -> str:
    if not end.was_running:
        extra = f" Ended what an earlier run had left: {'; '.join(end.strays)}." if end.strays else ""
        return f"The fleet is not running.{extra}"
    if end.clean:
        return "Down: no order rests, no process is left."
    problems = []
    if end.orders is not None and not end.orders.proven:
        resting = end.orders.resting
        sure = f"{resting} orders rest at a venue" if resting else "it is not certain that no order rests"
        problems.append(f"{sure} ({end.orders.detail})" if end.orders.detail else sure)
    if end.strays:
        problems.append(f"processes had to be ended by hand: {'; '.join(end.strays)}")
    return f"Down, but not in order: {' and '.join(problems) or 'supervisord did not end in time'}."
