"""What protects a command from being carried out twice, and the exchange from more money than it can count."""

import pytest

from common.exchange.commands import Batch, CancelOrder, Deposit, PlaceOrder
from common.exchange.events import OrderPlaced, OrderRejected, RejectReason
from common.exchange.margin.commands import FundInsurance
from tests.unit.exchange.desk import BUY, ETH, Desk, refusal
from tests.unit.exchange.margin.perpetual_desk import PerpetualDesk


def order(name: str, price: int = 100, **terms: object) -> PlaceOrder:
    return PlaceOrder(
        time_ns=0, account="me", symbol=ETH.symbol, client_order_id=name, side=BUY, price_ticks=price,
        quantity_lots=10, **terms,
    )  # type: ignore[arg-type]  # fmt: skip


@pytest.mark.parametrize("nonce", [4, 5, -1, 2**63, 2**64 - 1])
def test_a_nonce_that_is_not_above_the_last_one_is_refused(nonce: int):
    desk = Desk()
    desk.execute(order("a", nonce=5))
    assert refusal(desk.run(Deposit, account="me", asset="USDT", units=1, nonce=nonce)) is RejectReason.STALE_NONCE
    assert refusal(desk.run(CancelOrder, account="me", symbol=ETH.symbol, nonce=nonce)) is RejectReason.STALE_NONCE


def test_nonces_are_each_askers_own():
    desk = Desk()
    desk.execute(order("a", nonce=5))
    assert desk.run(Deposit, account="you", asset="USDT", units=1, nonce=1)


def test_a_refused_command_uses_no_nonce():
    desk = Desk()
    assert isinstance(desk.execute(order("a", 0, nonce=5))[0], OrderRejected)
    assert isinstance(desk.execute(order("a", nonce=5))[0], OrderPlaced)


def test_a_batch_whose_last_item_is_refused_uses_its_nonce():
    desk = Desk()
    items = [order("a"), order("b", 0)]
    assert len(desk.run(Batch, items=items, by="me", nonce=5)) > 2
    assert refusal(desk.run(Batch, items=items, by="me", nonce=5)) is RejectReason.STALE_NONCE


def test_a_batch_with_a_nonce_of_nobody_is_refused():
    assert refusal(Desk().run(Batch, items=[order("a")], nonce=5)) is RejectReason.NOT_AUTHORISED


def test_more_money_than_64_bits_hold_does_not_come_in():
    desk = Desk()
    for account in ("a", "b", "c"):
        assert refusal(desk.run(Deposit, account=account, asset="USDT", units=2**63 - 1)) is RejectReason.AMOUNT_INVALID
    held = desk.exchange.ledger.accounts.total("USDT")
    desk.run(Deposit, account="a", asset="USDT", units=2**63 - 1 - held)
    assert refusal(desk.run(Deposit, account="a", asset="USDT", units=1)) is RejectReason.AMOUNT_INVALID
    assert desk.loaded().state_hash() == desk.exchange.state_hash()


def test_an_asset_that_nothing_is_traded_in_does_not_come_in():
    assert refusal(Desk().run(Deposit, account="me", asset="SHELLS", units=1)) is RejectReason.AMOUNT_INVALID


def test_the_insurance_is_bounded_by_the_same_64_bits():
    desk = PerpetualDesk("a")
    desk.deposited += 2**62
    desk.run(FundInsurance, asset="USD", units=2**62)
    assert refusal(desk.run(FundInsurance, asset="USD", units=2**62)) is RejectReason.AMOUNT_INVALID
    assert desk.loaded().state_hash() == desk.exchange.state_hash()
