"""What happened: records of runs, where they are kept, and the metrics that follow from them."""
