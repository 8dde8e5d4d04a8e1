"""What an operator writes of known events."""
