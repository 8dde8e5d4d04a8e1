"""springtide scales Kubernetes services safely; see docs/architecture.md."""

__version__ = "0.1.0"
