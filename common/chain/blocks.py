"""Blocks, logs and receipts as plain values, read from a node's JSON."""

from typing import Any

import msgspec

from common.chain.addresses import checksum


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """One block, by what matters here. `timestamp_s` is the chain's clock, fees are wei per gas."""

    number: int
    hash: str
    parent_hash: str
    timestamp_s: int
    base_fee: int


class Log(msgspec.Struct, frozen=True, kw_only=True):
    """One event as the chain stored it. `topics` and `data` are bytes; (block_hash, log_index) names it uniquely."""

    address: str
    topics: tuple[bytes, ...]
    data: bytes
    block_number: int
    block_hash: str
    transaction_hash: str
    log_index: int


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one mined transaction. `contract_address` is "" unless it created one."""

    transaction_hash: str
    block_number: int
    block_hash: str
    succeeded: bool
    gas_used: int
    gas_price: int
    contract_address: str
    logs: tuple[Log, ...]


def parse_head(block: dict[str, Any]) -> Head:
    """The answer to eth_getBlockBy…; like all of these it raises TypeError, KeyError or ValueError for what is none."""
    return Head(
        number=int(block["number"], 16),
        hash=_text(block["hash"]),
        parent_hash=_text(block["parentHash"]),
        timestamp_s=int(block["timestamp"], 16),
        base_fee=int(block.get("baseFeePerGas") or "0x0", 16),
    )


def parse_log(log: dict[str, Any]) -> Log:
    """One item of eth_getLogs or of a receipt."""
    return Log(
        address=checksum(log["address"]),
        topics=tuple(bytes.fromhex(topic[2:]) for topic in log["topics"]),
        data=bytes.fromhex(log["data"][2:]),
        block_number=int(log["blockNumber"], 16),
        block_hash=_text(log["blockHash"]),
        transaction_hash=_text(log["transactionHash"]),
        log_index=int(log["logIndex"], 16),
    )


def parse_receipt(receipt: dict[str, Any]) -> Receipt:
    """The answer to eth_getTransactionReceipt."""
    return Receipt(
        transaction_hash=_text(receipt["transactionHash"]),
        block_number=int(receipt["blockNumber"], 16),
        block_hash=_text(receipt["blockHash"]),
        succeeded=int(receipt["status"], 16) == 1,
        gas_used=int(receipt["gasUsed"], 16),
        gas_price=int(receipt.get("effectiveGasPrice") or "0x0", 16),
        contract_address=checksum(receipt["contractAddress"]) if receipt.get("contractAddress") else "",
        logs=tuple(parse_log(log) for log in receipt["logs"]),
    )


def parse_quantity(text: Any) -> int:
    """A number as a node writes it."""
    return int(_text(text), 16)


def parse_bytes(text: Any) -> bytes:
    """Bytes as a node writes them."""
    return bytes.fromhex(_text(text).removeprefix("0x"))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("a text is expected")
    return value
