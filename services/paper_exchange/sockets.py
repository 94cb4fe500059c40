"""WebSockets: market streams under /ws and /stream, calls and user data under /ws-api."""

import asyncio
from typing import Any

import msgspec
from aiohttp import WSMsgType, web

from services.paper_exchange import refusals
from services.paper_exchange.addresses import call_addresses, weight_of
from services.paper_exchange.broadcast import Connection
from services.paper_exchange.parameters import Parameters
from services.paper_exchange.session_api import CALL_WEIGHT, SessionApi
from services.paper_exchange.site import Site

CONNECTIONS_MAX = 300
PING_INTERVAL_S = 20.0
MESSAGE_BYTES_MAX = 64 * 1024

_encode = msgspec.json.Encoder().encode
_VERSION = "v3/"


class _Call(msgspec.Struct):
    """What a client sends on any of our sockets."""

    method: str
    id: int | str | None = None
    params: list[str] | dict[str, Any] | None = None


_call_decoder = msgspec.json.Decoder(_Call)


class Sockets:
    """All WebSocket clients."""

    def __init__(self, site: Site) -> None:
        self._site, self._calls, self._sessions = site, call_addresses(site), SessionApi(site)
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
        connection = Connection(socket, request.path == "/stream", self._site.config.frames_queued_max)
        self._connections.add(connection)
        self._sessions.begin(connection)
        writer = asyncio.get_running_loop().create_task(connection.write())
        try:
            self._site.hub.subscribe(connection, _streams_of(request))
            await self._read(connection, self._call if request.path.startswith("/ws-api") else self._control)
        finally:
            self._connections.discard(connection)
            self._site.hub.unsubscribe(connection, connection.streams)
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

    def _control(self, connection: Connection, call: _Call) -> None:
        streams = call.params if isinstance(call.params, list) else []
        answer: dict[str, Any] = {"result": None, "id": call.id}
        if call.method == "SUBSCRIBE":
            self._site.hub.subscribe(connection, streams)
        elif call.method == "UNSUBSCRIBE":
            self._site.hub.unsubscribe(connection, streams)
        elif call.method == "LIST_SUBSCRIPTIONS":
            answer["result"] = sorted(connection.streams)
        else:
            answer = {"error": {"code": 2, "msg": f"Invalid request: unknown method {call.method}"}, "id": call.id}
        connection.send(_encode(answer))

    def _call(self, connection: Connection, call: _Call) -> None:
        values = call.params if isinstance(call.params, dict) else {}
        limits, account = self._site.limits, ""
        try:
            account, result = self._carry_out(connection, call.method.removeprefix(_VERSION), values)
            answer: dict[str, Any] = {"id": call.id, "status": 200, "result": result}
        except refusals.VenueError as refusal:
            answer = {"id": call.id, "status": refusal.status, "error": refusal.body}
        if values.get("returnRateLimits") is not False:
            answer["rateLimits"] = [*(limits.used_orders(account) if account else ()), limits.used_weight()]
        payload = _encode(answer)
        self._site.venue.hold(lambda: connection.send(payload))

    def _carry_out(self, connection: Connection, method: str, values: dict[str, Any]) -> tuple[str, Any]:
        """The account whose order counts the answer tells of, empty for none, and the answer."""
        limits, sessions = self._site.limits, self._sessions
        if method in sessions.calls:
            limits.spend(CALL_WEIGHT)
            return "", sessions.calls[method](connection, values)
        address = self._calls.get(method)
        if address is None:
            raise refusals.not_found()
        asked = Parameters.from_call(values)
        limits.spend(weight_of(address, method, asked))
        if address.signed:
            asked = sessions.check_call(connection, values)
        return asked.account if address.orders else "", address.handle(asked)


def _streams_of(request: web.BaseRequest) -> list[str]:
    """Streams named in the address: /ws/a/b, /stream?streams=a/b. Parts without @ are no streams (ccxt adds /0)."""
    named = request.query.get("streams", "") if request.path == "/stream" else request.path
    return [part for part in named.split("/") if "@" in part]
