"""What survives a kill -9: journals, snapshots and the kill latch."""

from common.storage.journal import Entry, Journal, JournalReader
from common.storage.latch import Latch

__all__ = ["Entry", "Journal", "JournalReader", "Latch"]
