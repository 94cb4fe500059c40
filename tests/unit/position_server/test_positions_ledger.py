"""The position server's journal: any restart continues as if nothing had happened."""

from decimal import Decimal

import msgspec
import pytest

from common.accounting.lp_performance import LpWealth
from common.messages import OrderFilled
from common.model.errors import ConfigInvalid, InvariantBroken, MessageInvalid
from common.model.instrument import Instrument
from common.model.order import Side
from common.runtime import load_config
from services.position_server.config import PositionServerConfig
from services.position_server.ledger import Ledger, is_fee_priced, trade_of
from services.position_server.records import AccountOpened, FillEntered, LedgerImage, LpOpened, Record, RunStarted
from tests.conftest import PROJECT

ETH = Instrument(
    venue="v", symbol="ETH-USDT", venue_symbol="ETHUSDT", base="ETH", quote="USDT", tick_size=Decimal("0.01"),
    lot_size=Decimal("0.0001"),
)  # fmt: skip
KEY = "v", "ETH-USDT"


def fill(sequence: int, side: Side = Side.BUY, **other: object) -> OrderFilled:
    values: dict[str, object] = {
        "fill_sequence": sequence, "client_order_id": "cw-mm-1-1", "strategy": "mm", "venue": "v",
        "symbol": "ETH-USDT", "trade_id": sequence, "side": side, "price_ticks": 250_000, "quantity_lots": 10_000,
        "maker": True, "fee": "0.1", "fee_asset": "USDT", "event_time_ns": 1,
    }  # fmt: skip
    return OrderFilled(**(values | other))  # type: ignore[arg-type]


RECORDS: list[Record] = [
    RunStarted(run_id="one", at_ns=1),
    FillEntered(fill=fill(1), mid=2501.0),
    LpOpened(wealth=LpWealth(base=1.0, quote=2.0, fees_base=0.0, fees_quote=0.0, gas_native=0.0), price=2500.0),
    AccountOpened(venue="v", asset="ETH", amount=Decimal("99.5")),
    FillEntered(fill=fill(2, Side.SELL, quantity_lots=4_000), mid=2499.0),
    RunStarted(run_id="two", at_ns=9),
    FillEntered(fill=fill(3, Side.SELL, maker=False), mid=2500.5),
]


def test_a_snapshot_at_any_record_and_the_rest_of_the_journal_end_in_the_same_state() -> None:
    straight = Ledger([ETH])
    for record in RECORDS:
        straight.apply(record)
    for cut in range(len(RECORDS) + 1):
        before, after = Ledger([ETH]), Ledger([ETH])
        for record in RECORDS[:cut]:
            before.apply(record)
        after.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(before.image()), type=LedgerImage))
        for record in RECORDS[cut:]:
            after.apply(record)
        # As bytes: a profit without a mark holds a NaN, which equals nothing.
        assert msgspec.msgpack.encode(after.image()) == msgspec.msgpack.encode(straight.image())


def test_a_new_run_begins_profit_anew_and_keeps_the_position() -> None:
    ledger = Ledger([ETH])
    for record in RECORDS:
        ledger.apply(record)
    market = ledger.markets[KEY]
    assert market.position.quantity_lots == -4_000 and market.position.taker_fill_count == 1
    assert (market.fees_start, market.position.fees) == (Decimal("0.2"), Decimal("0.3"))
    assert market.profit.quantity == pytest.approx(-0.4) and market.profit.trading == pytest.approx(-0.5)
    assert ledger.run.run_id == "two" and ledger.run.lp is None


def test_marks_telescope_over_a_restart() -> None:
    ledger = Ledger([ETH])
    ledger.apply(FillEntered(fill=fill(1), mid=2500.0))
    ledger.mark(KEY, 2510.0)
    reborn = Ledger([ETH])
    reborn.restore(ledger.image())
    ledger.mark(KEY, 2505.0)  # lost with the process
    for each in (ledger, reborn):
        each.mark(KEY, 2520.0)
    assert reborn.markets[KEY].profit.inventory == pytest.approx(ledger.markets[KEY].profit.inventory) == 20.0


def test_holes_and_unknown_markets_end_the_process() -> None:
    ledger = Ledger([ETH])
    with pytest.raises(InvariantBroken, match="fill 2 follows 0"):
        ledger.apply(FillEntered(fill=fill(2), mid=1.0))
    with pytest.raises(InvariantBroken, match="does not name"):
        ledger.apply(FillEntered(fill=fill(1, symbol="BTC-USDT"), mid=1.0))
    ledger.apply(FillEntered(fill=fill(1), mid=1.0))
    with pytest.raises(InvariantBroken, match="no longer names"):
        Ledger([]).restore(ledger.image())


def test_fees_in_quote_base_and_something_else() -> None:
    quote, base = trade_of(fill(1), ETH), trade_of(fill(1, fee="0.001", fee_asset="ETH"), ETH)
    assert (quote.fee, quote.base_fee) == (Decimal("0.1"), 0)
    assert (base.fee, base.base_fee) == (Decimal("2.5"), Decimal("0.001"))
    third = fill(1, fee_asset="BNB")
    assert trade_of(third, ETH).fee == 0 and not is_fee_priced(third, ETH)
    assert is_fee_priced(fill(1, fee="0", fee_asset="BNB"), ETH)
    with pytest.raises(MessageInvalid):
        trade_of(fill(1, fee="much"), ETH)


def test_the_shipped_settings_are_valid_and_bad_ones_are_refused(tmp_path) -> None:  # type: ignore[no-untyped-def]
    shipped = PROJECT / "configs" / "paper" / "position_server.toml"
    load_config(shipped, PositionServerConfig)
    path = tmp_path / "position_server.toml"
    for bad in ("beta = 0.0", "beta = inf", 'beta = "all"', "gamma = 1.0"):
        path.write_text(shipped.read_text().replace("beta = 1.0 ", bad + " "))
        with pytest.raises(ConfigInvalid):
            load_config(path, PositionServerConfig)
