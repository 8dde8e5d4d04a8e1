"""What an operator writes: policies as typed, frozen values, and their files, read with every error at once."""
