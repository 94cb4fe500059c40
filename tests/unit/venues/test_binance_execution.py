"""Private side: requests as bytes, answers and user-stream frames as reports, refusals as verdicts."""

import hashlib
import hmac
import json
import time

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.messages import ExecutionReported, SubmitOrder, VenueFill
from common.model.errors import MessageInvalid, OrderInvalid
from common.model.order import OrderState, OrderType, Side, TimeInForce
from common.venues.binance_errors import Verdict, read_refusal
from common.venues.binance_execution import BinanceExecution
from common.venues.binance_user import (
    Irrelevant,
    StreamEnding,
    Subscribed,
    SubscriptionRefused,
    read_user_frame,
    subscribe_frame,
)
from common.venues.signer import HmacSigner
from tests.unit.venues.eth import ETH

SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
CODEC = BinanceExecution([ETH], HmacSigner(SECRET), 5_000)
ORDER = SubmitOrder(
    client_order_id="cw-mm-1", strategy="mm", venue="binance", symbol="ETH-USDT", side=Side.BUY,
    price_ticks=268_380, quantity_lots=302, expires_at_ns=1,
)  # fmt: skip


def test_signature_is_the_documented_example() -> None:
    """The worked example of the venue's own "SIGNED endpoint" documentation."""
    text = (
        "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559"
    )
    assert HmacSigner(SECRET).sign(text) == "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"
    assert SECRET not in repr(HmacSigner(SECRET))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "side=BUY&type=LIMIT_MAKER&quantity=0.0302&price=2683.80&newClientOrderId=cw-mm-1"),
        (
            {"side": Side.SELL, "post_only": False, "time_in_force": TimeInForce.IOC},
            "side=SELL&type=LIMIT&timeInForce=IOC&quantity=0.0302&price=2683.80&newClientOrderId=cw-mm-1",
        ),
        (
            {"order_type": OrderType.MARKET, "post_only": False},
            "side=BUY&type=MARKET&quantity=0.0302&newClientOrderId=cw-mm-1",
        ),
    ],
)
def test_create_is_one_signed_query(changes: dict[str, object], expected: str) -> None:
    request = CODEC.place(msgspec.structs.replace(ORDER, **changes))
    assert (request.method, request.path) == ("POST", "/api/v3/order")
    assert request.query == f"symbol=ETHUSDT&{expected}&newOrderRespType=RESULT"
    path, _, query = CODEC.target(request, 1_723_161_255_308).partition("?")
    signed, _, signature = query.rpartition("&signature=")
    assert path == "/api/v3/order" and signed == f"{request.query}&recvWindow=5000&timestamp=1723161255308"
    assert signature == hmac.new(SECRET.encode(), signed.encode(), hashlib.sha256).hexdigest()


def test_orders_that_the_venue_cannot_express() -> None:
    for changes in (
        {"client_order_id": "a&b"}, {"client_order_id": "x" * 37}, {"quantity_lots": 0}, {"price_ticks": 0},
        {"symbol": "BTC-USDT"}, {"time_in_force": TimeInForce.FOK},
    ):  # fmt: skip
        with pytest.raises(OrderInvalid):
            CODEC.place(msgspec.structs.replace(ORDER, **changes))


ANSWER = {
    "symbol": "ETHUSDT", "orderId": 28, "clientOrderId": "cw-mm-1", "transactTime": 1507725176595,
    "price": "2683.80000000", "origQty": "0.03020000", "executedQty": "0.01000000", "status": "PARTIALLY_FILLED",
    "timeInForce": "GTC", "type": "LIMIT_MAKER", "side": "BUY",
}  # fmt: skip


def test_answers_become_reports() -> None:
    report = CODEC.read_order(json.dumps(ANSWER).encode(), 5, 4)
    assert report == ExecutionReported(
        client_order_id="cw-mm-1", venue="binance", symbol="ETH-USDT", state=OrderState.PARTIALLY_FILLED,
        filled_lots=100, event_time_ns=1507725176595000000, received_ns=5, venue_order_id="28", side=Side.BUY,
        price_ticks=268_380, quantity_lots=302, sent_ns=4,
    )  # fmt: skip
    cancel = ANSWER | {"clientOrderId": "other", "origClientOrderId": "cw-mm-1", "status": "CANCELED"}
    report = CODEC.read_order(json.dumps(cancel).encode(), 5)
    assert (report.client_order_id, report.state) == ("cw-mm-1", OrderState.CANCELED)


def test_foreign_orders_are_left_out_of_the_open_ones() -> None:
    orders = [ANSWER, ANSWER | {"clientOrderId": "a-person", "origQty": "0.00000001"}]
    (report,) = CODEC.read_open_orders(json.dumps(orders).encode(), 5)
    assert report.client_order_id == "cw-mm-1"


def test_trades_ascend_and_carry_the_venues_number() -> None:
    trade = {
        "symbol": "ETHUSDT", "id": 2, "orderId": 28, "price": "2683.80", "qty": "0.01", "commission": "0.00001000",
        "commissionAsset": "ETH", "time": 1507725176595, "isBuyer": False, "isMaker": True,
    }  # fmt: skip
    first, second = CODEC.read_trades("ETH-USDT", json.dumps([trade, trade | {"id": 1}]).encode())
    assert (first.fill.trade_id, second.fill.trade_id, first.venue_order_id) == (1, 2, "28")
    assert (second.fill.side, second.fill.quantity_lots, second.fill.fee) == (Side.SELL, 100, "0.00001000")


@given(st.binary(max_size=120))
def test_garbage_answers_are_refused(body: bytes) -> None:
    for read in (
        lambda: CODEC.read_order(body, 1),
        lambda: CODEC.read_balances(body),
        lambda: CODEC.read_trades("ETH-USDT", body),
    ):
        try:
            assert read() in ({}, [])
        except MessageInvalid:
            pass


@pytest.mark.parametrize(
    ("status", "code", "words", "verdict", "name"),
    [
        (400, -1006, "An unexpected response was received from the message bus.", Verdict.UNKNOWN, "venue_failure"),
        (408, -1007, "Timeout waiting for response from backend server.", Verdict.UNKNOWN, "venue_failure"),
        (503, 0, "Unknown error, please check your request or try again later.", Verdict.UNKNOWN, "venue_failure"),
        (400, -2010, "Order would immediately match and take.", Verdict.REFUSED, "post_only_would_take"),
        (400, -2010, "Duplicate order sent.", Verdict.REFUSED, "duplicate"),
        (400, -2010, "Account has insufficient balance for requested action.", Verdict.REFUSED, "insufficient_balance"),
        (400, -2010, "Market is closed.", Verdict.REFUSED, "venue_2010"),
        (400, -2011, "Unknown order sent.", Verdict.REFUSED, "unknown_order"),
        (400, -2011, "Order was not canceled due to cancel restrictions.", Verdict.REFUSED, "cancel_refused"),
        (400, -2013, "Order does not exist.", Verdict.REFUSED, "unknown_order"),
        (400, -1013, "Filter failure: LOT_SIZE", Verdict.REFUSED, "filter"),
        (400, -1021, "Timestamp for this request is outside of the recvWindow.", Verdict.REFUSED, "clock"),
        (401, -2015, "Invalid API-key, IP, or permissions for action.", Verdict.REFUSED, "unauthorized"),
        (429, -1003, "Too much request weight used", Verdict.THROTTLED, "rate_limited"),
        (418, -1003, "IP banned", Verdict.THROTTLED, "rate_limited"),
    ],
)
def test_error_codes(status: int, code: int, words: str, verdict: Verdict, name: str) -> None:
    body = json.dumps({"code": code, "msg": words}).encode()
    refusal = read_refusal(status, body, "7")
    assert (refusal.verdict, refusal.code) == (verdict, name)
    assert refusal.retry_after_s == (7.0 if verdict is Verdict.THROTTLED else 0.0)
    assert refusal.is_ban == (status == 418)


def test_unreadable_errors() -> None:
    assert read_refusal(502, b"<html>").verdict is Verdict.UNKNOWN
    assert read_refusal(403, b"<html>").code == "http_403"
    assert read_refusal(429, b"", "soon").retry_after_s > 0


EVENT = {
    "e": "executionReport", "E": 1499405658658, "s": "ETHUSDT", "c": "cw-mm-1", "S": "BUY", "o": "LIMIT_MAKER",
    "f": "GTC", "q": "0.03020000", "p": "2683.80000000", "P": "0.0", "F": "0.0", "g": -1, "C": "", "x": "TRADE",
    "X": "PARTIALLY_FILLED", "r": "NONE", "i": 28, "l": "0.01000000", "z": "0.01000000", "L": "2683.80000000",
    "n": "0.00001", "N": "ETH", "T": 1499405658657, "t": 77, "I": 3, "w": True, "m": True, "M": False, "O": 1,
}  # fmt: skip


def frame(**changes: object) -> str:
    return json.dumps({"subscriptionId": 0, "event": EVENT | changes})


def test_trade_event_is_a_report_with_a_fill() -> None:
    report = read_user_frame(CODEC, frame(), 9)
    assert isinstance(report, ExecutionReported)
    assert (report.state, report.filled_lots, report.received_ns) == (OrderState.PARTIALLY_FILLED, 100, 9)
    assert report.fill == VenueFill(
        trade_id=77, client_order_id="cw-mm-1", venue_order_id="28", side=Side.BUY, price_ticks=268_380,
        quantity_lots=100, maker=True, fee="0.00001", fee_asset="ETH", event_time_ns=1499405658657000000,
    )  # fmt: skip
    assert read_user_frame(CODEC, json.dumps(EVENT), 9) == report


def test_other_user_frames() -> None:
    canceled = read_user_frame(CODEC, frame(x="CANCELED", X="CANCELED", c="a-cancel", C="cw-mm-1", t=-1, N=None), 9)
    assert isinstance(canceled, ExecutionReported)
    assert (canceled.client_order_id, canceled.state, canceled.fill) == ("cw-mm-1", OrderState.CANCELED, None)
    assert read_user_frame(CODEC, frame(c="a-person", s="BTCUSDT"), 9) == Irrelevant()
    assert read_user_frame(CODEC, '{"event":{"e":"outboundAccountPosition","u":1}}', 9) == Irrelevant()
    assert read_user_frame(CODEC, '{"event":{"e":"eventStreamTerminated","E":1}}', 9) == StreamEnding()
    assert read_user_frame(CODEC, '{"id":"user-stream","status":200,"result":{}}', 9) == Subscribed()
    refused = read_user_frame(CODEC, '{"id":"user-stream","status":400,"error":{"code":-1022,"msg":"no"}}', 9)
    assert isinstance(refused, SubscriptionRefused) and refused.refusal.code == "unauthorized"


def test_every_frame_without_its_order_is_refused() -> None:
    for changes in ({"s": "BTCUSDT"}, {"X": "ODD"}, {"S": "HOLD"}, {"z": "0.00001"}, {"t": -1}):
        with pytest.raises(MessageInvalid):
            read_user_frame(CODEC, frame(**changes), 9)


@given(st.one_of(st.binary(max_size=120), st.text(max_size=120)))
def test_garbage_frames_are_refused(data: bytes | str) -> None:
    try:
        event = read_user_frame(CODEC, data, 9)
    except MessageInvalid:
        return
    assert isinstance(event, Irrelevant | SubscriptionRefused)


def test_subscription_signs_its_sorted_parameters() -> None:
    data = json.loads(subscribe_frame("my-key", HmacSigner(SECRET), 1_723_161_255_308, 5_000))
    params = data["params"]
    text = "&".join(f"{name}={params[name]}" for name in sorted(params) if name != "signature")
    assert params["signature"] == hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).hexdigest()


def test_encoding_an_order_is_cheap() -> None:
    started = time.perf_counter()
    for _ in range(500):
        CODEC.target(CODEC.place(ORDER), 1_723_161_255_308)
    assert (time.perf_counter() - started) / 500 < 200e-6, "some 10 us are normal; the bound only finds disasters"
