"""The order management system: every order passes here, exactly once, within limits, journaled before it is sent."""
