"""What is learned from the past, outside of any run: days of demand, models, tuned settings, durations of runs."""
