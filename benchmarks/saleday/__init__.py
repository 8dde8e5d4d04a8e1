"""A sale day in fast time: two announced flash sales, prepared, held and released on the embedded cluster."""
