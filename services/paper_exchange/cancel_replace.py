"""One order for another: a cancel and a new order in one request, and every way in which that ends."""

from enum import StrEnum
from typing import Any

from services.paper_exchange import refusals
from services.paper_exchange.order_api import OrderApi
from services.paper_exchange.order_terms import response_kind
from services.paper_exchange.parameters import Parameters
from services.paper_exchange.site import Site
from services.paper_exchange.wire import Json

SUCCESS, FAILURE, NOT_ATTEMPTED = "SUCCESS", "FAILURE", "NOT_ATTEMPTED"
TOO_MANY_ORDERS = 429


class CancelReplaceMode(StrEnum):
    """Whether the new order is tried when the cancel has failed."""

    STOP_ON_FAILURE = "STOP_ON_FAILURE"
    ALLOW_FAILURE = "ALLOW_FAILURE"


class OrderRateLimitExceededMode(StrEnum):
    """Whether the cancel is tried when the account may place no more orders for now."""

    DO_NOTHING = "DO_NOTHING"
    CANCEL_ONLY = "CANCEL_ONLY"


class CancelReplace:
    """Carries both halves out, one right after the other. Raises VenueError, also when only one of them succeeded."""

    def __init__(self, site: Site, orders: OrderApi) -> None:
        self._site, self._orders = site, orders

    def run(self, parameters: Parameters) -> Json:
        """The new order's parameters, its order count and its filters are looked at before anything is cancelled."""
        orders = self._orders
        wire = self._site.market(parameters.symbol())
        mode = parameters.choice(
            "cancelReplaceMode", CancelReplaceMode, None, lambda: refusals.invalid_data("cancelReplaceMode")
        )
        wanted, cancel_id = orders.restrictions(parameters), parameters.client_order_id("cancelNewClientOrderId")
        old = orders.named(wire, parameters, "cancelOrderId", "cancelOrigClientOrderId")
        new = orders.read(wire, parameters)
        response = response_kind(parameters, new)
        orders.check_filters(new)
        too_many = self._count(parameters)
        canceled = _tried(lambda: orders.withdraw(wire, parameters.account, old, cancel_id, wanted))
        if too_many is not None:
            return _answer(canceled, (FAILURE, too_many.body), too_many.status)
        if canceled[0] == FAILURE and mode is CancelReplaceMode.STOP_ON_FAILURE:
            return _answer(canceled, (NOT_ATTEMPTED, None))
        return _answer(canceled, _tried(lambda: orders.carry_out(wire, new, response)))

    def _count(self, parameters: Parameters) -> refusals.VenueError | None:
        """Count the new order; too many of them are an error, or with CANCEL_ONLY only the new order's."""
        name = "orderRateLimitExceededMode"
        mode = parameters.choice(
            name, OrderRateLimitExceededMode, OrderRateLimitExceededMode.DO_NOTHING, lambda: refusals.invalid_data(name)
        )
        try:
            self._site.limits.count_order(parameters.account)
        except refusals.VenueError as refusal:
            if mode is OrderRateLimitExceededMode.DO_NOTHING:
                raise
            return refusal
        return None


def _tried(act: Any) -> tuple[str, Json | None]:
    """How one half ended, and its answer or error."""
    try:
        return SUCCESS, act()
    except refusals.VenueError as refusal:
        return FAILURE, refusal.body


def _answer(canceled: tuple[str, Json | None], placed: tuple[str, Json | None], status: int = 0) -> Json:
    """Both halves; raises VenueError unless both succeeded. `status` 0 = what follows from them."""
    told = {
        "cancelResult": canceled[0],
        "newOrderResult": placed[0],
        "cancelResponse": canceled[1],
        "newOrderResponse": placed[1],
    }
    if canceled[0] == placed[0] == SUCCESS:
        return told
    if SUCCESS in (canceled[0], placed[0]):
        raise refusals.VenueError(-2021, "Order cancel-replace partially failed.", status or 409, data=told)
    raise refusals.VenueError(-2022, "Order cancel-replace failed.", status or 400, data=told)
