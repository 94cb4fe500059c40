"""The dead-man's switch: open orders end when their owner has not been heard of for a while."""
