"""The wallet before and after a saga, to the wei."""

from common.chain.heads import KnownBlocks
from common.strategy.lp_book import Saga
from common.strategy.lp_records import Amounts, Gains, Purse, Settlement
from common.strategy.lp_saga import settle
from services.defi_lp.actor import Actor
from services.defi_lp.reading import Reading


def purse_of(reading: Reading) -> Purse:
    """What lies in the wallet itself as of a reading."""
    return Purse(
        block_number=reading.head.number, block_hash=reading.head.hash,
        tokens=Amounts.of(reading.holdings.idle_base, reading.holdings.idle_quote),
        native_wei=str(reading.native_wei),
    )  # fmt: skip


def settlement_of(saga: Saga, reading: Reading, known: KnownBlocks, actor: Actor) -> Settlement:
    """What the saga's receipts explain of the wallet's change since it began."""
    before = saga.begun.purse
    beside = actor.gas_beside_steps(before.block_number, reading.head.number)
    gains = saga.gains.plus(Gains(gas_wei=str(beside)))
    return settle(before, purse_of(reading), gains, _stands(before, known))


def _stands(purse: Purse, known: KnownBlocks) -> bool:
    """Whether the purse's block is still part of the chain: older ones than we follow are taken to be."""
    blocks = known.blocks
    if not blocks or purse.block_number > blocks[-1].number:
        return False
    return purse.block_number < blocks[0].number or known.knows(purse.block_hash)
