"""Venues: pure codecs (bytes <-> events) of each exchange, and the small shell that they share. See README.md."""
