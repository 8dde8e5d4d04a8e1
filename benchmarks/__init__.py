"""What things cost, as committed tables; nothing here is a test."""
