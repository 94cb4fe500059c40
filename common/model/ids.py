"""Names that must never repeat: client order ids, trace ids, process names."""

from collections.abc import Iterator
from itertools import count

CLIENT_ORDER_ID_LENGTH_MAX = 36
CLIENT_ORDER_ID_PREFIX = "cw-"
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def base36(number: int) -> str:
    """Shortest lower-case base-36 text of a non-negative integer."""
    if number < 0:
        raise ValueError(f"base36 needs a number of at least 0, got {number}")
    text = ""
    while True:
        number, digit = divmod(number, 36)
        text = _DIGITS[digit] + text
        if not number:
            return text


def client_order_ids(strategy: str, boot_ns: int) -> Iterator[str]:
    """Endless ids `cw-<strategy>-<boot>-<n>`: unique over restarts because each boot has its own time.

    At most 36 characters of [a-z0-9-], which every venue that we know accepts.
    """
    prefix = f"{CLIENT_ORDER_ID_PREFIX}{strategy}-{base36(boot_ns // 1_000_000)}-"
    if len(prefix) > CLIENT_ORDER_ID_LENGTH_MAX - 8:
        raise ValueError(f"strategy name {strategy!r} leaves no room in a client order id")
    return (prefix + base36(number) for number in count(1))


def process_name(service: str, venue: str = "") -> str:
    """Name of a process in the fleet: the service, and its venue where it serves one."""
    return f"{service}-{venue}" if venue else service
