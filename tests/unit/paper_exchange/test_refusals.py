"""Every reason of the core has words of Binance, and only those of its filters are told before matching."""

from importlib import import_module
from pkgutil import iter_modules

import pytest

import services.paper_exchange
from common.exchange.events import RejectReason
from services.paper_exchange.refusals import VenueError, is_filter, refused

FILTERS = {
    RejectReason.PRICE_INVALID,
    RejectReason.QUANTITY_INVALID,
    RejectReason.NOTIONAL_TOO_SMALL,
    RejectReason.NOTIONAL_TOO_LARGE,
    RejectReason.TOO_MANY_OPEN_ORDERS,
    RejectReason.OUTSIDE_PRICE_BAND,
    RejectReason.TRIGGER_INVALID,
}


@pytest.mark.parametrize("reason", list(RejectReason))
def test_every_reason_is_an_answer(reason: RejectReason):
    error = refused(reason)
    assert (error.status, error.body) == (400, {"code": error.code, "msg": error.message})
    assert is_filter(reason) is (reason in FILTERS)
    if reason in FILTERS:
        assert error.code == -1013 and error.message.startswith("Filter failure: ")
    else:
        assert error.code in (-2010, -2011)


def test_what_no_protocol_of_binance_knows_is_a_disabled_action():
    assert refused(RejectReason.NOT_AUTHORISED).message == "This action is disabled on this account."


def test_no_error_is_kept_to_be_raised_again():
    # A raised exception keeps its traceback, and with it every frame of every time that it was raised.
    kept = [
        f"{module.name}.{name}"
        for module in iter_modules(services.paper_exchange.__path__)
        for name, value in vars(import_module(f"services.paper_exchange.{module.name}")).items()
        if isinstance(value, VenueError)
    ]
    assert kept == [] and refused(RejectReason.WOULD_TAKE) is not refused(RejectReason.WOULD_TAKE)
