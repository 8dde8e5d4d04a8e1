"""The only place that knows the Kubernetes client: calls, objects, errors, timeouts."""
