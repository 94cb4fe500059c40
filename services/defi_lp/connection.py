"""From a configuration to a checked chain, wallet and pool: waits for what is not there yet, refuses what is wrong."""

import asyncio
from pathlib import Path
from typing import NamedTuple

from common.chain.node import Node
from common.chain.wallet import Wallet, load_wallet
from common.chain.writer import TransactionJournal, TransactionWriter
from common.model.errors import OutcomeUnknown, PeerUnavailable
from common.runtime.fleet import ChainAccess
from common.runtime.logging import Log
from services.defi_lp.config import DefiLpConfig
from services.defi_lp.contracts import Venue, find_venue

RETRY_S = 0.25


class Connection(NamedTuple):
    """Everything that is needed to live on the chain."""

    node: Node
    wallet: Wallet
    writer: TransactionWriter
    venue: Venue


async def connect(
    config: DefiLpConfig, chain: ChainAccess, node: Node, key_file: Path, journal: TransactionJournal, log: Log
) -> Connection:
    """Waits for node, key file and pool, whoever brings them. Raises ConfigInvalid if they are not what they should be.

    The key is only ever read: whoever pays the wallet makes it.
    """
    told = ""
    while True:
        try:
            missing = await _missing(config, chain, node, key_file, journal)
        except (PeerUnavailable, OutcomeUnknown) as error:
            missing = str(error)
        if isinstance(missing, Connection):
            return missing
        if missing != told:
            log.info("lp.waiting", reason=missing)
            told = missing
        await asyncio.sleep(RETRY_S)


async def _missing(
    config: DefiLpConfig, chain: ChainAccess, node: Node, key_file: Path, journal: TransactionJournal
) -> Connection | str:
    if not key_file.exists():
        return f"no wallet key at {key_file}"
    wallet = load_wallet(key_file)
    venue = await find_venue(node, chain, config)
    if venue is None:
        return f"no pool with a price at {chain.contracts.pool}"
    writer = TransactionWriter(node, wallet, journal, chain_id=chain.chain_id, gas=config.gas, resend=config.resend)
    await writer.start()
    return Connection(node, wallet, writer, venue)
