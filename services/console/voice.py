"""How commands speak: sentences for people, or one JSON object for programs."""

import argparse
import sys
from typing import Any

import msgspec


class Voice:
    """Sentences go to stdout as they happen, unless `--json` asked for one object at the end."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.as_json = bool(options.json)

    def say(self, text: str) -> None:
        """Progress, for people."""
        if not self.as_json:
            print(text, flush=True)

    def finish(self, code: int, text: str, **data: Any) -> int:
        """The outcome, once; returns `code`. Failures go to stderr for people."""
        if self.as_json:
            print(msgspec.json.encode({"ok": code == 0, "exit_code": code, "message": text, **data}).decode())
        elif text:
            print(text, file=sys.stdout if code == 0 else sys.stderr, flush=True)
        return code
