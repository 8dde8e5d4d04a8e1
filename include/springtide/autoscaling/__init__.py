"""The autoscaler that springtide writes for a service: its manifests, what differs, and applying that."""
