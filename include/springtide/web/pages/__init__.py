"""Pages: HTML from templates under `/pages`; each module has `router(surroundings)`, and writes by calls of REST."""
