"""The autoscaler that follows a tuned setting: its manifests, how the cluster differs from them, and applying that."""
