"""From a file to values: the YAML document, validation with every error at once, folders, JSON Schema."""
