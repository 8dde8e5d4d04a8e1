"""What is learned from the past: days, tuning, start-up times, how long runs take."""
