"""Known events: what is due when, in which order, how fast, and when it may be given back. Pure but for `known`."""
