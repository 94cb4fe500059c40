"""One port for REST and WebSocket, on this machine only."""

import asyncio
import ipaddress
from urllib.parse import urlsplit

from aiohttp import web

from common.model.errors import ConfigInvalid
from services.paper_exchange.rest import RestApi
from services.paper_exchange.site import Site
from services.paper_exchange.sockets import Sockets


class Server:
    """The venue's listening socket."""

    def __init__(self, site: Site) -> None:
        self.rest, self.sockets = RestApi(site), Sockets(site)
        self._runner = web.ServerRunner(web.Server(self._answer, access_log=None))

    async def start(self, host: str, port: int) -> int:
        """Listen; port 0 takes a free one. Returns the port. Raises OSError when it is taken."""
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()
        address = self._runner.addresses[0]
        return int(address[1])

    async def stop(self) -> None:
        """Close every connection and stop listening."""
        await self.sockets.close()
        await self._runner.cleanup()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            if request.headers.get("Upgrade", "").lower() == "websocket":
                return await self.sockets.serve(request)
            return await self.rest.answer(request)
        except (web.HTTPException, ConnectionError):
            raise
        except Exception as error:
            # aiohttp would answer 500 and go on; what nobody expected may be a broken ledger, so the process ends.
            asyncio.get_running_loop().call_exception_handler({"message": "request failed", "exception": error})
            raise


def loopback_address(url: str, where: str) -> tuple[str, int]:
    """Host and port of an address of this machine. Raises ConfigInvalid: a paper venue is not for the network."""
    parts = urlsplit(url)
    host = "127.0.0.1" if parts.hostname == "localhost" else parts.hostname or ""
    try:
        is_local, port = ipaddress.ip_address(host).is_loopback, parts.port
    except ValueError:
        is_local, port = False, None
    if not is_local or port is None:
        raise ConfigInvalid("address", where, "a loopback address with a port", url)
    return host, port
