"""`python -m tests.amm_sequences FILE...`: exit 0 when every value agrees, 1 when one does not, 2 for a bad file."""

import argparse
import sys
from pathlib import Path

from tests.amm_sequences.play import count_values, play
from tests.amm_sequences.script import ScriptInvalid, read

FAILED, UNREADABLE = 1, 2


def main(arguments: list[str] | None = None) -> int:
    """Play files; a line for each value that differs and one that sums up."""
    parser = argparse.ArgumentParser(prog="python -m tests.amm_sequences")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    try:
        scripts = [(file, read(file)) for file in parser.parse_args(arguments).files]
    except ScriptInvalid as error:
        print(error, file=sys.stderr)
        return UNREADABLE
    pools = [(f"{file}: pool {number}", pool) for file, each in scripts for number, pool in enumerate(each.pools, 1)]
    failures = [f"{name}: {failure}" for name, pool in pools for failure in play(pool)]
    for failure in failures:
        print(failure)
    ops, values = sum(len(pool.ops) for _, pool in pools), sum(count_values(pool) for _, pool in pools)
    verdict = f"{len(failures)} disagree" if failures else "all agree"
    print(f"{len(pools)} pools, {ops} operations, {values} values: {verdict}")
    return FAILED if failures else 0


if __name__ == "__main__":
    sys.exit(main())
