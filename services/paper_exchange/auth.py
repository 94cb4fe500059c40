"""Who asks: API key, timestamp window and signature, over the bytes exactly as they were sent."""

import binascii
import hmac
import re
from base64 import b64decode
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol
from urllib.parse import unquote

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from common.venues.signer import HmacSigner
from services.paper_exchange import refusals
from services.paper_exchange.keys import PEM_MARK, ApiKey
from services.paper_exchange.parameters import Parameters

AHEAD_MS_MAX = 1_000
_SIGNATURE = re.compile(r"(?:^|&)signature=([^&]*)")


class Verifier(Protocol):
    """Tells whether a text was signed with one key."""

    def verify(self, text: str, signature: str) -> bool:
        """True for the right signature; never raises."""


class HmacVerifier:
    """HMAC-SHA256, the signature in hex."""

    def __init__(self, secret: str) -> None:
        self._signer = HmacSigner(secret)

    def verify(self, text: str, signature: str) -> bool:
        """True for the right signature, in small or capital letters."""
        return hmac.compare_digest(self._signer.sign(text).encode(), signature.lower().encode())


class Ed25519Verifier:
    """Ed25519, the signature in base64."""

    def __init__(self, private_pem: str) -> None:
        private = load_pem_private_key(private_pem.encode(), None)
        assert isinstance(private, Ed25519PrivateKey)  # the venue makes no others
        self._public = private.public_key()

    def verify(self, text: str, signature: str) -> bool:
        """True for the right signature."""
        try:
            self._public.verify(b64decode(signature, validate=True), text.encode())
        except (InvalidSignature, binascii.Error, ValueError):
            return False
        return True


class KeyHolder(msgspec.Struct, frozen=True):
    """Whose key it is and how it signs. Only Ed25519 keys may log a WebSocket on."""

    account: str
    verifier: Verifier
    may_log_on: bool


class Gatekeeper:
    """Checks requests against the keys of the paper accounts. Raises VenueError."""

    def __init__(self, keys: Iterable[ApiKey], now_ms: Callable[[], int]) -> None:
        self._holders = {each.credentials.key: _holder(each) for each in keys}
        self._now_ms = now_ms

    def check_request(self, key: str, query: str, body: str, asked: Parameters) -> Parameters:
        """A signed REST request: the signature covers the raw query followed by the raw body, without itself.

        `asked` are both, read; returns them as its account's.
        """
        holder = self.holder(key)
        self.check_time(asked)
        signature, signed = unquote(asked.text("signature")), _SIGNATURE.sub("", query)
        if not holder.verifier.verify(signed + _SIGNATURE.sub("", body) if body else signed, signature):
            raise refusals.bad_signature()
        return asked.of(holder.account)

    def check_call(self, values: Mapping[str, object]) -> Parameters:
        """A signed WebSocket call: the signature covers its parameters sorted by name."""
        named = Parameters.from_call(values)
        holder = self.holder(named.text("apiKey"))
        parameters = named.of(holder.account)
        self.check_time(parameters)
        if not holder.verifier.verify(parameters.sorted_text("signature"), parameters.text("signature")):
            raise refusals.bad_signature()
        return parameters

    def check_time(self, parameters: Parameters) -> None:
        """The timestamp of a signed request."""
        timestamp, window, now = parameters.integer("timestamp"), parameters.window(), self._now_ms()
        if timestamp >= now + AHEAD_MS_MAX:
            raise refusals.outside_window(ahead=True)
        if now - timestamp > window:
            raise refusals.outside_window(ahead=False)

    def holder(self, key: str) -> KeyHolder:
        """Whose key it is."""
        if not key:
            raise refusals.no_key()
        holder = self._holders.get(key)
        if holder is None:
            raise refusals.bad_key()
        return holder


def _holder(key: ApiKey) -> KeyHolder:
    secret = key.credentials.secret
    if PEM_MARK in secret:
        return KeyHolder(key.account, Ed25519Verifier(secret), True)
    return KeyHolder(key.account, HmacVerifier(secret), False)
