"""`counterweight kill`: the latch first, by our own hand; then everything off the venues; then proof."""

import argparse
import time

from common.messages import EngageKill, KillStateChanged
from common.storage import Latch
from services.console import exit_codes
from services.console.questions import survey
from services.console.resting import CANCEL_TIMEOUT_S, Outcome, cancel_commands, conclude
from services.console.site import open_site
from services.console.supervisor import Supervisor
from services.console.voice import Voice


def run(options: argparse.Namespace) -> int:
    """Engage the kill switch."""
    site, voice = open_site(options.config), Voice(options)
    # The file alone stops every new order, whoever is alive: the execution handlers look at it before each one.
    Latch(site.latch).engage(options.reason, options.operator, time.time_ns())
    voice.say(f"latch engaged: {site.latch}")
    if not Supervisor(site.socket).is_running():
        return voice.finish(exit_codes.OK, "The fleet is not running; it will refuse all orders until `rearm`.")
    # All at once: an oms that hangs must not delay the handlers, and its word alone is not the venue's.
    engage = EngageKill(reason=options.reason, operator=options.operator)
    commands = [("oms", engage), *cancel_commands(site, f"kill: {options.reason}")]
    reply, *answers = survey(site, commands, CANCEL_TIMEOUT_S).answers
    if not isinstance(reply, KillStateChanged):
        voice.say(f"note: {reply}; the handlers were told directly")
    outcome = conclude(site, answers)
    by_oms = reply.canceled if isinstance(reply, KillStateChanged) else 0
    # Both were asked to cancel the same orders.
    return _tell(voice, outcome, max(by_oms, outcome.canceled))


def _tell(voice: Voice, outcome: Outcome, canceled: int) -> int:
    if outcome.proven:
        text = f"Killed: {canceled} orders cancelled, none rests at any venue. New orders are refused until `rearm`."
        return voice.finish(exit_codes.OK, text, canceled=canceled, resting=0)
    text = (
        f"Killed: new orders are refused and {canceled} were cancelled, but it is not proven that none rests"
        f" ({outcome.detail or f'{outcome.resting} rest'}). Look at the venue itself."
    )
    return voice.finish(exit_codes.FAILED, text, canceled=canceled, resting=outcome.resting, detail=outcome.detail)
