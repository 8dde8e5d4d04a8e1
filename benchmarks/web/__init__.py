"""Many requests at once to REST, over loopback."""
