"""The transaction life as plain data: every fault as a line of observations."""

from msgspec.structs import replace
from pytest import mark, raises

from common.chain.fees import GWEI, GasPolicy
from common.chain.transaction_rules import Broadcast, Observed, RaiseFees, ResendPolicy, Step, after_refusal, decide
from common.chain.transactions import (
    AnyRecord,
    Attempt,
    Inclusion,
    Ledger,
    Transaction,
    TransactionConfirmed,
    TransactionFailed,
    TransactionFinalized,
    TransactionMined,
    TransactionOrphaned,
    TransactionOvertaken,
    TransactionPlanned,
    TransactionSent,
    TransactionSigned,
    TransactionState,
)
from common.chain.wallet import Fees, TransactionRequest
from common.model.errors import RequestRefused, TransitionInvalid

SECOND = 10**9
POLICY = ResendPolicy(confirmations=2, confirmations_final=4, resend_after_s=1, bump_after_s=15, overtaken_after_s=10)
REQUEST = TransactionRequest(to="0x" + "11" * 20, data=b"\x01", gas_limit=100_000)
NOTHING = Observed(head_number=100, base_fee=GWEI, chain_nonce=5, included={}, pooled=frozenset())


def attempt(name: str, *, at_s: float = 0, cancels: bool = False, max_fee: int = 3 * GWEI) -> Attempt:
    fees = Fees(max_fee=max_fee, tip=GWEI)
    return Attempt(hash=name, raw=name.encode(), fees=fees, signed_ns=int(at_s * SECOND), cancels=cancels)


def inclusion(name: str = "a", block: int = 100, *, block_hash: str = "x", succeeded: bool = True) -> Inclusion:
    return Inclusion(hash=name, block_number=block, block_hash=block_hash, succeeded=succeeded, gas_used=1, gas_price=1)


def planned(key: str = "k", nonce: int = 5) -> TransactionPlanned:
    return TransactionPlanned(key=key, intent="", nonce=nonce, request=REQUEST, planned_ns=0)


class Story:
    """One transaction in a ledger, driven by looks at the chain. Actions are collected, records applied."""

    def __init__(self, *records: AnyRecord) -> None:
        self.ledger = Ledger((planned(), TransactionSigned(key="k", attempt=attempt("a")), *records))

    @property
    def now(self) -> Transaction:
        found = self.ledger.get("k")
        assert found is not None
        return found

    def look(self, seen: Observed, at_s: float = 1.0) -> list[Step]:
        steps = decide(self.now, seen, int(at_s * SECOND), POLICY)
        for step in steps:
            if not isinstance(step, Broadcast | RaiseFees):
                self.ledger.apply(step)
        return [step for step in steps if isinstance(step, Broadcast | RaiseFees)]


def sent(at_s: float = 1.0) -> TransactionSent:
    return TransactionSent(key="k", hash="a", sent_ns=int(at_s * SECOND))


def pooled(*names: str, **other: int) -> Observed:
    return replace(NOTHING, pooled=frozenset(names), **other)


def included(found: Inclusion, head: int, **other: int) -> Observed:
    return replace(NOTHING, included={found.hash: found}, head_number=head, **{"chain_nonce": 6, **other})


def test_the_straight_way() -> None:
    story = Story(sent())
    assert story.look(pooled("a")) == [] and story.now.state is TransactionState.SENT
    story.look(included(inclusion(), 100))
    assert story.now.state is TransactionState.MINED and story.now.succeeded
    story.look(included(inclusion(), 101))
    assert story.now.state is TransactionState.CONFIRMED
    story.look(included(inclusion(), 103))
    assert story.now.state is TransactionState.FINAL and story.now.is_terminal


def test_a_deep_inclusion_is_final_at_one_look() -> None:
    story = Story(sent())
    story.look(included(inclusion(block=50), 100))
    assert story.now.state is TransactionState.FINAL


def test_found_mined_although_nothing_was_known_to_be_sent() -> None:
    story = Story()
    story.look(included(inclusion(), 100))
    assert story.now.state is TransactionState.MINED


def test_signed_but_never_sent_goes_out_at_once() -> None:
    assert Story().look(NOTHING, at_s=0) == [Broadcast(key="k", hash="a")]


def test_dropped_goes_out_again_but_not_in_a_hurry() -> None:
    story = Story(sent(at_s=1))
    assert story.look(NOTHING, at_s=1.5) == []
    assert story.look(NOTHING, at_s=2.0) == [Broadcast(key="k", hash="a")]


def test_stuck_is_bumped_only_when_it_is_next() -> None:
    story = Story(sent())
    assert story.look(pooled("a"), at_s=14.9) == []
    assert story.look(pooled("a", chain_nonce=4), at_s=15) == []
    assert story.look(pooled("a"), at_s=15) == [RaiseFees(key="k")]


def test_a_fee_below_the_base_fee_is_raised_instead_of_sent_again() -> None:
    story = Story(sent())
    assert story.look(replace(NOTHING, base_fee=4 * GWEI), at_s=1.1) == [RaiseFees(key="k")]
    assert story.look(replace(NOTHING, base_fee=4 * GWEI, chain_nonce=4), at_s=1.1) == []


def test_any_form_may_be_the_one_that_is_mined() -> None:
    story = Story(sent(), TransactionSigned(key="k", attempt=attempt("b", at_s=20)))
    assert story.now.state is TransactionState.SENT
    story.look(included(inclusion("a"), 100))
    assert story.now.inclusion is not None and story.now.inclusion.hash == "a"


def test_orphaned_goes_out_again_as_the_form_that_was_mined() -> None:
    story = Story(
        sent(), TransactionSigned(key="k", attempt=attempt("b")), TransactionMined(key="k", inclusion=inclusion())
    )
    assert story.look(NOTHING) == [Broadcast(key="k", hash="a")]
    assert story.now.state is TransactionState.ORPHANED and not story.now.succeeded


def test_what_lost_its_block_starts_anew_and_is_not_bumped_for_its_age() -> None:
    story = Story(sent(at_s=1), TransactionMined(key="k", inclusion=inclusion(), noticed_ns=2 * SECOND))
    assert story.look(NOTHING, at_s=100) == [Broadcast(key="k", hash="a")]
    story.ledger.apply(sent(at_s=100))
    assert story.look(pooled("a"), at_s=114.9) == [], "signed long ago, but waiting again only for a moment"
    assert story.look(pooled("a"), at_s=115) == [RaiseFees(key="k")]


def test_a_plan_that_was_never_signed_fails_and_its_nonce_is_free() -> None:
    ledger = Ledger([planned()])
    for seen in (NOTHING, replace(NOTHING, chain_nonce=9)):
        (failed,) = decide(ledger.open()[0], seen, 0, POLICY)
        assert failed == TransactionFailed(key="k", reason="never signed")
    ledger.apply(failed)
    assert ledger.open() == [] and ledger.next_nonce(5) == 5


def test_moved_to_another_block_is_orphaned_and_mined_in_one_look() -> None:
    story = Story(sent(), TransactionMined(key="k", inclusion=inclusion()), TransactionConfirmed(key="k"))
    elsewhere = inclusion(block=101, block_hash="y")
    steps = decide(story.now, included(elsewhere, 101), 0, POLICY)
    assert steps == [TransactionOrphaned(key="k"), TransactionMined(key="k", inclusion=elsewhere)]


def test_a_strangers_nonce_is_believed_only_after_a_while() -> None:
    story = Story(sent())
    story.look(replace(NOTHING, chain_nonce=6), at_s=5)
    assert story.now.overtaken_ns == 5 * SECOND and story.now.state is TransactionState.SENT
    assert story.look(replace(NOTHING, chain_nonce=6), at_s=14.9) == []
    assert not story.now.is_terminal
    story.look(replace(NOTHING, chain_nonce=6), at_s=15)
    assert story.now.state is TransactionState.FAILED and "nonce 5" in story.now.reason


def test_a_late_receipt_clears_the_suspicion() -> None:
    story = Story(sent(), TransactionOvertaken(key="k", noticed_ns=1))
    story.look(included(inclusion(), 100), at_s=60)
    assert story.now.state is TransactionState.MINED and story.now.overtaken_ns == 0


def test_reverted_and_cancelled_end_differently() -> None:
    story = Story(sent())
    story.look(included(inclusion(succeeded=False), 110))
    assert story.now.state is TransactionState.FAILED and story.now.reason == "reverted"
    story = Story(sent(), TransactionSigned(key="k", attempt=attempt("c", cancels=True)))
    story.look(included(inclusion("c"), 110))
    assert story.now.state is TransactionState.REPLACED and not story.now.succeeded


@mark.parametrize("code", ["fee_too_low", "replacement_underpriced"])
def test_refused_fees_are_raised(code: str) -> None:
    assert after_refusal(Story().now, code, "", True) == [RaiseFees(key="k")]


def test_refused_for_good_fails_only_what_never_left_and_blocks_nobody() -> None:
    story = Story()
    failed = TransactionFailed(key="k", reason="insufficient_funds: poor")
    assert after_refusal(story.now, "insufficient_funds", "poor", True) == [failed]
    assert after_refusal(story.now, "insufficient_funds", "poor", False) == []
    assert after_refusal(Story(sent()).now, "insufficient_funds", "poor", True) == []
    assert after_refusal(story.now, "nonce_too_low", "", True) == []


def test_nonces_leave_no_hole_and_failed_ones_are_used_again() -> None:
    ledger = Ledger([planned("a", 5), TransactionSigned(key="a", attempt=attempt("a"))])
    assert ledger.next_nonce(5) == 6 and ledger.next_nonce(9) == 9
    ledger.apply(planned("b", 6))
    assert ledger.next_nonce(5) == 7 and [each.key for each in ledger.open()] == ["a", "b"]
    ledger.apply(TransactionFailed(key="b", reason="refused"))
    assert ledger.next_nonce(5) == 6


@mark.parametrize(
    "record",
    [
        planned(),
        TransactionSent(key="k", hash="nobody's", sent_ns=1),
        TransactionMined(key="k", inclusion=inclusion("nobody's")),
        TransactionConfirmed(key="k"),
        TransactionOrphaned(key="k"),
        TransactionFinalized(key="k"),
        TransactionSent(key="never planned", hash="a", sent_ns=1),
    ],
)  # fmt: skip
def test_what_cannot_follow_is_refused_and_changes_nothing(record: AnyRecord) -> None:
    story = Story()
    before = story.now
    with raises(TransitionInvalid):
        story.ledger.apply(record)
    assert story.now == before


def test_nothing_follows_an_end() -> None:
    story = Story(TransactionFailed(key="k", reason="over"))
    for record in (sent(), TransactionMined(key="k", inclusion=inclusion()), TransactionFailed(key="k", reason="x")):
        with raises(TransitionInvalid):
            story.ledger.apply(record)


def test_bumps_raise_both_fields_by_an_eighth_within_the_caps() -> None:
    policy = GasPolicy(tip_wei=GWEI, fee_max_wei=10 * GWEI, cost_max_wei=10**18)
    fees = policy.first_fees(GWEI)
    assert fees == Fees(max_fee=3 * GWEI, tip=GWEI)
    bumps = 0
    while bumped := policy.bumped_fees(fees, GWEI, 100_000):
        assert 8 * bumped.tip >= 9 * fees.tip and 8 * bumped.max_fee >= 9 * fees.max_fee
        assert bumped.max_fee <= policy.fee_max_wei
        fees, bumps = bumped, bumps + 1
    assert bumps >= 8
    assert policy.bumped_fees(Fees(max_fee=GWEI, tip=1), GWEI, 10**12) is None, "over the budget"


def test_a_spike_is_met_with_the_least_that_passes() -> None:
    policy = GasPolicy(tip_wei=GWEI, fee_max_wei=10 * GWEI)
    bumped = policy.bumped_fees(Fees(max_fee=3 * GWEI, tip=GWEI), 7 * GWEI, 100_000)
    assert bumped is not None and 8 * GWEI < bumped.max_fee <= 10 * GWEI
    with raises(RequestRefused, match="fee_cap"):
        policy.first_fees(10 * GWEI)
    assert policy.first_fees(8 * GWEI).max_fee == 10 * GWEI


def test_gas_limits() -> None:
    policy = GasPolicy(gas_limit_max=200_000)
    assert policy.gas_limit(100_001) == 125_002
    with raises(RequestRefused, match="gas_limit"):
        policy.gas_limit(160_001)
    with raises(RequestRefused, match="gas_budget"):
        GasPolicy(cost_max_wei=10**14).check_cost(100_000, Fees(max_fee=2 * GWEI, tip=1))


@mark.parametrize(
    "values", [{"confirmations": 0}, {"confirmations": 13}, {"bump_after_s": 0.0}, {"overtaken_after_s": -1.0}]
)
def test_policies_that_make_no_sense_are_refused(values: dict[str, float]) -> None:
    with raises(ValueError):
        ResendPolicy(**values)  # type: ignore[arg-type]
    with raises(ValueError):
        GasPolicy(tip_wei=2, fee_max_wei=1)
