"""`counterweight rearm`: release the kill latch."""

import argparse

from common.messages import KillStateChanged, RearmTrading
from common.storage import Latch
from services.console import exit_codes
from services.console.questions import ask
from services.console.site import open_site
from services.console.supervisor import Supervisor
from services.console.voice import Voice

OMS_TIMEOUT_S = 2.0


def run(options: argparse.Namespace) -> int:
    """Let the fleet trade again."""
    site, voice = open_site(options.config), Voice(options)
    latch = Latch(site.latch)
    if not latch.engaged:
        return voice.finish(exit_codes.OK, "The kill latch is not engaged.", engaged=False)
    was = latch.state()
    if not Supervisor(site.socket).is_running():
        latch.rearm()
    else:
        reply = ask(site, "oms", RearmTrading(operator=options.operator), OMS_TIMEOUT_S)
        if not isinstance(reply, KillStateChanged) or reply.engaged:
            text = f"Still killed: the oms must release the latch and did not ({reply}). Try again once it answers."
            return voice.finish(exit_codes.UNAVAILABLE, text, engaged=True)
    return voice.finish(exit_codes.OK, f"Rearmed. It was killed for: {was.reason} (by {was.operator}).", engaged=False)
