"""Somebody on the paper chain with a key of their own: signs, sends, and sees the receipt.

Only paper money moves here, so nothing is journaled: whoever starts anew asks the chain for the nonce.
"""

from typing import Any

from eth_utils.crypto import keccak

from common.chain.abi import Call
from common.chain.blocks import Receipt, parse_receipt
from common.chain.node import Node
from common.chain.wallet import Fees, TransactionRequest, Wallet
from common.model.errors import CounterweightError, RequestRefused

GWEI = 10**9
# Anybody can mint this chain's money, so its actors pay what it takes and are topped up at each start.
FEES = Fees(max_fee=1_000 * GWEI, tip=GWEI)
NATIVE_WEI = 10**24
GAS_LIMIT = 8_000_000


class Actor:
    """One account. Its key follows from its role, so that addresses are the same on every machine: worth nothing."""

    def __init__(self, node: Node, role: str, chain_id: int) -> None:
        self._node, self._chain_id = node, chain_id
        self._wallet = Wallet(keccak(f"counterweight paper chain: {role}".encode()))
        self.address = self._wallet.address
        self._nonce: int | None = None

    async def fill_purse(self) -> None:
        """Give the account native coin for gas and wrapping."""
        await self._node.request("anvil_setBalance", self.address, hex(NATIVE_WEI))

    async def send(self, call: Call[Any]) -> Receipt:
        """Carry out a call and return its receipt. Raises RequestRefused("reverted") when it was mined and failed.

        After any error the nonce is asked for again, so a lost answer costs one swap and no more.
        """
        request = TransactionRequest(to=call.to, data=call.data, gas_limit=GAS_LIMIT, value=call.value)
        return await self._send(request)

    async def create(self, code: bytes) -> Receipt:
        """Deploy a contract."""
        return await self._send(TransactionRequest(to="", data=code, gas_limit=GAS_LIMIT))

    async def _send(self, request: TransactionRequest) -> Receipt:
        if self._nonce is None:
            self._nonce = await self._node.nonce(self.address)
        signed = self._wallet.sign(request, self._nonce, FEES, self._chain_id)
        try:
            receipt = parse_receipt(await self._node.request("eth_sendRawTransactionSync", "0x" + signed.raw.hex()))
        except CounterweightError:
            self._nonce = None
            raise
        self._nonce += 1
        if not receipt.succeeded:
            raise RequestRefused("reverted", f"{receipt.transaction_hash} of {self.address}")
        return receipt
