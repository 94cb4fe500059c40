"""What a node says when it says no: one stable code per cause, whatever the node's wording.

Codes: reverted, nonce_too_low, already_known, replacement_underpriced, fee_too_low, insufficient_funds,
gas_too_low, unknown_block, rpc_<number>.
"""

from typing import Any

from eth_abi.abi import decode as abi_decode
from eth_abi.exceptions import DecodingError
from eth_utils.crypto import keccak

from common.model.errors import RequestRefused

ERROR_SELECTOR = keccak(b"Error(string)")[:4]
PANIC_SELECTOR = keccak(b"Panic(uint256)")[:4]

# Wordings of geth, reth/anvil and erigon, lower case; the first that is contained decides.
_CODES = (
    ("already known", "already_known"),
    ("already imported", "already_known"),
    ("alreadyknown", "already_known"),
    ("nonce too low", "nonce_too_low"),
    ("replacement transaction underpriced", "replacement_underpriced"),
    ("transaction underpriced", "fee_too_low"),
    ("less than block base fee", "fee_too_low"),
    ("fee cap less than", "fee_too_low"),
    ("insufficient funds", "insufficient_funds"),
    ("intrinsic gas too low", "gas_too_low"),
    ("out of gas", "gas_too_low"),
    ("unknown block", "unknown_block"),
    ("block not found", "unknown_block"),
    ("blocknotfound", "unknown_block"),
    ("execution reverted", "reverted"),
)


def refusal_from(error: dict[str, Any]) -> RequestRefused:
    """The node's error object as RequestRefused; of a revert the detail is the contract's own reason."""
    message, data = str(error.get("message", "")), error.get("data")
    lowered = message.lower()
    code = next((code for text, code in _CODES if text in lowered), f"rpc_{error.get('code', 0)}")
    if error.get("code") == 3 or code == "reverted":
        return RequestRefused("reverted", revert_reason(data) or message)
    return RequestRefused(code, message)


def revert_reason(data: Any) -> str:
    """Why a contract reverted: the text of `Error(string)`, `panic 0x11`, an unknown selector as hex, or ""."""
    if not isinstance(data, str) or not data.startswith("0x"):
        return ""
    try:
        raw = bytes.fromhex(data[2:])
        if raw[:4] == ERROR_SELECTOR:
            return str(abi_decode(["string"], raw[4:])[0])
    except (ValueError, DecodingError):
        # Whoever wrote it, a refusal stays a refusal.
        return f"unreadable reason {data[:74]}"
    if raw[:4] == PANIC_SELECTOR:
        return f"panic {int.from_bytes(raw[4:36]):#x}"
    return raw[:4].hex() and f"custom error 0x{raw[:4].hex()}"
