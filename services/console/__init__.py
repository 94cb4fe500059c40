"""The operator's program: up, down, status, logs, kill, rearm, doctor, report."""
