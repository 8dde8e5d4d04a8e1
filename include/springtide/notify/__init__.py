"""What people are told: facts, who wants them, their words, and that each is told once."""
