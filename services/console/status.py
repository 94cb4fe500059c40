"""`counterweight status`: one screen, right also when half of the fleet is away."""

import argparse
import sys
import time

import msgspec

from services.console import exit_codes
from services.console.paint import Paint
from services.console.picture import Picture, take_picture
from services.console.screen import draw, terminal_width
from services.console.site import open_site

CLEAR = "\x1b[H\x1b[2J"


def run(options: argparse.Namespace) -> int:
    """Print the picture; 0 when everything is healthy, 69 when the fleet is down."""
    site = open_site(options.config)
    paint = Paint.for_terminal()
    while True:
        picture = take_picture(site)
        _show(picture, options, paint)
        if not options.watch:
            return exit_code(picture)
        try:
            time.sleep(options.watch)
        except KeyboardInterrupt:
            return exit_code(picture)


def exit_code(picture: Picture) -> int:
    """Healthy, unhealthy or not there."""
    if not picture.supervised:
        return exit_codes.UNAVAILABLE
    return exit_codes.OK if picture.healthy else exit_codes.FAILED


def _show(picture: Picture, options: argparse.Namespace, paint: Paint) -> None:
    if options.json:
        print(msgspec.json.encode({"healthy": picture.healthy, **msgspec.to_builtins(picture)}).decode(), flush=True)
        return
    if options.watch and sys.stdout.isatty():
        print(CLEAR, end="")
    print(draw(picture, paint, terminal_width()), flush=True)
