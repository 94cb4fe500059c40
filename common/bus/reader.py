"""A plain ZeroMQ socket inside asyncio.

`zmq.asyncio` costs a future per message; waking on the socket's file descriptor and draining costs 60 % of that
(measured). The descriptor is edge-triggered: it may stay silent although a
message waits, so the socket is drained until it says EAGAIN, and looked at again after every send.
"""

import asyncio
from collections.abc import Callable

import zmq

DRAIN_MESSAGES_MAX = 256


class SocketReader:
    """Calls `on_batch` with up to 256 multipart messages at each wake-up of a socket."""

    def __init__(self, socket: "zmq.Socket[bytes]", on_batch: Callable[[list[list[bytes]]], None]) -> None:
        self._socket = socket
        self._on_batch = on_batch
        self._loop = asyncio.get_running_loop()
        self._descriptor = int(socket.getsockopt(zmq.FD))
        self._closed = False
        self._loop.add_reader(self._descriptor, self._drain)
        self._loop.call_soon(self._drain)

    def after_send(self) -> None:
        """A send may swallow the edge of an arrival: look once more, outside of the sender's stack."""
        if not self._closed and int(self._socket.getsockopt(zmq.EVENTS)) & zmq.POLLIN:
            self._loop.call_soon(self._drain)

    def close(self) -> None:
        """Stop watching; the socket itself belongs to the caller."""
        if not self._closed:
            self._closed = True
            self._loop.remove_reader(self._descriptor)

    def _drain(self) -> None:
        if self._closed:
            return
        batch: list[list[bytes]] = []
        receive = self._socket.recv_multipart
        try:
            while len(batch) < DRAIN_MESSAGES_MAX:
                batch.append(receive(zmq.DONTWAIT))
        except zmq.Again:
            pass
        if len(batch) == DRAIN_MESSAGES_MAX:
            # More may wait: come back after the other sockets and timers had their turn.
            self._loop.call_soon(self._drain)
        if batch:
            self._on_batch(batch)
            # A handler may have sent on this very socket.
            self.after_send()
