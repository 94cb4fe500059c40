"""Log lines: one per event, greppable, without secrets, never blocking."""

import io
import threading

from common.runtime.logging import QUEUE_LINES_MAX, Log, format_line


def test_a_line_has_time_level_service_event_and_fields() -> None:
    line = format_line(3_661.2345, "info", "oms", "order.ack", {"id": "mm-17", "px": 2500.1, "ok": True}, [])
    assert line == "01:01:01.234Z I oms order.ack id=mm-17 px=2500.1 ok=True\n"


def test_one_event_stays_one_line_whatever_its_values_hold() -> None:
    line = format_line(0, "error", "oms", "e", {"why": 'say "a=b"\nnext'}, [])
    assert line.count("\n") == 1 and line.endswith('why="say \\"a=b\\"\\nnext"\n')


def test_secrets_are_hidden_by_name_and_by_value() -> None:
    line = format_line(0, "info", "x", "e", {"api_key": "abc", "detail": "sent with s3cr3t inside"}, ["s3cr3t"])
    assert "abc" not in line and "s3cr3t" not in line and line.count("***") == 2


def test_repeated_warnings_are_held_back_and_counted() -> None:
    stream, now = io.StringIO(), [100.0]
    log = Log("x", stream=stream, now_s=lambda: now[0])
    for _ in range(5):
        log.warning("feed.gap")
    now[0] += 2
    log.warning("feed.gap")
    log.close()
    lines = stream.getvalue().splitlines()
    assert len(lines) == 2 and lines[1].endswith("feed.gap suppressed=4")


def test_a_stalled_reader_costs_lines_but_never_blocks() -> None:
    gate = threading.Event()

    class Stalled(io.StringIO):
        def write(self, text: str) -> int:
            gate.wait(10)
            return super().write(text)

    log = Log("x", stream=Stalled())
    for number in range(QUEUE_LINES_MAX + 2000):
        log.info("event", number=number)
    assert log.dropped > 0
    gate.set()
    log.close()
