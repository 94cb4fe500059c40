"""Requests that move money between the spot balance and the futures wallet. Every one is signed."""

from collections import deque

import msgspec

from common.exchange.events import CommandRefused, RejectReason
from common.exchange.margin.commands import MoveCollateral
from common.exchange.money import units_text
from services.paper_exchange import usdm_refusals as errors
from services.paper_exchange.parameters import Parameters
from services.paper_exchange.usdm_account_api import amount_units
from services.paper_exchange.usdm_site import UsdmSite
from services.paper_exchange.wire import NS_PER_MS, Json

ROWS_KEPT = 1_000
TO_FUTURES, TO_SPOT = "MAIN_UMFUTURE", "UMFUTURE_MAIN"
BY_NUMBER = {1: TO_FUTURES, 2: TO_SPOT}


class Transfer(msgspec.Struct, frozen=True):
    """One that was carried out."""

    account: str
    number: int
    time_ms: int
    kind: str
    asset: str
    units: int


class TransferApi:
    """Transfers of the owners of keys; the list of them is of this life of the venue."""

    def __init__(self, site: UsdmSite) -> None:
        self._site = site
        self._transfers: deque[Transfer] = deque(maxlen=ROWS_KEPT)
        self._numbers = site.now_ms() * 1_000

    def transfer(self, parameters: Parameters) -> Json:
        """Move an amount, by the name of the direction."""
        kind = parameters.text("type")
        if kind not in (TO_FUTURES, TO_SPOT):
            raise errors.invalid("type")
        return self._move(parameters, kind)

    def transfer_by_number(self, parameters: Parameters) -> Json:
        """Move an amount, by the number of the direction: 1 to futures, 2 to spot."""
        kind = BY_NUMBER.get(parameters.integer("type"))
        if kind is None:
            raise errors.invalid("type")
        return self._move(parameters, kind)

    def transfers(self, parameters: Parameters) -> Json:
        """Transfers of one direction, newest first."""
        kind = parameters.text("type")
        since_ms, until_ms = parameters.integer("startTime", 0), parameters.integer("endTime", 10**14)
        page, size = max(1, parameters.integer("current", 1)), max(1, min(100, parameters.integer("size", 10)))
        wanted = parameters.account, kind
        ours = [each for each in self._transfers if (each.account, each.kind) == wanted]
        found = [each for each in ours if since_ms <= each.time_ms <= until_ms][::-1]
        rows = found[(page - 1) * size : page * size]
        return {"total": len(found), "rows": [_row(each) for each in rows]}

    def _move(self, parameters: Parameters, kind: str) -> Json:
        asset, units = parameters.text("asset"), amount_units(parameters)
        if asset not in self._site.positions.assets:
            raise errors.ASSET_NOT_SUPPORTED()
        time_ns = self._site.venue.now_ns()
        command = MoveCollateral(
            time_ns=time_ns, account=parameters.account, asset=asset, units=units if kind == TO_FUTURES else -units
        )
        for event in self._site.venue.execute(command):
            if isinstance(event, CommandRefused):
                if event.reason in (RejectReason.INSUFFICIENT_BALANCE, RejectReason.INSUFFICIENT_MARGIN):
                    raise errors.TRANSFER_FAILED()
                raise errors.refused(event.reason)
        self._numbers += 1
        self._transfers.append(Transfer(parameters.account, self._numbers, time_ns // NS_PER_MS, kind, asset, units))
        return {"tranId": self._numbers}


def _row(transfer: Transfer) -> Json:
    return {
        "asset": transfer.asset,
        "amount": units_text(transfer.units),
        "type": transfer.kind,
        "status": "CONFIRMED",
        "tranId": transfer.number,
        "timestamp": transfer.time_ms,
    }
