"""Signatures that prove who asks."""

import hashlib
import hmac


class HmacSigner:
    """HMAC-SHA256 in hex over the exact text that is sent. The key is scheduled once, not for every request."""

    __slots__ = ("_keyed",)

    def __init__(self, secret: str) -> None:
        self._keyed = hmac.new(secret.encode(), digestmod=hashlib.sha256)

    def sign(self, text: str) -> str:
        """Signature of one text."""
        mac = self._keyed.copy()
        mac.update(text.encode())
        return mac.hexdigest()

    def __repr__(self) -> str:
        # Secrets never reach a log.
        return "HmacSigner(***)"
