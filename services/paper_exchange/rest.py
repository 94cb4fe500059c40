"""HTTP in and out: guards before the handler, the commit before the answer."""

import msgspec
from aiohttp import web

from services.paper_exchange import refusals
from services.paper_exchange.addresses import Address, rest_addresses, weight_of
from services.paper_exchange.parameters import Parameters
from services.paper_exchange.site import Site
from services.paper_exchange.usdm_addresses import usdm_addresses

_encode = msgspec.json.Encoder().encode


class RestApi:
    """Answers every HTTP request that is no WebSocket."""

    def __init__(self, site: Site) -> None:
        self._site, self._addresses = site, rest_addresses(site) | usdm_addresses(site.usdm)
        self.requests = self.refusals = 0

    async def answer(self, request: web.BaseRequest) -> web.Response:
        """One request to one response; refusals are answers too."""
        address = self._addresses.get((request.method, request.path))
        self.requests += 1
        headers, account = dict[str, str](), ""
        try:
            if address is None:
                raise refusals.not_found()
            asked = await self._admit(address, request)
            account = asked.account if address.orders else ""
            status, body = 200, address.handle(asked)
        except refusals.VenueError as refusal:
            self.refusals += 1
            status, body = refusal.status, refusal.body
            if refusal.retry_after_s:
                headers["Retry-After"] = str(refusal.retry_after_s)
        headers |= self._site.limits_of(request.path).headers(account)
        # An answer may tell of trades that other commands of this turn made: none leaves before the commit.
        await self._site.venue.committed()
        return web.Response(body=_encode(body), status=status, headers=headers, content_type="application/json")

    async def _admit(self, address: Address, request: web.BaseRequest) -> Parameters:
        query, body = _legible(request.rel_url.raw_query_string), (await request.read()).decode(errors="replace")
        asked = Parameters.from_texts(query, body)
        self._site.limits_of(request.path).spend(weight_of(address, request.path, asked))
        key = _legible(request.headers.get("X-MBX-APIKEY", ""))
        if address.signed:
            return self._site.gatekeeper.check_request(key, query, body, asked)
        if address.keyed:
            return asked.of(self._site.gatekeeper.holder(key).account)
        return asked


def _legible(text: str) -> str:
    """Text of a request line or header without the half characters that aiohttp makes of bytes that are no UTF-8."""
    return text.encode(errors="replace").decode()
