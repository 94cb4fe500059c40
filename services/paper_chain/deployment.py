"""Which contracts stand where. One deployer deploys in a fixed order, so the addresses are known beforehand."""

from dataclasses import dataclass

import msgspec
from eth_abi.abi import encode as abi_encode

from common.chain import factory
from common.chain.addresses import ZERO_ADDRESS, created_address, pool_address
from common.chain.node import Node
from common.model.errors import ConfigInvalid
from common.runtime.fleet import ContractAddresses
from services.paper_chain import artifacts
from services.paper_chain.actor import Actor

BASE_DECIMALS, QUOTE_DECIMALS = 18, 6
DEPLOYER = "deployer"


@dataclass(frozen=True)
class Deployment:
    """Creation codes in the order of the deployer's nonces, and the addresses that follow from it."""

    codes: tuple[bytes, ...]
    created: tuple[str, ...]
    contracts: ContractAddresses


def plan_deployment(deployer: str, fee_ppm: int, *, base_is_token0: bool = False) -> Deployment:
    """Everything before anything is sent. Whichever token shall be token0 takes the smaller of two addresses."""
    first, second, makes, routes, manages, quotes = (created_address(deployer, nonce) for nonce in range(6))
    base_first = (int(first, 16) < int(second, 16)) == base_is_token0
    base, quote = (first, second) if base_first else (second, first)
    weth = artifacts.creation_code(artifacts.WETH)
    usdc = artifacts.creation_code(artifacts.PAPER_TOKEN) + abi_encode(
        ["string", "string", "uint8"], ["USD Coin (paper)", "USDC", QUOTE_DECIMALS]
    )
    pair = abi_encode(["address", "address"], [makes, base])
    # The third argument describes NFTs in tokenURI only; nobody reads it here.
    triple = abi_encode(["address", "address", "address"], [makes, base, ZERO_ADDRESS])
    codes = (
        *((weth, usdc) if base_first else (usdc, weth)),
        artifacts.creation_code(artifacts.FACTORY),
        artifacts.creation_code(artifacts.ROUTER) + pair,
        artifacts.creation_code(artifacts.POSITION_MANAGER) + triple,
        artifacts.creation_code(artifacts.QUOTER) + pair,
    )
    contracts = ContractAddresses(
        factory=makes, position_manager=manages, router=routes, quoter=quotes,
        base_token=base, quote_token=quote, pool=pool_address(makes, base, quote, fee_ppm),
    )  # fmt: skip
    return Deployment(codes, (first, second, makes, routes, manages, quotes), contracts)


def check_addresses(planned: ContractAddresses, configured: ContractAddresses, where: str) -> None:
    """Raise ConfigInvalid for the first configured address that is not the one that the deployment makes."""
    for name, address in msgspec.structs.asdict(planned).items():
        if getattr(configured, name) != address:
            raise ConfigInvalid("address", f"{where}: chain.contracts.{name}", address, getattr(configured, name))


async def deploy(node: Node, deployer: Actor, deployment: Deployment) -> int:
    """Deploy what is missing, in order; returns how many. A start that was cut off goes on where it stopped."""
    codes = await node.batch([("eth_getCode", [address, "latest"]) for address in deployment.created])
    missing = [code for code, found in zip(deployment.codes, codes, strict=True) if found == "0x"]
    if missing:
        await deployer.fill_purse()
    for code in missing:
        await deployer.create(code)
    return len(missing)


async def verify_pool(node: Node, contracts: ContractAddresses, fee_ppm: int) -> bool:
    """True if the factory has the pool. Raises ConfigInvalid if it has another one than configured."""
    found = await node.read(factory.get_pool(contracts.factory, contracts.base_token, contracts.quote_token, fee_ppm))
    if found not in (ZERO_ADDRESS, contracts.pool):
        raise ConfigInvalid("address", "chain.contracts.pool", found, contracts.pool)
    return found != ZERO_ADDRESS
