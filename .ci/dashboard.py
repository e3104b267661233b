#!/usr/bin/env python3
"""Writes the questions of the Grafana dashboard as rules, which promtool reads: `dashboard.py >rules.yml`."""

import json
import pathlib

ROOT = pathlib.Path(__file__).resolve().parent.parent


def questions(part):
    """Every `expr` below a part of the dashboard."""
    if isinstance(part, dict):
        if "expr" in part:
            yield part["expr"]
        for value in part.values():
            yield from questions(value)
    elif isinstance(part, list):
        for value in part:
            yield from questions(value)


def main():
    dashboard = json.loads((ROOT / "deploy/grafana/iclock.json").read_text())
    rules = []
    for number, question in enumerate(questions(dashboard)):
        # What Grafana puts in place of its variables.
        question = question.replace("$__rate_interval", "5m").replace("$instance", ".*")
        rules.append({"record": f"dashboard:{number}", "expr": question})
    assert rules, "the dashboard asks nothing"
    # JSON is YAML.
    print(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}, indent=1))


main()
