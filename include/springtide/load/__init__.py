"""HTTP load that is bounded in rate, time and count, and counts every failed request."""
