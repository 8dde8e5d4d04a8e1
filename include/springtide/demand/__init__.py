"""Where demand comes from: measured series, always with their unit."""
