"""`counterweight doctor`: everything that could keep the fleet from running, with what to do about it."""

import argparse
from collections.abc import Iterator

import msgspec

from common.messages import FeedStatusChanged, QuerySnapshot
from services.console import checks, exit_codes
from services.console.checks import Finding
from services.console.facts import facts_of, pick
from services.console.paint import Paint
from services.console.questions import survey
from services.console.site import Site, open_site
from services.console.supervisor import Supervisor
from services.console.voice import Voice

VENUE_CLOCK_OFFSET_S_MAX = 1.0
_STYLES = {"ok": "green", "warn": "yellow", "fail": "red"}


def run(options: argparse.Namespace) -> int:
    """Run every check; 1 when one failed."""
    voice, paint = Voice(options), Paint.for_terminal()
    site = open_site(options.config)
    findings = []
    for finding in examine(site):
        findings.append(finding)
        voice.say(f"{paint(f'{finding.level:4}', _STYLES[finding.level])}  {finding.name:16} {finding.text}")
        if finding.remedy:
            voice.say(f"{'':22} -> {finding.remedy}")
    failed = [finding for finding in findings if finding.level == "fail"]
    code = exit_codes.FAILED if failed else exit_codes.OK
    text = f"{len(failed)} of {len(findings)} checks failed." if failed else f"{len(findings)} checks, none failed."
    return voice.finish(code, text, findings=msgspec.to_builtins(findings))


def examine(site: Site) -> Iterator[Finding]:
    """All checks, those of `up` included."""
    yield checks.check_python()
    yield checks.check_npm()
    yield checks.check_user(site)
    yield from checks.before_start(site)
    yield checks.check_clock()
    if Supervisor(site.socket).is_running():
        yield from check_venue_clocks(site)


def check_venue_clocks(site: Site) -> Iterator[Finding]:
    """Venue clocks as the quote servers estimate them: signed requests carry our time."""
    servers = [name for name in site.fleet.processes if name.startswith("quote_server-")]
    answers = survey(site, [(server, QuerySnapshot()) for server in servers]).answers
    for server, answer in zip(servers, answers, strict=True):
        statuses = pick(facts_of([answer]), FeedStatusChanged)
        if not statuses:
            yield checks.warn("venue clock", f"{server} does not say", f"Look at `counterweight logs -s {server}`.")
        for status in statuses:
            offset_s = status.clock_offset_ns / 1e9
            text = f"{status.venue} is {offset_s * 1000:+.1f} ms from ours"
            if abs(offset_s) > VENUE_CLOCK_OFFSET_S_MAX:
                yield checks.warn("venue clock", text, "Synchronise this machine's clock (chrony, ntpd).")
            else:
                yield checks.ok("venue clock", text)
