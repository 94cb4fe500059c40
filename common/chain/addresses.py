"""Addresses: their one spelling (EIP-55), and those that can be computed before a contract exists."""

from functools import lru_cache

from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from common.model.errors import InputInvalid

ZERO_ADDRESS = "0x" + "00" * 20
# keccak256 of the pool's creation code as published in @uniswap/v3-periphery 1.4.4, PoolAddress.POOL_INIT_CODE_HASH.
POOL_INIT_CODE_HASH = bytes.fromhex("e34f199b19b2b4f47f68442619d555527d244f78a3297ea89325f843f87b8b54")


@lru_cache(maxsize=4096)
def checksum(address: str) -> str:
    """The EIP-55 spelling, which is the only one used inside; raises InputInvalid if it is no address."""
    try:
        return str(to_checksum_address(address))
    except (ValueError, TypeError):
        raise InputInvalid("address", "chain", "20 bytes in hexadecimal with 0x", address) from None


def address_bytes(address: str) -> bytes:
    """The 20 bytes of an address; raises InputInvalid."""
    return bytes.fromhex(checksum(address)[2:])


def created_address(deployer: str, nonce: int) -> str:
    """Where a contract deployed by `deployer`'s transaction with this nonce comes to stand (CREATE)."""
    # RLP of [address, nonce]: both are short strings inside a short list (Yellow Paper, appendix B).
    number = nonce.to_bytes((nonce.bit_length() + 7) // 8)
    item = number if len(number) == 1 and number[0] < 0x80 else bytes([0x80 + len(number)]) + number
    payload = b"\x94" + address_bytes(deployer) + item
    return checksum("0x" + keccak(bytes([0xC0 + len(payload)]) + payload)[12:].hex())


def pool_address(factory: str, token_a: str, token_b: str, fee_ppm: int) -> str:
    """Where the factory puts the pool of two tokens and a fee (CREATE2); the order of the tokens does not matter."""
    token0, token1 = sort_tokens(token_a, token_b)
    salt = keccak(b"".join((bytes(12), address_bytes(token0), bytes(12), address_bytes(token1), fee_ppm.to_bytes(32))))
    return checksum("0x" + keccak(b"\xff" + address_bytes(factory) + salt + POOL_INIT_CODE_HASH)[12:].hex())


def sort_tokens(token_a: str, token_b: str) -> tuple[str, str]:
    """(token0, token1) as a pool orders them: by the number that the address is."""
    a, b = checksum(token_a), checksum(token_b)
    return (a, b) if int(a, 16) < int(b, 16) else (b, a)
