"""The instrument of the recordings."""

from decimal import Decimal

from common.model.instrument import Instrument

ETH = Instrument(
    venue="binance", symbol="ETH-USDT", venue_symbol="ETHUSDT", base="ETH", quote="USDT",
    tick_size=Decimal("0.01"), lot_size=Decimal("0.0001"),
)  # fmt: skip
