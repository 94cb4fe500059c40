"""Who asks: API key, timestamp window and HMAC signature, over the bytes exactly as they were sent."""

import hmac
import re
from collections.abc import Callable, Mapping
from urllib.parse import unquote

from common.venues.credentials import Credentials
from common.venues.signer import HmacSigner
from services.paper_exchange import refusals
from services.paper_exchange.parameters import Parameters

AHEAD_MS_MAX = 1_000
_SIGNATURE = re.compile(r"(?:^|&)signature=([^&]*)")


class Gatekeeper:
    """Checks requests against the one key of the paper account. Raises VenueError."""

    def __init__(self, credentials: Credentials, now_ms: Callable[[], int]) -> None:
        self._key, self._signer, self._now_ms = credentials.key, HmacSigner(credentials.secret), now_ms

    def check_key(self, key: str) -> None:
        """A request that names its key without a signature."""
        self._check_key(key)

    def check_request(self, key: str, query: str, body: str) -> Parameters:
        """A signed REST request: the signature covers the raw query followed by the raw body, without itself."""
        self._check_key(key)
        parameters = Parameters.from_texts(query, body)
        self._check_time(parameters)
        signature = unquote(parameters.text("signature"))
        self._check_signature(_SIGNATURE.sub("", query) + _SIGNATURE.sub("", body), signature)
        return parameters

    def check_call(self, values: Mapping[str, object]) -> Parameters:
        """A signed WebSocket call: the signature covers its parameters sorted by name."""
        texts = {name: _text(value) for name, value in values.items()}
        parameters = Parameters(texts)
        self._check_key(parameters.text("apiKey"))
        self._check_time(parameters)
        signed = "&".join(f"{name}={texts[name]}" for name in sorted(texts) if name != "signature")
        self._check_signature(signed, parameters.text("signature"))
        return parameters

    def _check_key(self, key: str) -> None:
        if not hmac.compare_digest(key.encode(), self._key.encode()):
            raise refusals.bad_key()

    def _check_time(self, parameters: Parameters) -> None:
        timestamp, window, now = parameters.integer("timestamp"), parameters.window(), self._now_ms()
        if timestamp >= now + AHEAD_MS_MAX:
            raise refusals.outside_window(ahead=True)
        if now - timestamp > window:
            raise refusals.outside_window(ahead=False)

    def _check_signature(self, signed: str, signature: str) -> None:
        if not hmac.compare_digest(self._signer.sign(signed).encode(), signature.encode()):
            raise refusals.bad_signature()


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
