"""`make bench`, or `python -m tests.benchmarks codec bus` for some: ratios beside baselines of the same run."""

import argparse
import importlib

from common import native

BENCHMARKS = ("codec", "bus", "book", "exchange", "fees", "funds", "making", "amm", "reads", "tick_to_order", "idle")


def main() -> None:
    """Run the named benchmarks, or all."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    parser.add_argument("only", nargs="*", metavar="NAME", help=f"of {BENCHMARKS}; default: all")
    names = parser.parse_args().only or BENCHMARKS
    print(f"The exchange core is {'compiled' if native.is_used() else 'interpreted (make native compiles it)'}.")
    for name in names:
        print(f"\n## {name}", flush=True)
        importlib.import_module(f"tests.benchmarks.{name}").main()


if __name__ == "__main__":
    main()
