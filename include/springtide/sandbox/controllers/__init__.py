"""The control plane: one controller per file, each a deterministic step over the store and the time."""
