"""What anybody may ask an exchange: pure functions from it to Structs, and the table of them."""
