"""`counterweight logs`: every service's log as one stream, through rotations and restarts."""

import argparse
import re
import time
from contextlib import ExitStack

import msgspec

from services.console import exit_codes
from services.console.paint import Paint
from services.console.site import Site, open_site
from services.console.tail import Line, Tail, merge
from services.console.voice import Voice

POLL_S = 0.2
_EVENT = re.compile(r"^(\S+Z) ([DIWE]) (\S+) (\S+) ?(.*)$")
_FIELD = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|\S*)')
_LEVEL_STYLES = {"W": "yellow", "E": "red", "D": "dim"}


def run(options: argparse.Namespace) -> int:
    """Print the past, then follow."""
    site, voice = open_site(options.config), Voice(options)
    chosen = choose(site, options.service)
    if not chosen:
        names = ", ".join(site.fleet.processes)
        return voice.finish(exit_codes.USAGE, f"No process is called {options.service!r}; there are: {names}.")
    with ExitStack() as open_files:
        tails = [open_files.enter_context(Tail(process, site.log_of(process))) for process in chosen]
        return _print(tails, options, voice)


def _print(tails: list[Tail], options: argparse.Namespace, voice: Voice) -> int:
    paint = Paint.for_terminal()
    past = merge([line for tail in tails for line in tail.past(options.lines)])
    for line in past[-options.lines :] if options.lines else []:
        print(show(line, options.json, paint))
    if not options.no_follow:
        try:
            _follow(tails, options.json, paint)
        except KeyboardInterrupt:
            return exit_codes.OK  # The usual way to stop following.
    elif not past:
        voice.say("Nothing is logged yet.")
    return exit_codes.OK


def choose(site: Site, service: str) -> list[str]:
    """Processes by exact name, or all of a service ("quote_server" for "quote_server-binance"); empty = all."""
    return [name for name in site.fleet.processes if service in ("", name, name.partition("-")[0])]


def show(line: Line, as_json: bool, paint: Paint) -> str:
    """One line of output. What is no event of ours (a traceback) is marked with its process."""
    process, text = line
    match = _EVENT.match(text)
    if as_json:
        return msgspec.json.encode(_as_data(process, text, match)).decode()
    if match is None:
        return paint(f"{process} | {text}", "dim")
    style = _LEVEL_STYLES.get(match[2], "")
    return paint(text, style) if style else text


def _as_data(process: str, text: str, match: "re.Match[str] | None") -> dict[str, object]:
    if match is None:
        return {"process": process, "text": text}
    fields = {key: value.strip('"') for key, value in _FIELD.findall(match[5])}
    return {"process": process, "time": match[1], "level": match[2], "event": match[4], "fields": fields}


def _follow(tails: list[Tail], as_json: bool, paint: Paint) -> None:
    while True:
        lines = merge([line for tail in tails for line in tail.more()])
        if lines:
            print("\n".join(show(line, as_json, paint) for line in lines), flush=True)
        time.sleep(POLL_S)
