"""What each phase of a run means: one strategy per file behind one Protocol."""
