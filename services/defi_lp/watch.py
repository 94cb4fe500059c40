"""Looks for what does not fit: ranges that left, transactions that are not ours, failures in a row, missing tokens."""

from common.chain.clmm import ClmmAdapter
from common.chain.node import Node
from common.runtime.logging import Log
from common.strategy.lp_book import LpBook
from common.strategy.lp_guard import FOREIGN_NONCE, Alarm, GuardView, find_alarm, gas_alarm
from common.strategy.lp_records import Halted, NonceSeen
from common.strategy.lp_saga import SagaRules
from services.defi_lp.actor import Actor
from services.defi_lp.reading import Reading


class Watch:
    """Writes a halt down as soon as there is a reason for one; the lack of gas money comes and goes by itself."""

    def __init__(
        self, node: Node, adapter: ClmmAdapter, owner: str, actor: Actor, rules: SagaRules, log: Log
    ) -> None:  # fmt: skip
        self.gas_alarm: Alarm | None = None
        self.chain_nonce = 0
        self._suspected = False
        self._node, self._adapter, self._owner = node, adapter, owner
        self._actor, self._rules, self._log = actor, rules, log

    async def look(self, reading: Reading, now_ns: int) -> None:
        """After each new reading that holds all that we know of. Raises PeerUnavailable."""
        book = self._actor.book
        self.chain_nonce = await self._node.nonce(self._owner)
        own_nonce = self._actor.own_nonce
        if book.nonce is None and own_nonce == 0:
            self._actor.note(NonceSeen(nonce=self.chain_nonce))
        strays = await self._strays(reading)
        if book.halt:
            return
        if own_nonce is not None:
            own_nonce = max(own_nonce, book.nonce or 0)
        seen = GuardView(strays=strays, chain_nonce=self.chain_nonce, own_nonce=own_nonce)
        alarm = find_alarm(book, seen, self._rules)
        suspected, self._suspected = self._suspected, alarm is not None and alarm.reason == FOREIGN_NONCE
        # One count is no proof: of two nodes behind one address, one may know of our transaction before the other.
        if alarm and (alarm.reason != FOREIGN_NONCE or suspected):
            self._actor.note(Halted(reason=alarm.reason, detail=alarm.detail, time_ns=now_ns))
            self._log.error("lp.halted", reason=alarm.reason, detail=alarm.detail)

    def look_at_gas(self, reading: Reading, needed_wei: int) -> None:
        """Whether the wallet can pay for the next transaction of a keeper that has something to do."""
        alarm = gas_alarm(reading.native_wei, needed_wei)
        if alarm and not self.gas_alarm:
            self._log.error("lp.halted", reason=alarm.reason, detail=alarm.detail)
        if self.gas_alarm and not alarm:
            self._log.info("lp.gas_money_back", native_wei=reading.native_wei)
        self.gas_alarm = alarm

    def missing(self, reading: Reading) -> list[int]:
        """Token ids that our own transactions say are ours and the reading does not have."""
        owned = {each.token_id for each in reading.holdings.ranges} | {each.position_id for each in reading.strays}
        return sorted(set(self._actor.book.standing) - owned)

    async def _strays(self, reading: Reading) -> dict[int, str]:
        """Missing NFTs with their fate, once the chain is known to be the one on which we minted them."""
        book: LpBook = self._actor.book
        if book.pending or not self.missing(reading):
            return {}
        standing = book.standing
        await self._actor.forget(sorted({standing[token_id].step for token_id in self.missing(reading)}))
        missing = [] if book.pending else self.missing(reading)
        if not missing or any(standing[each].block_number > reading.head.number for each in missing):
            return {}
        calls = self._adapter.read_calls(self._owner, missing)
        _, outcomes = await self._node.read_owned(calls, reading.head.hash, self._owner)
        view = self._adapter.decode(outcomes, self._owner, missing)
        return {
            token_id: _fate(position.owner if position else "", self._owner)
            for token_id, position in zip(missing, view.positions, strict=True)
        }


def _fate(owner: str, ours: str) -> str:
    if not owner:
        return "was burned"
    return "was emptied" if owner == ours else f"belongs to {owner}"
