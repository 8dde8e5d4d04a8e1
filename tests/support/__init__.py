"""What the tests of several folders share: builders, a cluster in virtual time, trials of its faults, servers."""
