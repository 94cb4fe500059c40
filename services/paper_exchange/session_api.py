"""Calls about a WebSocket itself: who speaks on it, and which accounts' events it hears."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import msgspec

from services.paper_exchange import refusals
from services.paper_exchange.broadcast import Connection
from services.paper_exchange.parameters import Parameters
from services.paper_exchange.site import Site
from services.paper_exchange.wire import Json

CALL_WEIGHT = 2
NOT_LOGGED_ON = partial(refusals.VenueError, -2015, "Invalid API-key, IP, or permissions for action.", 401)
ED25519_ONLY = partial(refusals.VenueError, -4056, "HMAC_SHA256 API key is not supported.")
NO_SUBSCRIPTION = partial(refusals.VenueError, -1130, "Data sent for parameter 'subscriptionId' is not valid.")

_encode = msgspec.json.Encoder().encode
Values = Mapping[str, Any]


class Session(msgspec.Struct):
    """A connection. Once a key has logged on, requests without a key are made for its account."""

    connected_ms: int
    key: str = ""
    account: str = ""
    authorized_ms: int = 0


class SessionApi:
    """Sessions of all connections. `calls` by method; every one raises VenueError."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._sessions: dict[Connection, Session] = {}
        self.calls: dict[str, Callable[[Connection, Values], Any]] = {
            "session.logon": self._log_on,
            "session.status": self._status,
            "session.logout": self._log_out,
            "session.subscriptions": self._subscriptions,
            "userDataStream.subscribe": self._subscribe,
            "userDataStream.subscribe.signature": self._subscribe_signed,
            "userDataStream.unsubscribe": self._unsubscribe,
        }

    def begin(self, connection: Connection) -> None:
        """A client has connected."""
        self._sessions[connection] = Session(self._site.now_ms())

    def end(self, connection: Connection) -> None:
        """It has gone."""
        del self._sessions[connection]
        self._site.users.unsubscribe(connection)

    def check_call(self, connection: Connection, values: Values) -> Parameters:
        """A signed call, or one on a session that is logged on. Raises VenueError."""
        session = self._sessions[connection]
        if "apiKey" in values or not session.account:
            return self._site.gatekeeper.check_call(values)
        parameters = Parameters.from_call(values).of(session.account)
        self._site.gatekeeper.check_time(parameters)
        return parameters

    def _log_on(self, connection: Connection, values: Values) -> Json:
        checked, session = self._site.gatekeeper.check_call(values), self._sessions[connection]
        if not self._site.gatekeeper.holder(checked.text("apiKey")).may_log_on:
            raise ED25519_ONLY()
        session.key, session.account = checked.text("apiKey"), checked.account
        session.authorized_ms = self._site.now_ms()
        return self._status(connection, values)

    def _status(self, connection: Connection, _values: Values) -> Json:
        session = self._sessions[connection]
        return {
            "apiKey": session.key or None,
            "authorizedSince": session.authorized_ms or None,
            "connectedSince": session.connected_ms,
            "returnRateLimits": True,
            "serverTime": self._site.now_ms(),
            "userDataStream": bool(self._site.users.of(connection)),
        }

    def _log_out(self, connection: Connection, values: Values) -> Json:
        session = self._sessions[connection]
        session.key, session.account, session.authorized_ms = "", "", 0
        return self._status(connection, values)

    def _subscriptions(self, connection: Connection, _values: Values) -> list[Json]:
        return [{"subscriptionId": number} for number in self._site.users.of(connection)]

    def _subscribe(self, connection: Connection, _values: Values) -> Json:
        account = self._sessions[connection].account
        if not account:
            raise NOT_LOGGED_ON()
        return {"subscriptionId": self._site.users.subscribe(connection, account)}

    def _subscribe_signed(self, connection: Connection, values: Values) -> Json:
        account = self._site.gatekeeper.check_call(values).account
        return {"subscriptionId": self._site.users.subscribe(connection, account)}

    def _unsubscribe(self, connection: Connection, values: Values) -> Json:
        """Of one subscription, or of all. What ended says so on its stream."""
        parameters = Parameters.from_call(values)
        number = parameters.integer("subscriptionId") if parameters.has("subscriptionId") else None
        ended = self._site.users.unsubscribe(connection, number)
        if number is not None and not ended:
            raise NO_SUBSCRIPTION()
        told = {"e": "eventStreamTerminated", "E": self._site.now_ms()}
        for each in ended:
            self._site.venue.hold(partial(connection.send, _encode({"subscriptionId": each, "event": told})))
        return {}
