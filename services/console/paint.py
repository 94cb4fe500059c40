"""Colour, only where a person looks at a terminal that wants it (https://no-color.org)."""

import os
import sys

_CODES = {"red": "31", "green": "32", "yellow": "33", "cyan": "36", "dim": "2", "bold": "1"}


class Paint:
    """`paint(text, "red")`; returns the text itself when colours are off."""

    def __init__(self, enabled: bool) -> None:
        self.enabled = enabled

    @classmethod
    def for_terminal(cls) -> "Paint":
        """On for a terminal without NO_COLOR."""
        return cls(sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb")

    def __call__(self, text: str, *styles: str) -> str:
        codes = [_CODES[style] for style in styles if style]
        return f"\x1b[{';'.join(codes)}m{text}\x1b[0m" if self.enabled and codes else text
