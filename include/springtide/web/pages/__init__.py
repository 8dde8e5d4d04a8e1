"""Pages: HTML from templates under `/pages`; each module has `router(surroundings)`, and what a page does is a call of REST."""
