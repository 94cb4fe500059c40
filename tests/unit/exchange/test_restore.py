"""What a journal brings back, and that a state has one hash."""

import os
import subprocess
import sys
from hashlib import blake2b
from pathlib import Path

import msgspec
import pytest

from common.exchange.commands import Batch, CancelOrder, PlaceOrder, SetLast, SetMark
from common.exchange.events import RejectReason, TradeExecuted
from common.model.order import TimeInForce
from tests.unit.exchange.desk import BUY, ETH, SELL, Desk, refusal, stop, trades, trailing

PROJECT = Path(__file__).resolve().parents[3]


def busy_desk() -> Desk:
    """One order of each kind, some of them touched since."""
    desk = Desk(maker_bps="-1", taker_bps="4.5", price_band_bps=9_000, breaker_bps=5_000)
    desk.mark(100)
    desk.place("me", "gtc", BUY, 95, 10)
    desk.place("you", "hit", SELL, 95, 3)
    desk.place("me", "behind", BUY, 95, 4)
    desk.amend("me", "gtc", lots=9)
    desk.place("me", "ahead", BUY, 95, 1)
    desk.place("you", "ask", SELL, 110, 10, expires_ns=10**6)
    desk.place("you", "slid", SELL, 90, 2, post_only=True, slide=True)
    desk.place("me", "loss", SELL, 0, 3, trigger=stop(80))
    desk.place("me", "gain", SELL, 105, 3, expires_ns=10**7, trigger=stop(104))
    desk.place("you", "trail", BUY, 130, 2, trigger=trailing(offset_bps=250))
    desk.place("you", "asleep", SELL, 0, 2, trigger=trailing(offset_ticks=9, activation_ticks=500))
    desk.place("you", "ioc", BUY, 96, 2, TimeInForce.IOC)
    desk.cancel("me", name="behind")
    return desk


def test_a_snapshot_brings_back_books_waiting_orders_and_money():
    desk = busy_desk()
    other = desk.loaded()
    assert other.state_hash() == desk.exchange.state_hash()
    assert other.ledger.state == desk.exchange.ledger.state
    assert other.markets[ETH.symbol].book.bids.depth(9) == desk.book.bids.depth(9)


def test_what_came_back_goes_on_as_if_nothing_had_been():
    desk = busy_desk()
    twin = Desk()
    twin.exchange, twin.journal = desk.loaded(), []
    for each in (desk, twin):
        each.wait_until(10**6)
        each.place("you", "t1", SELL, 95, 7)
        each.place("you", "t2", BUY, 105, 9)
        each.place("you", "t3", SELL, 70, 30)
        each.amend("me", "gtc", 94, 2) if each.order("me", "gtc").is_open else None
        each.wait_until(10**8)
    assert desk.exchange.state_hash() == twin.exchange.state_hash()
    assert trades(desk.journal[-len(twin.journal) :]) == trades(twin.journal) != []


def test_the_same_commands_make_the_same_state_and_tell_the_same():
    desk = busy_desk()
    twin = Desk(maker_bps="-1", taker_bps="4.5", price_band_bps=9_000, breaker_bps=5_000, accounts=())
    for command in desk.commands:
        twin.journal += twin.exchange.execute(command) + twin.exchange.changed_levels()
    assert twin.journal == desk.journal
    assert twin.exchange.state_hash() == desk.exchange.state_hash()
    assert msgspec.msgpack.encode(desk.replayed().state()) == msgspec.msgpack.encode(desk.exchange.state())


def test_a_hash_tells_states_apart():
    hashes = [Desk().exchange.state_hash()]
    desk = Desk()
    for act in (
        lambda: desk.mark(100), lambda: desk.last(100), lambda: desk.place("me", "a", BUY, 90, 2),
        lambda: desk.place("me", "b", BUY, 90, 2), lambda: desk.amend("me", "a", lots=1),
        lambda: desk.place("me", "s", BUY, 90, 2, trigger=stop(110)), lambda: desk.cancel("me", name="s"),
        lambda: desk.levels([(80, 1)], []), lambda: desk.levels([(80, 2)], []),
    ):  # fmt: skip
        act()
        hashes.append(desk.exchange.state_hash())
    assert len(set(hashes)) == len(hashes) and len(hashes[0]) == 2 * blake2b(digest_size=16).digest_size


def test_a_hash_is_the_same_in_every_process():
    program = "from tests.unit.exchange.test_restore import busy_desk; print(busy_desk().exchange.state_hash())"
    environment = os.environ | {"PYTHONHASHSEED": "4711", "PYTHONPATH": str(PROJECT)}
    other = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert other.stdout.strip() == busy_desk().exchange.state_hash()


def test_asking_for_a_balance_changes_nothing():
    desk = Desk()
    before = desk.exchange.state_hash()
    assert desk.exchange.ledger.accounts.balance("stranger", "BTC").total == 0
    assert refusal(desk.place("stranger", "a", BUY, 100, 1)) is RejectReason.INSUFFICIENT_BALANCE
    assert desk.exchange.state_hash() == before


@pytest.mark.parametrize("kind", [SetMark, SetLast])
@pytest.mark.parametrize("price", [0, -1, 2**63, 1.5])
def test_reference_prices_are_positive_and_whole(kind, price):
    desk = Desk()
    before = desk.exchange.state_hash()
    assert refusal(desk.run(kind, symbol=ETH.symbol, price_ticks=price)) is RejectReason.PRICE_INVALID
    assert desk.exchange.state_hash() == before


def test_a_repeated_client_id_names_the_original_order():
    desk = Desk(client_ids_once=True)
    desk.place("me", "a", BUY, 100, 1)
    desk.cancel("me", name="a")
    (event,) = desk.place("me", "a", BUY, 101, 2)
    assert (event.reason, event.original_order_id) == (RejectReason.DUPLICATE_CLIENT_ORDER_ID, 1)
    assert desk.place("you", "a", BUY, 100, 1) and desk.order("you", "a").order_id == 2


def test_amounts_beyond_64_bits_are_refused():
    desk = Desk()
    assert refusal(desk.place("me", "a", BUY, 2**62, 10**6)) is RejectReason.NOTIONAL_TOO_LARGE
    assert refusal(desk.place("me", "a", BUY, 2**56, 1)) is RejectReason.INSUFFICIENT_BALANCE


def test_commands_and_events_survive_their_encoding():
    desk = busy_desk()
    commands = [
        Batch(
            time_ns=1,
            items=[
                PlaceOrder(
                    time_ns=1, account="a", symbol="s", client_order_id="c", side=SELL, quantity_lots=1,
                    trigger=trailing(offset_ticks=3), budget=None, protect_ticks=0,
                ),
                CancelOrder(time_ns=1, account="a", symbol="s", order_id=3),
            ],
        )
    ]  # fmt: skip
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(commands), type=list[Batch]) == commands
    assert any(isinstance(event, TradeExecuted) for event in desk.journal)
