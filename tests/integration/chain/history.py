"""The whole chain from its first block to its head as one account: what a wallet got, spent and paid, to the wei.

Only blocks of the present chain count, so that whatever a reorganisation or a dead node took away is not in it. Where
a wallet's books and these differ, somebody lost or invented something.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

from common.chain.addresses import ZERO_ADDRESS, checksum
from common.chain.blocks import Log, Receipt, parse_log, parse_receipt
from common.chain.events import (
    LiquidityIncreased,
    NftTransferred,
    PositionCollected,
    TokenTransferred,
    decode_log,
)
from common.chain.node import Node
from common.runtime.fleet import ContractAddresses

PAGE = 200


class TokenFlow(NamedTuple):
    """Raw units of one token: from and to outsiders, into and out of pools."""

    deposited: int
    withdrawn: int
    provided: int
    returned: int

    @property
    def balance(self) -> int:
        """What must be in the wallet."""
        return self.deposited - self.withdrawn - self.provided + self.returned


class WalletHistory(NamedTuple):
    """One wallet. `native_from`: native coin received by value, by sender. `minted` are (token id, transaction hash) of
    NFTs made for it, in their order.
    """

    transactions: int
    failed: int
    gas_wei: int
    native_from: dict[str, int]
    native_out: int
    base: TokenFlow
    quote: TokenFlow
    minted: list[tuple[int, str]]

    @property
    def native(self) -> int:
        """What must be in the wallet, in wei."""
        return sum(self.native_from.values()) - self.native_out - self.gas_wei


async def read_logs(node: Node, addresses: Iterable[str]) -> list[Log]:
    """All events of some contracts on the present chain, in their order."""
    query = {"fromBlock": "0x0", "toBlock": "latest", "address": list(addresses)}
    return [parse_log(log) for log in await node.request("eth_getLogs", query)]


async def read_history(node: Node, at: ContractAddresses, wallet: str, pools: Iterable[str] = ()) -> WalletHistory:
    """Raises AssertionError if the contracts' own events do not fit each other."""
    pools = {at.pool, *pools}
    sent, native_from, native_out = await _native(node, wallet)
    logs = await read_logs(node, {at.base_token, at.quote_token, at.position_manager})
    flows = [_flow(logs, token, wallet, pools) for token in (at.base_token, at.quote_token)]
    _check_manager(logs, at, wallet, flows)
    minted = [
        (event.token_id, log.transaction_hash)
        for log in logs
        if isinstance(event := decode_log(log), NftTransferred) and log.address == at.position_manager
        if event.sender == ZERO_ADDRESS and event.recipient == wallet
    ]
    return WalletHistory(
        len(sent), sum(not each.succeeded for each in sent), sum(each.gas_used * each.gas_price for each in sent),
        native_from, native_out, *flows, minted,
    )  # fmt: skip


async def _native(node: Node, wallet: str) -> tuple[list[Receipt], dict[str, int], int]:
    """Receipts of all that the wallet signed, and native coin that came and went by value."""
    head = (await node.head()).number
    sent, came, went = list[str](), Counter[str](), 0
    for first in range(0, head + 1, PAGE):
        numbers = range(first, min(first + PAGE, head + 1))
        for block in await node.batch([("eth_getBlockByNumber", [hex(each), True]) for each in numbers]):
            assert block, f"the node has forgotten blocks {first} to {first + PAGE}: nothing can be accounted for"
            for each in block["transactions"]:
                is_ours, value = _same(each["from"], wallet), int(each["value"], 16)
                if value and each.get("to") and _same(each["to"], wallet):
                    came[checksum(each["from"])] += value
                if is_ours:
                    sent.append(each["hash"])
                    went += value
    receipts = []
    for first in range(0, len(sent), PAGE):
        found: list[Any] = await node.batch(
            [("eth_getTransactionReceipt", [name]) for name in sent[first : first + PAGE]]
        )
        receipts += [parse_receipt(each) for each in found]
    return receipts, came, went


def _flow(logs: list[Log], token: str, wallet: str, pools: set[str]) -> TokenFlow:
    flow = dict.fromkeys(TokenFlow._fields, 0)
    for log in logs:
        event = decode_log(log) if log.address == token else None
        if isinstance(event, TokenTransferred):
            if event.recipient == wallet:
                flow["returned" if event.sender in pools else "deposited"] += event.amount
            if event.sender == wallet:
                flow["provided" if event.recipient in pools else "withdrawn"] += event.amount
    return TokenFlow(**flow)


def _check_manager(logs: list[Log], at: ContractAddresses, wallet: str, flows: list[TokenFlow]) -> None:
    """The position manager's account of what went in and came out is the tokens' own account."""
    owners, provided, returned = dict[int, str](), [0, 0], [0, 0]
    for log in logs:
        event = decode_log(log) if log.address == at.position_manager else None
        if isinstance(event, NftTransferred):
            owners[event.token_id] = event.recipient
        elif isinstance(event, LiquidityIncreased) and owners.get(event.token_id) == wallet:
            provided = [provided[0] + event.amount0, provided[1] + event.amount1]
        elif isinstance(event, PositionCollected) and event.recipient == wallet:
            returned = [returned[0] + event.amount0, returned[1] + event.amount1]
    ordered = flows if int(at.base_token, 16) < int(at.quote_token, 16) else flows[::-1]
    assert provided == [each.provided for each in ordered], (provided, ordered)
    # The pool's rounding may pay the manager a unit less than it books for an NFT (common/amm/manager.py).
    assert all(0 <= told - each.returned <= 2 * len(owners) for told, each in zip(returned, ordered, strict=True)), (
        returned, ordered,
    )  # fmt: skip


def _same(one: str, other: str) -> bool:
    return one.lower() == other.lower()
