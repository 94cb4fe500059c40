"""A bad line to a node's WebSocket: passes bytes until it is told to cut, to refuse, to swallow or to garble them."""

import asyncio


class StreamProxy:
    """`cut` ends every connection; while `refuses`, new ones are ended at once; while `swallows`, what the node says
    is lost; `garble` says something in the node's place.
    """

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._writers: list[asyncio.StreamWriter] = []
        self.refuses = self.swallows = False
        self.connections = 0

    async def __aenter__(self) -> "StreamProxy":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"ws://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_error: object) -> None:
        self.cut()
        self._server.close()
        await self._server.wait_closed()

    def cut(self) -> None:
        """End all connections without a word."""
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    def garble(self, data: bytes) -> None:
        """Say this to every client, whatever frame it falls into."""
        for writer in self._writers[::2]:
            writer.write(data)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        if self.refuses:
            writer.transport.abort()
            return
        node_reader, node_writer = await asyncio.open_connection(*self._target)
        self._writers += [writer, node_writer]
        await asyncio.gather(self._pass(reader, node_writer, False), self._pass(node_reader, writer, True))

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, is_node: bool) -> None:
        try:
            while data := await reader.read(65_536):
                if not (is_node and self.swallows):
                    writer.write(data)
                    await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()
