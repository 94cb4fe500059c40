"""When the keeper halts, and what a resume accepts."""

from common.strategy.lp_book import LpBook
from common.strategy.lp_guard import (
    BROKEN_ACCOUNTING,
    FOREIGN_NONCE,
    NFT_LEFT,
    NO_GAS_MONEY,
    REPEATED_FAILURES,
    GuardView,
    find_alarm,
    gas_alarm,
)
from common.strategy.lp_records import (
    CLOSE,
    DONE,
    FAILED,
    WITHDRAW,
    Amounts,
    AnyRecord,
    CommandTaken,
    Gains,
    Purse,
    SagaBegun,
    SagaEnded,
    StepBegun,
    StepEnded,
)
from common.strategy.lp_saga import SagaRules, settle

RULES = SagaRules(failures_max=2)
QUIET = GuardView(strays={}, chain_nonce=3, own_nonce=3)
BEFORE = Purse(block_number=1, block_hash="0xb1", tokens=Amounts.of(10, 20), native_wei="100")
AFTER = Purse(block_number=2, block_hash="0xb2", tokens=Amounts.of(17, 24), native_wei="95")
EARNED = Gains(principal=Amounts.of(5, 4), fees=Amounts.of(2, 0), gas_wei="5")
RESUME = CommandTaken(command_id="r", action="resume", operator="me", time_ns=0)


def story(code: str = "", gains: Gains = EARNED, comparable: bool = True, steps: int = 1) -> list[AnyRecord]:
    """One closing saga with so many steps of one fate."""
    records: list[AnyRecord] = [
        SagaBegun(saga=1, intent=CLOSE, trigger="operator", steps=(WITHDRAW,), purse=BEFORE, time_ns=0)
    ]
    for step in range(1, steps + 1):
        records.append(StepBegun(step=step, saga=1, kind=WITHDRAW))
        records.append(
            StepEnded(step=step, succeeded=not code, time_ns=0, code=code, reason=f"{code}: told", gains=gains)
        )
    settlement = settle(BEFORE, AFTER, gains, comparable)
    return [*records, SagaEnded(saga=1, outcome=FAILED if code else DONE, time_ns=0, settlement=settlement)]


def reason(records: list[AnyRecord], seen: GuardView = QUIET) -> str:
    alarm = find_alarm(LpBook(records), seen, RULES)
    return alarm.reason if alarm else ""


def test_an_exact_settlement_is_no_reason() -> None:
    settlement = settle(BEFORE, AFTER, EARNED, True)
    assert settlement.is_exact and not settlement.lost and reason(story()) == ""


def test_what_is_missing_halts_and_a_gift_does_not() -> None:
    told = Gains(principal=Amounts.of(5, 5), fees=Amounts.of(2, 0), gas_wei="5")
    assert settle(BEFORE, AFTER, told, True).unexplained == Amounts.of(0, -1)
    assert reason(story(gains=told)) == BROKEN_ACCOUNTING
    assert reason([*story(gains=told), RESUME]) == ""
    assert reason(story(gains=told, comparable=False)) == "", "its block is gone: the difference says nothing"
    gift = Gains(principal=Amounts.of(4, 4), fees=Amounts.of(2, 0), gas_wei="5")
    assert not settle(BEFORE, AFTER, gift, True).is_exact and reason(story(gains=gift)) == ""
    missing_wei = Gains(principal=Amounts.of(5, 4), fees=Amounts.of(2, 0), gas_wei="4")
    assert reason(story(gains=missing_wei)) == BROKEN_ACCOUNTING


def test_a_stranger_halts_whether_the_chain_or_our_own_transaction_tells_of_him() -> None:
    assert reason(story(), GuardView(strays={}, chain_nonce=4, own_nonce=3)) == FOREIGN_NONCE
    assert reason(story(), GuardView(strays={}, chain_nonce=4, own_nonce=None)) == "", "ours are under way"
    assert reason(story(), GuardView(strays={}, chain_nonce=2, own_nonce=3)) == "", "a chain that forgot"
    assert reason(story("stranger")) == FOREIGN_NONCE
    assert reason([*story("stranger"), RESUME]) == ""


def test_a_range_that_left_comes_first() -> None:
    seen = GuardView(strays={7: "belongs to 0xdead"}, chain_nonce=4, own_nonce=3)
    alarm = find_alarm(LpBook(story()), seen, RULES)
    assert alarm is not None and alarm.reason == NFT_LEFT and "NFT 7 belongs to 0xdead" in alarm.detail


def test_failures_in_a_row_halt_unless_they_are_nobodys_fault() -> None:
    assert reason(story("reverted", steps=2)) == REPEATED_FAILURES
    assert reason([*story("reverted", steps=2), RESUME]) == ""
    assert reason(story("fee_cap", steps=5)) == "" == reason(story("unavailable", steps=5))


def test_gas_money_is_missing_until_it_is_there() -> None:
    alarm = gas_alarm(9, 10)
    assert alarm is not None and alarm.reason == NO_GAS_MONEY and gas_alarm(10, 10) is None
