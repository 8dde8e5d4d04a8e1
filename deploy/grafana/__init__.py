"""The dashboards, as the code that makes their JSON: `python -m deploy.grafana` writes it anew."""
