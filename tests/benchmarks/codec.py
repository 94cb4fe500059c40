"""Encoding and decoding of two messages, beside the reference msgpack package and json with the same content."""

import json

import msgpack
import msgspec

from common.messages import BookImage, Message, SubmitOrder, decode, encode
from common.model.order import Side
from tests.benchmarks.measure import best_ns, table

CALLS = 5_000

IMAGE = BookImage(
    venue="binance",
    symbol="ETH-USDT",
    update_id=35_346_513_512,
    event_time_ns=1_723_161_255_308_000_000,
    received_ns=1_723_161_255_308_123_456,
    bids=[(268_380 - level, 30_000 + level) for level in range(20)],
    asks=[(268_381 + level, 30_000 + level) for level in range(20)],
)
ORDER = SubmitOrder(
    client_order_id="cw-market_maker-lz3k2p1x-2a",
    strategy="market_maker",
    venue="binance",
    symbol="ETH-USDT",
    side=Side.SELL,
    price_ticks=268_381,
    quantity_lots=12_345,
    expires_at_ns=1_723_161_255_808_123_456,
)


def main() -> None:
    """Print one row per message, way and codec."""
    rows: list[tuple[object, ...]] = []
    for message in (IMAGE, ORDER):
        rows += _rows(message)
    table(("message", "codec", "bytes", "encode µs", "x ours", "decode µs", "x ours"), rows)


def _rows(message: Message) -> list[tuple[object, ...]]:
    plain, ours = msgspec.to_builtins(message), encode(message)
    packed, text = msgpack.packb(plain), json.dumps(plain)
    codecs = (
        ("ours (typed, checked)", ours, lambda: encode(message), lambda: decode(ours)),
        ("msgpack, dicts", packed, lambda: msgpack.packb(plain), lambda: msgpack.unpackb(packed)),
        ("json, dicts", text, lambda: json.dumps(plain), lambda: json.loads(text)),
    )
    figures = [(codec, len(frame), best_ns(pack, CALLS), best_ns(read, CALLS)) for codec, frame, pack, read in codecs]
    name, base = type(message).__name__, figures[0]
    return [
        (name, codec, size, encoding / 1e3, encoding / base[2], decoding / 1e3, decoding / base[3])
        for codec, size, encoding, decoding in figures
    ]
