"""What the exit code of every command means; the table is part of `counterweight --help`."""

OK = 0
FAILED = 1
USAGE = 2
UNAVAILABLE = 69
BUSY = 75
CONFIG = 78

TABLE = """exit codes:
  0   done, healthy
  1   failed, or something is unhealthy
  2   wrong usage
  69  unavailable: what the command needs does not run or does not answer
  75  running already, or the role is taken
  78  configuration cannot be used; nothing was started"""
