"""WebSockets: market streams under /ws and /stream, calls and user data under /ws-api, USD-M's streams beside them."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec
from aiohttp import WSMsgType, web

from services.paper_exchange import refusals
from services.paper_exchange.addresses import Address, call_addresses, weight_of
from services.paper_exchange.broadcast import Connection, Hub
from services.paper_exchange.limits import RequestLimits
from services.paper_exchange.parameters import Parameters
from services.paper_exchange.session_api import CALL_WEIGHT, SessionApi
from services.paper_exchange.site import Site
from services.paper_exchange.usdm_addresses import usdm_call_addresses

CONNECTIONS_MAX = 300
PING_INTERVAL_S = 20.0
MESSAGE_BYTES_MAX = 64 * 1024

_encode = msgspec.json.Encoder().encode
_VERSION = "v3/"
_USDM_PATHS = ("/public/", "/market/", "/private/", "/fstream/")


class _Call(msgspec.Struct):
    """What a client sends on any of our sockets."""

    method: str
    id: int | str | None = None
    params: list[str] | dict[str, Any] | None = None


_call_decoder = msgspec.json.Decoder(_Call)


class _Door(msgspec.Struct, frozen=True):
    """What a client can call where it came in, and the limits that count there."""

    calls: dict[str, Address]
    limits: RequestLimits
    session_calls: dict[str, Callable[[Connection, Any], Any]]


class Sockets:
    """All WebSocket clients."""

    def __init__(self, site: Site) -> None:
        self._site, self._sessions = site, SessionApi(site)
        self._doors = {
            "/ws-api": _Door(call_addresses(site), site.limits, self._sessions.calls),
            "/ws-fapi": _Door(usdm_call_addresses(site.usdm), site.usdm.limits, {}),
        }
        self._connections: set[Connection] = set()

    def __len__(self) -> int:
        return len(self._connections)

    async def serve(self, request: web.BaseRequest) -> web.StreamResponse:
        """One client from handshake to end."""
        if len(self._connections) >= CONNECTIONS_MAX:
            return web.Response(status=503, text="too many connections")
        # Frames are small and local, so compressing them would only cost time.
        socket = web.WebSocketResponse(heartbeat=PING_INTERVAL_S, compress=False, max_msg_size=MESSAGE_BYTES_MAX)
        await socket.prepare(request)
        connection = Connection(socket, request.path.endswith("/stream"), self._site.config.frames_queued_max)
        self._connections.add(connection)
        hub = self._site.usdm.hub if self._is_usdm(request) else self._site.hub
        self._sessions.begin(connection)
        writer = asyncio.get_running_loop().create_task(connection.write())
        try:
            hub.subscribe(connection, self._streams_of(request))
            door = next((self._doors[path] for path in self._doors if request.path.startswith(path)), None)
            await self._read(connection, partial(self._control, hub) if door is None else partial(self._call, door))
        finally:
            self._connections.discard(connection)
            hub.unsubscribe(connection, connection.streams)
            self._sessions.end(connection)
            writer.cancel()
        return socket

    async def close(self) -> None:
        """Say goodbye to everybody."""
        await asyncio.gather(*(each.socket.close(message=b"venue stops") for each in list(self._connections)))

    async def _read(self, connection: Connection, handle: Any) -> None:
        async for message in connection.socket:
            if message.type is not WSMsgType.TEXT:
                continue
            try:
                call = _call_decoder.decode(message.data)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
                refusal = {"code": 3, "msg": f"Invalid JSON: {error}"}
                connection.send(_encode({"id": None, "status": 400, "error": refusal}))
                continue
            handle(connection, call)

    def _is_usdm(self, request: web.BaseRequest) -> bool:
        """True for a client of USD-M: by path, by host, or because this venue has no other markets.

        At Binance spot and USD-M have /ws and /stream on different hosts. Here they share one, so those of USD-M are
        also under /fstream.
        """
        is_only = bool(self._site.usdm.wires) and not self._site.wires
        return request.path.startswith(_USDM_PATHS) or request.host.startswith("fstream.") or is_only

    def _streams_of(self, request: web.BaseRequest) -> list[str]:
        """Streams named in the address: /ws/a/b, /stream?streams=a/b, and listen keys of private ones in their place.

        Other parts without @ are no streams (ccxt adds /0).
        """
        is_combined = request.path.endswith("/stream")
        named = request.query.get("streams", "") if is_combined else request.path
        parts = [*named.split("/"), request.query.get("listenKey", "")]
        return [part for part in parts if "@" in part or self._site.usdm.keys.is_alive(part)]

    def _control(self, hub: Hub, connection: Connection, call: _Call) -> None:
        streams = call.params if isinstance(call.params, list) else []
        answer: dict[str, Any] = {"result": None, "id": call.id}
        if call.method == "SUBSCRIBE":
            hub.subscribe(connection, streams)
        elif call.method == "UNSUBSCRIBE":
            hub.unsubscribe(connection, streams)
        elif call.method == "LIST_SUBSCRIPTIONS":
            answer["result"] = sorted(connection.streams)
        else:
            answer = {"error": {"code": 2, "msg": f"Invalid request: unknown method {call.method}"}, "id": call.id}
        connection.send(_encode(answer))

    def _call(self, door: _Door, connection: Connection, call: _Call) -> None:
        values = call.params if isinstance(call.params, dict) else {}
        limits, account = door.limits, ""
        try:
            account, result = self._carry_out(door, connection, call.method.removeprefix(_VERSION), values)
            answer: dict[str, Any] = {"id": call.id, "status": 200, "result": result}
        except refusals.VenueError as refusal:
            answer = {"id": call.id, "status": refusal.status, "error": refusal.body}
        if values.get("returnRateLimits") is not False:
            answer["rateLimits"] = [*(limits.used_orders(account) if account else ()), limits.used_weight()]
        payload = _encode(answer)
        self._site.venue.hold(lambda: connection.send(payload))

    def _carry_out(self, door: _Door, connection: Connection, method: str, values: dict[str, Any]) -> tuple[str, Any]:
        """The account whose order counts the answer tells of, empty for none, and the answer."""
        sessions = self._sessions
        if method in door.session_calls:
            door.limits.spend(CALL_WEIGHT)
            return "", door.session_calls[method](connection, values)
        address = door.calls.get(method)
        if address is None:
            raise refusals.not_found()
        asked = Parameters.from_call(values)
        door.limits.spend(weight_of(address, method, asked))
        if address.signed:
            asked = sessions.check_call(connection, values)
        elif address.keyed:
            asked = asked.of(self._site.gatekeeper.holder(asked.text("apiKey")).account)
        return asked.account if address.orders else "", address.handle(asked)
