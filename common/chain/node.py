"""The node as Ethereum speaks: typed reads, and the one write that matters."""

from collections.abc import Collection, Sequence
from typing import Any, TypeVar

from common.chain.abi import Call
from common.chain.blocks import Head, Log, Receipt, parse_bytes, parse_head, parse_log, parse_quantity, parse_receipt
from common.chain.rpc import Request, RpcClient
from common.model.errors import RequestRefused

T = TypeVar("T")
# "latest", a block number, or a block hash (which never silently means another block).
Block = str | int


class Node(RpcClient):
    """Reads and sends. All methods raise PeerUnavailable and RequestRefused as RpcClient says."""

    async def read(self, call: Call[T], block: Block = "latest", sender: str | None = None) -> T:
        """eth_call of one contract call at one block, as `sender` if given; a revert is RequestRefused("reverted")."""
        answer = await self.request(*_eth_call(call, block, sender))
        return call.decode(self.understand("eth_call", parse_bytes, answer))

    async def read_many(self, calls: Sequence[Call[Any]], block: Block = "latest", sender: str | None = None) -> Any:
        """Several contract calls in one round trip, as a list in their order; the first refusal is raised."""
        requests = [_request(_eth_call(call, block, sender)) for call in calls]
        return self._decoded(calls, await self.batch(requests))

    async def read_outcomes(
        self, calls: Sequence[Call[Any]], block: Block = "latest", sender: str | None = None
    ) -> list[Any]:
        """As `read_many`, but a refusal (a revert, say) stands in the list in place of its value."""
        requests = [_request(_eth_call(call, block, sender)) for call in calls]
        return self._decoded(calls, await self.batch_outcomes(requests))

    async def read_owned(self, calls: Sequence[Call[Any]], block: Block, owner: str) -> tuple[int, list[Any]]:
        """As `read_outcomes` with `owner` as sender, and the owner's native coin (wei), all in one round trip."""
        requests = [_request(_eth_call(call, block, owner)) for call in calls]
        balance, *results = await self.batch_outcomes([("eth_getBalance", [owner, _tag(block)]), *requests])
        if isinstance(balance, RequestRefused):
            raise balance
        return self.understand("eth_getBalance", parse_quantity, balance), self._decoded(calls, results)

    async def head(self) -> Head:
        """The newest block."""
        found = await self.request("eth_getBlockByNumber", "latest", False)
        return self.understand("eth_getBlockByNumber", parse_head, found)

    async def block(self, block_hash: str) -> Head | None:
        """One block by its hash, or None if this node does not know it."""
        found = await self.request("eth_getBlockByHash", block_hash, False)
        return self.understand("eth_getBlockByHash", parse_head, found) if found else None

    async def logs(self, block_hash: str, addresses: Sequence[str], topics: Collection[bytes] = ()) -> list[Log]:
        """Events of some contracts in exactly this block, with one of these first topics unless there are none given.

        RequestRefused("unknown_block") if the block is gone.
        """
        query: dict[str, Any] = {"blockHash": block_hash, "address": list(addresses)}
        if topics:
            query["topics"] = [["0x" + topic.hex() for topic in topics]]
        found = await self.request("eth_getLogs", query)
        return self.understand("eth_getLogs", lambda logs: [parse_log(log) for log in logs], found)

    async def receipts(self, transaction_hashes: Sequence[str]) -> list[Receipt | None]:
        """Receipts in the order asked; None for a transaction that is not mined on the present chain."""
        found = await self.batch([("eth_getTransactionReceipt", [name]) for name in transaction_hashes])
        method = "eth_getTransactionReceipt"
        return [self.understand(method, parse_receipt, receipt) if receipt else None for receipt in found]

    async def receipt(self, transaction_hash: str) -> Receipt | None:
        """One receipt, or None."""
        return (await self.receipts([transaction_hash]))[0]

    async def nonce(self, address: str) -> int:
        """How many transactions of this wallet are mined: the next nonce that the chain accepts."""
        return await self._quantity("eth_getTransactionCount", address, "latest")

    async def balance(self, address: str, block: Block = "latest") -> int:
        """Native coin of an address, in wei."""
        return await self._quantity("eth_getBalance", address, _tag(block))

    async def code(self, address: str) -> bytes:
        """The contract's code, empty if there is none."""
        return self.understand("eth_getCode", parse_bytes, await self.request("eth_getCode", address, "latest"))

    async def chain_id(self) -> int:
        """Which chain this is."""
        return await self._quantity("eth_chainId")

    async def estimate_gas(self, call: Call[Any], sender: str) -> int:
        """Gas that the call would use now; a revert is RequestRefused("reverted", reason)."""
        transaction = {"from": sender, "to": call.to, "data": "0x" + call.data.hex(), "value": hex(call.value)}
        return await self._quantity("eth_estimateGas", transaction)

    async def send_raw(self, raw: bytes) -> str:
        """Broadcast once, never repeated in here. OutcomeUnknown: look for its receipt before anything else."""
        return str(await self.request("eth_sendRawTransaction", "0x" + raw.hex()))

    async def _quantity(self, method: str, *params: Any) -> int:
        return self.understand(method, parse_quantity, await self.request(method, *params))

    def _decoded(self, calls: Sequence[Call[Any]], results: Sequence[Any]) -> list[Any]:
        return [
            result
            if isinstance(result, RequestRefused)
            else call.decode(self.understand("eth_call", parse_bytes, result))
            for call, result in zip(calls, results, strict=True)
        ]


def _eth_call(call: Call[Any], block: Block, sender: str | None) -> tuple[str, dict[str, str], Any]:
    transaction = {"to": call.to, "data": "0x" + call.data.hex()}
    if call.value:
        transaction["value"] = hex(call.value)
    if sender:
        transaction["from"] = sender
    return "eth_call", transaction, _tag(block)


def _request(parts: tuple[str, dict[str, str], Any]) -> Request:
    return parts[0], list(parts[1:])


def _tag(block: Block) -> Any:
    if isinstance(block, int):
        return hex(block)
    # EIP-1898: a read by hash fails when that block is not there, instead of answering for another one.
    return {"blockHash": block} if block.startswith("0x") else block
