"""One line per event: `12:01:02.345Z I oms order.ack id=mm-17 px=2500.10`.

Lines go through a bounded queue to a thread, so a stalled disk or supervisor never blocks trading; what does not fit
is dropped and counted. The same warning more than once a second is written once, with `suppressed=N`.
"""

import queue
import sys
import threading
import time
from collections.abc import Callable
from typing import IO

QUEUE_LINES_MAX = 10_000
REPEAT_WINDOW_S = 1.0
LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
_SECRET_WORDS = ("secret", "password", "passphrase", "private", "signature", "api_key")

Value = str | int | float | bool | None


class Log:
    """Structured log of one process. Fields whose name speaks of a secret, and registered secret values, are hidden."""

    def __init__(
        self, service: str, level: str = "info", stream: IO[str] = sys.stdout, now_s: Callable[[], float] = time.time
    ) -> None:
        self.service, self.dropped = service, 0
        self._threshold, self._stream, self._now_s = LEVELS[level], stream, now_s
        self._secrets: list[str] = []
        self._repeats: dict[str, tuple[float, int]] = {}
        self._queue: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write, name="log", daemon=True)
        self._thread.start()

    def hide(self, secret: str) -> None:
        """Never write this value."""
        if secret:
            self._secrets.append(secret)

    def debug(self, event: str, **fields: Value) -> None:
        """For whoever reads the code."""
        self._log("debug", event, fields)

    def info(self, event: str, **fields: Value) -> None:
        """What an operator follows."""
        self._log("info", event, fields)

    def warning(self, event: str, **fields: Value) -> None:
        """What should not last; the same event within a second is written once."""
        if 30 >= self._threshold and (count := self._repeated(event)) is not None:
            self._log("warning", event, fields | ({"suppressed": count} if count else {}))

    def error(self, event: str, **fields: Value) -> None:
        """What needs a person."""
        self._log("error", event, fields)

    def close(self) -> None:
        """Write what waits, for at most two seconds."""
        self._queue.put(None)
        self._thread.join(timeout=2.0)

    def _log(self, level: str, event: str, fields: dict[str, Value]) -> None:
        if LEVELS[level] < self._threshold:
            return
        if self._queue.qsize() >= QUEUE_LINES_MAX:
            self.dropped += 1
            return
        self._queue.put(format_line(self._now_s(), level, self.service, event, fields, self._secrets))

    def _repeated(self, event: str) -> int | None:
        """None while the event repeats too fast, else how often it was held back since it was last written."""
        now = self._now_s()
        written_s, held = self._repeats.get(event, (float("-inf"), 0))
        if now - written_s < REPEAT_WINDOW_S:
            self._repeats[event] = (written_s, held + 1)
            return None
        self._repeats[event] = (now, 0)
        return held

    def _write(self) -> None:
        while (line := self._queue.get()) is not None:
            lines = [line]
            while not self._queue.empty() and len(lines) < 1000:
                more = self._queue.get()
                if more is None:
                    self._emit(lines)
                    return
                lines.append(more)
            self._emit(lines)

    def _emit(self, lines: list[str]) -> None:
        try:
            self._stream.write("".join(lines))
            self._stream.flush()
        except (OSError, ValueError):
            self.dropped += len(lines)  # The reader of our output is gone; trading goes on.


def format_line(
    now_s: float, level: str, service: str, event: str, fields: dict[str, Value], secrets: list[str]
) -> str:  # fmt: skip
    """One log line with its newline. Values with blanks, quotes or `=` are quoted, line breaks escaped."""
    stamp = time.strftime("%H:%M:%S", time.gmtime(now_s)) + f".{int(now_s % 1 * 1000):03d}Z"
    text = f"{stamp} {level[0].upper()} {service} {event}"
    for key, value in fields.items():
        text += f" {key}={'***' if any(word in key for word in _SECRET_WORDS) else _text(value)}"
    for secret in secrets:
        text = text.replace(secret, "***")
    return text + "\n"


def _text(value: Value) -> str:
    if isinstance(value, float):
        return f"{value:.6g}" if abs(value) < 1e6 else f"{value:.2f}"
    text = str(value)
    if text and not any(character in text for character in ' "=\n\r\t'):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r") + '"'
