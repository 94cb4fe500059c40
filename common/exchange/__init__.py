"""The exchange core: commands in, events out."""
