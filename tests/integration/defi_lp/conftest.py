"""The chain of tests/integration/chain, for the LP."""

from tests.integration.chain.conftest import anvil_url, chain

__all__ = ["anvil_url", "chain"]
