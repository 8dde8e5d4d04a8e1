"""The alerts as an object of the Prometheus Operator, made from the rules file: `python -m springtide.cli.alert_rules`.

python -m springtide.cli.alert_rules deploy/prometheus/rules.yaml deploy/kubernetes/monitoring/prometheus-rule.yaml
"""

from __future__ import annotations

import argparse
import textwrap
from pathlib import Path
from typing import Final

PAGES: Final = "docs/"
"""Where the rules file says that the pages are: a path in the repository."""

_HEAD: Final = """\
# Made from deploy/prometheus/rules.yaml by `python -m springtide.cli.alert_rules`: change that one, then make this.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: springtide
  labels:
    app.kubernetes.io/name: springtide
spec:
"""


def prometheus_rule(rules: str, *, pages: str | None = None) -> str:
    """Return the PrometheusRule that holds the groups of `rules`, a rules file's text.

    `pages` is the address that takes the place of `docs/` in front of every runbook; None leaves it.
    """
    groups = rules[rules.index("groups:") :]
    if pages is not None:
        base = f"{pages.rstrip('/')}/"
        groups = groups.replace(f"runbook_url: {PAGES}", f"runbook_url: {base}")
    return _HEAD + textwrap.indent(groups, "  ")


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rules", type=Path, help="The rules file.")
    parser.add_argument("made", type=Path, help="The file to write.")
    parser.add_argument("--pages", help="The address of these pages, such as https://docs.example.com/springtide/.")
    asked = parser.parse_args()
    text = asked.rules.read_text(encoding="utf-8")
    asked.made.write_text(prometheus_rule(text, pages=asked.pages), encoding="utf-8")


if __name__ == "__main__":
    _main()
