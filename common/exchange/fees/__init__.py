"""What a trade costs: the schedule, the volumes by which an account climbs it, and where each account stands."""
