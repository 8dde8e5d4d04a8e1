"""Pages: HTML under `/pages`; each module has `router(surroundings)`."""
