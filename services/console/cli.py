"""The command line. Command modules are imported only when they run, so `--help` costs no imports."""

import argparse
import importlib
import os
import sys
from collections.abc import Callable

from services.console import exit_codes

CONFIG_DEFAULT = "configs/paper"
COMMANDS = {
    "up": "start the fleet and wait until it trades",
    "down": "stop quoting, cancel what rests, stop the fleet",
    "status": "one screen: processes, book, LP, hedge, exposure, profit",
    "logs": "follow the services' logs, one line per event",
    "kill": "cancel everything and refuse new orders until rearmed",
    "rearm": "release the kill latch",
    "doctor": "check this machine, the configuration and what is left of earlier runs",
    "report": "figures of the present or last run",
    "lp": "what the LP on chain does: status, open, close, collect, rebalance, resume",
    "exchange": "tell a venue's exchange what to do, and ask it what it knows",
}

LP_ACTIONS = ("status", "open", "close", "collect", "rebalance", "resume")

HELP_OF_THEIR_OWN = frozenset({"exchange"})


def run(arguments: list[str]) -> int:
    """Run one command; returns its exit code."""
    options = build_parser().parse_args(arguments)
    module = importlib.import_module(f"services.console.{options.command}")
    from common.model.errors import ConfigInvalid

    command: Callable[[argparse.Namespace], int] = module.run
    try:
        return command(options)
    except ConfigInvalid as error:
        print(f"counterweight: {error}", file=sys.stderr)
        return exit_codes.CONFIG
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader of our output (head, less) went away. Without this, the interpreter complains while it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return exit_codes.OK


def build_parser() -> argparse.ArgumentParser:
    """All commands and their options."""
    parser = argparse.ArgumentParser(
        prog="counterweight",
        description="Operate a Counterweight fleet.",
        epilog=exit_codes.TABLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    made = {name: _add_command(commands, name, text) for name, text in COMMANDS.items()}
    _add_up(made["up"])
    _add_status(made["status"])
    _add_logs(made["logs"])
    _add_exchange(made["exchange"])
    _add_lp(made["lp"])
    made["kill"].add_argument("--reason", required=True, help="why, for whoever reads it later")
    for name in ("kill", "rearm", "lp"):
        made[name].add_argument("--operator", default=os.environ.get("USER", "operator"), help="who (default: $USER)")
    return parser


def _add_command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, text: str
) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        name, help=text, description=f"{text[0].upper()}{text[1:]}.", epilog=exit_codes.TABLE,
        formatter_class=argparse.RawDescriptionHelpFormatter, add_help=name not in HELP_OF_THEIR_OWN,
    )  # fmt: skip
    parser.add_argument(
        "--config", default=os.environ.get("COUNTERWEIGHT_CONFIG", CONFIG_DEFAULT), metavar="FOLDER",
        help=f"folder of fleet.toml (default: $COUNTERWEIGHT_CONFIG, else {CONFIG_DEFAULT})",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="machine-readable output")
    return parser


def _add_up(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--flow", default="", metavar="PATH", help="replay a recorded Binance file (default: synthetic flow)"
    )
    parser.add_argument("--seed", type=int, default=7, help="seed of everything random in the paper world (default: 7)")
    parser.add_argument("--fresh", action="store_true", help="set the last run's state aside and begin from nothing")
    parser.add_argument("--wait-s", type=_seconds, default=60.0, help="how long to wait until it trades (default: 60)")


def _add_status(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--watch", type=_seconds, default=0.0, metavar="S", help="draw again every S seconds")


def _add_logs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-s", "--service", default="", help="only this process (or all processes of this service)")
    parser.add_argument("-n", "--lines", type=int, default=20, help="lines of the past to begin with (default: 20)")
    parser.add_argument("--no-follow", action="store_true", help="print the past and stop")


def _add_exchange(parser: argparse.ArgumentParser) -> None:
    # What follows the first word is read by the command itself, which knows the exchange's catalogue.
    parser.add_argument("-h", "--help", action="store_true", help="all of it, or of one command: COMMAND --help")
    parser.add_argument("--venue", default="", help="the venue (default: the only one whose exchange this fleet runs)")
    parser.add_argument("--admin", action="store_true", help="as the venue's operator")
    parser.add_argument(
        "words", nargs=argparse.REMAINDER, help="commands | COMMAND field=value ... | show QUESTION ..."
    )


def _add_lp(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=LP_ACTIONS, help="open and close stand until the other is said")
    parser.add_argument("--dry-run", action="store_true", help="show what would be sent now, and send nothing")
    parser.add_argument("--wait-s", type=_seconds, default=60.0, help="how long to wait for the outcome (default: 60)")


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds <= 86_400:
        raise argparse.ArgumentTypeError(f"expected seconds above 0 and up to 86400, got {text}")
    return seconds
