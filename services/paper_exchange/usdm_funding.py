"""Funding of perpetuals as USD-M shows it: the rate of the last payment, and the payments before it."""

from services.paper_exchange.usdm_wire import ContractWire, decimal_text
from services.paper_exchange.wire import Json
