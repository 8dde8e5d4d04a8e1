"""The words that policies and calendars are written in: units, moments, parts, keys."""
