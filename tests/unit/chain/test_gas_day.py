"""The day's gas: what was paid, what may still be paid, and the refusal that keeps both below the budget."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.chain.fees import GasPolicy
from common.chain.gas_day import DAY_NS, reserved_wei, spent_wei
from common.chain.transactions import (
    AnyRecord,
    Attempt,
    Inclusion,
    Ledger,
    TransactionFailed,
    TransactionFinalized,
    TransactionMined,
    TransactionOrphaned,
    TransactionPlanned,
    TransactionSent,
    TransactionSigned,
)
from common.chain.wallet import Fees, TransactionRequest
from common.model.errors import RequestRefused

HOUR_NS = DAY_NS // 24


def signed(key: str, nonce: int, *, gas_limit: int = 100, max_fee: int = 7) -> list[AnyRecord]:
    request = TransactionRequest(to="0x" + "11" * 20, data=b"", gas_limit=gas_limit)
    return [
        TransactionPlanned(key=key, intent="", nonce=nonce, request=request, planned_ns=0),
        form(key, key, max_fee),
    ]


def form(key: str, name: str, max_fee: int) -> TransactionSigned:
    fees = Fees(max_fee=max_fee, tip=1)
    return TransactionSigned(key=key, attempt=Attempt(hash=name, raw=b"", fees=fees, signed_ns=0))


def mined(key: str, at_ns: int, *, used: int = 50, price: int = 3, succeeded: bool = True) -> TransactionMined:
    found = Inclusion(
        hash=key, block_number=1, block_hash="x", succeeded=succeeded, gas_used=used, gas_price=price
    )  # fmt: skip
    return TransactionMined(key=key, inclusion=found, noticed_ns=at_ns)


def test_an_open_transaction_reserves_its_worst_and_a_mined_one_costs_what_it_did() -> None:
    ledger = Ledger(signed("a", 1))
    assert (spent_wei(ledger.all(), HOUR_NS), reserved_wei(ledger.all())) == (0, 700)
    ledger.apply(form("a", "a2", 9))
    ledger.apply(form("a", "a3", 8))
    assert reserved_wei(ledger.all()) == 900 and reserved_wei(ledger.all(), "a") == 0
    ledger.apply(mined("a", HOUR_NS))
    assert (spent_wei(ledger.all(), HOUR_NS), reserved_wei(ledger.all())) == (150, 0)
    ledger.apply(TransactionOrphaned(key="a", noticed_ns=HOUR_NS))
    assert (spent_wei(ledger.all(), HOUR_NS), reserved_wei(ledger.all())) == (0, 900)
    ledger.apply(mined("a", HOUR_NS, succeeded=False))
    ledger.apply(TransactionFinalized(key="a"))
    assert spent_wei(ledger.all(), 2 * HOUR_NS) == 150, "a revert costs as well"


def test_the_day_rolls() -> None:
    ledger = Ledger([*signed("a", 1), *signed("b", 2), mined("a", 0), mined("b", HOUR_NS)])
    assert spent_wei(ledger.all(), DAY_NS - 1) == 300
    assert spent_wei(ledger.all(), DAY_NS) == 150
    assert spent_wei(ledger.all(), DAY_NS + HOUR_NS) == 0


def test_what_never_left_costs_nothing_and_old_journals_count_by_their_sending() -> None:
    ledger = Ledger([*signed("a", 1), TransactionFailed(key="a", reason="refused")])
    assert (spent_wei(ledger.all(), 1), reserved_wei(ledger.all())) == (0, 0)
    old = [*signed("b", 2), TransactionSent(key="b", hash="b", sent_ns=5 * HOUR_NS), mined("b", 0)]
    assert spent_wei(Ledger(old).all(), DAY_NS + 4 * HOUR_NS) == 150
    assert spent_wei(Ledger(old).all(), DAY_NS + 6 * HOUR_NS) == 0


@given(
    budget=st.integers(1, 10_000),
    asked=st.lists(st.tuples(st.integers(1, 100), st.integers(1, 50), st.integers(0, 6)), max_size=30),
)
def test_no_day_costs_more_than_its_budget(budget: int, asked: list[tuple[int, int, int]]) -> None:
    """Transactions that use all of their gas at their highest fee, some of them mined an hour late."""
    policy = GasPolicy(tip_wei=1, cost_day_max_wei=budget)
    ledger, costs = Ledger(), list[tuple[int, int]]()
    now_ns = 1
    for number, (gas_limit, max_fee, hours) in enumerate(asked):
        now_ns += hours * HOUR_NS
        taken = spent_wei(ledger.all(), now_ns) + reserved_wei(ledger.all())
        try:
            policy.check_day(gas_limit, Fees(max_fee=max_fee, tip=1), taken)
        except RequestRefused as refusal:
            assert refusal.code == "gas_budget_day" and taken + gas_limit * max_fee > budget
            continue
        key = str(number)
        for record in signed(key, number, gas_limit=gas_limit, max_fee=max_fee):
            ledger.apply(record)
        now_ns += HOUR_NS if number % 3 else 0
        ledger.apply(mined(key, now_ns, used=gas_limit, price=max_fee))
        costs.append((now_ns, gas_limit * max_fee))
    for end_ns, _ in costs:
        assert sum(cost for at_ns, cost in costs if end_ns - DAY_NS < at_ns <= end_ns) <= budget


def test_a_budget_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="cost_day_max_wei"):
        GasPolicy(cost_day_max_wei=0)
