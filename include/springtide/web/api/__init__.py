"""REST: JSON under `/api/v1`, one module a kind of thing; each has `router(surroundings)`."""
