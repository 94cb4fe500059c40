"""The fleet: one folder a process."""
