"""Old client order ids: known in memory, found in the journal, or refused; never taken for new."""

from pathlib import Path

import pytest

from common.messages import ExecutionReported, OrderFilled, SubmitOrder
from common.model.errors import OrderInvalid
from common.model.order import OrderState, Side
from common.model.order_life import OrderLife
from common.storage import Journal
from services.oms.archive import Archive, begin_order, look_up, split_id
from services.oms.records import FillBooked, OrderAbsent, OrderAccepted, OrderRefused, OrderReported, TradesSettled


def command(number: int) -> SubmitOrder:
    return SubmitOrder(
        client_order_id=f"cw-mm-b-{number}", strategy="market_maker", venue="v", symbol="s", side=Side.BUY,
        price_ticks=1, quantity_lots=5, expires_at_ns=1,
    )  # fmt: skip


def finished(number: int) -> OrderLife:
    return begin_order(OrderAccepted(command=command(number), at_ns=1))


def test_ids_are_split_into_prefix_and_number() -> None:
    assert split_id("cw-market_maker-1-z") == ("cw-market_maker-1", 35)
    for bad in ("cw-", "mm-1-1", "cw-mm-1-", "cw-mm-1-UP", "cw-mm-" + "x" * 40 + "-1", "cw-mm-1-1\n"):
        with pytest.raises(OrderInvalid, match="client_order_id"):
            split_id(bad)


def test_only_ids_that_left_memory_or_lie_below_them_are_old() -> None:
    archive = Archive(kept=2)
    assert archive.add_finished(finished(1)) is None
    assert archive.add_finished(finished(2)) is None
    assert not archive.is_old("cw-mm-b-1")
    forgotten = archive.add_finished(finished(3))
    assert forgotten is not None and forgotten.client_order_id == "cw-mm-b-1"
    assert archive.is_old("cw-mm-b-1") and archive.is_old("cw-mm-b-0")
    assert not archive.is_old("cw-mm-b-2") and not archive.is_old("cw-mm-c-1")
    for number in (4, 5, 6):
        archive.add_refused(OrderRefused(client_order_id=f"cw-mm-b-{number}", code="x", detail="", at_ns=1))
    assert archive.is_old("cw-mm-b-4") and not archive.is_old("cw-mm-b-5")


def test_the_journal_answers_for_ids_that_left_memory(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "oms.db", "process")
    fill = OrderFilled(
        fill_sequence=1, client_order_id="cw-mm-b-1", strategy="market_maker", venue="v", symbol="s", trade_id=1,
        side=Side.BUY, price_ticks=1, quantity_lots=2, maker=True, fee="0", fee_asset="USDT", event_time_ns=1,
    )  # fmt: skip
    report = ExecutionReported(
        client_order_id="cw-mm-b-1", venue="v", symbol="s", state=OrderState.CANCELED, filled_lots=2, event_time_ns=1,
        received_ns=1,
    )  # fmt: skip
    for record in (
        OrderAccepted(command=command(1), at_ns=1),
        OrderAccepted(command=command(11), at_ns=1),  # contains the other's text
        FillBooked(fill=fill, at_ns=2),
        OrderReported(report=report, at_ns=3),
        OrderRefused(client_order_id="cw-mm-b-2", code="killed", detail="", at_ns=4),
        OrderAccepted(command=command(3), at_ns=5),
        OrderAbsent(client_order_id="cw-mm-b-3", at_ns=6),
        TradesSettled(venue="v", symbol="s", trade_id=1),
    ):
        journal.record(record)
    first = look_up(journal.path, "cw-mm-b-1")
    assert isinstance(first, OrderLife) and (first.state, first.traded_lots) == (OrderState.CANCELED, 2)
    second = look_up(journal.path, "cw-mm-b-2")
    assert isinstance(second, OrderRefused) and second.code == "killed"
    third = look_up(journal.path, "cw-mm-b-3")
    assert isinstance(third, OrderLife) and third.state is OrderState.REJECTED
    assert look_up(journal.path, "cw-mm-b-4") is None
    journal.close()
