"""`counterweight report`: figures of the present or last run."""

import argparse

import msgspec

from services.console import exit_codes
from services.console.figures import Figures, measure
from services.console.site import open_site
from services.console.voice import Voice


def run(options: argparse.Namespace) -> int:
    """Print the report; with --json exactly its fields."""
    site, voice = open_site(options.config), Voice(options)
    record = site.read_run()
    if record is None:
        return voice.finish(exit_codes.UNAVAILABLE, f"No run yet in {site.var}; `counterweight up` starts one.")
    figures = measure(site, record)
    if options.json:
        print(msgspec.json.encode(figures).decode())
    else:
        print(f"run {record.run_id}\n" + "\n".join(lines(figures)))
    return exit_codes.OK


def lines(figures: Figures) -> list[str]:
    """One line per figure."""
    text = []
    for name, value in msgspec.to_builtins(figures).items():
        if isinstance(value, dict):
            text += [f"{f'{name}.{key}':32} {_show(each):>16}" for key, each in value.items()]
        else:
            text.append(f"{name:32} {_show(value):>16}")
    return text


def _show(value: float | int | None) -> str:
    if value is None:
        return "unknown"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.6g}" if abs(value) < 1000 else f"{value:,.2f}"
