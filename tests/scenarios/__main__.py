"""`python -m tests.scenarios FILE...`: exit 0 when every expectation holds, 1 when one does not, 2 for a bad file."""

import argparse
import sys
from pathlib import Path

from tests.scenarios.play import play
from tests.scenarios.script import ScriptInvalid, read
from tests.scenarios.venue import Venue

FAILED, UNREADABLE = 1, 2


def main(arguments: list[str] | None = None) -> int:
    """Play files; a line per failed expectation and one that sums up."""
    parser = argparse.ArgumentParser(prog="python -m tests.scenarios")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    try:
        scenarios = [scenario for file in parser.parse_args(arguments).files for scenario in read(file)]
    except ScriptInvalid as error:
        print(error, file=sys.stderr)
        return UNREADABLE
    failed = 0
    for scenario in scenarios:
        failures = list(play(scenario, Venue))
        failed += bool(failures)
        for failure in failures:
            print(failure)
    steps = sum(len(scenario.steps) for scenario in scenarios)
    print(f"{len(scenarios)} scenarios, {steps} steps: {len(scenarios) - failed} passed, {failed} failed")
    return FAILED if failed else 0


if __name__ == "__main__":
    sys.exit(main())
