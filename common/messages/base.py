"""The root of every message, and checks that msgspec cannot express."""

import math

import msgspec


class Message(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A payload on the bus: a msgpack map whose `type` is the class name. Unknown extra fields are ignored."""


def require_finite(message: Message, *names: str) -> None:
    """Refuse NaN and infinities, which msgspec lets pass. Raises ValueError (decoding turns it into MessageInvalid)."""
    for name in names:
        value = getattr(message, name)
        if value is not None and not math.isfinite(value):
            raise ValueError(f"{name} must be finite, got {value}")
