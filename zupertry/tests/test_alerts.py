"""The alerts: that they are of the shape Prometheus takes, and ask for nothing that the service does not tell."""

import re
from typing import Any

import pytest
import yaml
from django.urls import URLPattern, URLResolver, get_resolver

from zupertry.core import metrics
from zupertry.testing.service import ROOT
from zupertry.tests.test_metrics import exported

FOLDER = ROOT / "deploy" / "prometheus"
RULES: list[dict[str, Any]] = yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"][0]["rules"]
NAMES = [
    "ZupertryDown",
    "ZupertryNotReady",
    "ApiErrors",
    "ApiSlow",
    "QueueStuck",
    "QueueGrowing",
    "JobsFailing",
    "EngineErrors",
    "WorkersSilent",
    "WebhooksFailing",
    "LedgerDrift",
    "PaymentsUnreconciled",
    "GatewayErrors",
    "SweeperFinds",
    "DatabasePoolExhausted",
    "CanarySilent",
]
# Prometheus makes this one itself; the scrape configuration gives these labels.
OF_PROMETHEUS, ADDED = {"up": ("job",)}, {"job", "instance", "process", "le"}
WORDS = {"and", "or", "by", "unless", "on", "without", "ignoring"}
DURATION = re.compile(r"\d+[smhd]")


def bare(expression: str) -> str:
    """Return an expression without its strings, its ranges, and the labels that it groups by."""
    without_strings = re.sub(r'"[^"]*"', '""', expression)
    return re.sub(r"\b(by|on|without|ignoring)\s*\([^)]*\)|\[[^\]]*\]", " ", without_strings)


def metrics_in(expression: str) -> set[str]:
    """Return the names of series: words that are no function and no operator, outside braces."""
    names = re.findall(r"[A-Za-z_:][\w:]*(?!\w)(?!\s*\()", re.sub(r"\{[^}]*\}", " ", bare(expression)))
    return {name for name in names if name not in WORDS}


def labels_in(expression: str) -> dict[str, set[str]]:
    """Return the labels that each selector asks for, by the name of its series."""
    found: dict[str, set[str]] = {}
    for name, inside in re.findall(r"([A-Za-z_:][\w:]*)\{([^}]*)\}", bare(expression)):
        found.setdefault(name, set()).update(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", inside))
    return found


def test_the_file_has_one_group_of_the_agreed_alerts() -> None:
    content = yaml.safe_load((FOLDER / "alerts.yml").read_text())
    assert content.keys() == {"groups"}
    (group,) = content["groups"]
    assert group.keys() == {"name", "rules"}
    assert [rule["alert"] for rule in RULES] == NAMES


@pytest.mark.parametrize("rule", RULES, ids=NAMES)
def test_each_alert_has_what_prometheus_and_people_need(rule: dict[str, Any]) -> None:
    assert rule.keys() - {"for"} == {"alert", "expr", "labels", "annotations"}
    assert DURATION.fullmatch(rule.get("for", "0s"))
    assert rule["labels"].keys() == {"severity"}
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert rule["annotations"].keys() == {"summary", "runbook_url"}
    assert rule["annotations"]["runbook_url"] == f"docs/operations/runbook.md#{rule['alert'].lower()}"
    for opening, closing in ("()", "[]", "{}"):
        assert rule["expr"].count(opening) == rule["expr"].count(closing)


@pytest.mark.parametrize("rule", RULES, ids=NAMES)
def test_each_alert_asks_only_for_what_is_told(rule: dict[str, Any]) -> None:
    series = {name: one.labels for name, one in exported().items()} | OF_PROMETHEUS
    asked = metrics_in(rule["expr"])
    assert asked
    assert asked <= series.keys()
    for name, labels in labels_in(rule["expr"]).items():
        assert labels <= {*series[name], *ADDED}, name
    grouped = {label.strip() for labels in re.findall(r"by \(([^)]*)\)", rule["expr"]) for label in labels.split(",")}
    known = {label for name in asked for label in series[name]} | ADDED
    assert grouped <= known
    assert set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"])) <= known


def test_what_reads_names_out_of_expressions_finds_them() -> None:
    """Else the test above would pass with anything."""
    expression = 'sum by (a) (rate(x_total{b=~"y_total|c",d!="e"}[5m])) / max(z) > 1e3 and on (f) (w or vector(0)) == 0'
    assert metrics_in(expression.replace("1e3", "1000")) == {"x_total", "z", "w"}
    assert labels_in(expression) == {"x_total": {"b", "d"}}


def names(patterns: list[URLPattern | URLResolver]) -> set[str]:
    """Return the names of routes, those of includes too."""
    found: set[str] = set()
    for pattern in patterns:
        found |= names(pattern.url_patterns) if isinstance(pattern, URLResolver) else {str(pattern.name)}
    return found


def test_a_slow_api_is_that_of_every_route_below_v1() -> None:
    (slow,) = [rule["expr"] for rule in RULES if rule["alert"] == "ApiSlow"]
    (asked,) = re.findall(r'route=~"([^"]*)"', slow)
    (below,) = [one for one in get_resolver().url_patterns if str(one.pattern) == "v1/"]
    assert isinstance(below, URLResolver)
    assert set(asked.split("|")) == names(below.url_patterns)


def test_the_example_of_a_scrape_reads_these_alerts_and_names_each_process() -> None:
    content = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
    assert content["rule_files"] == ["alerts.yml"]
    (job,) = content["scrape_configs"]
    assert (job["job_name"], job["metrics_path"]) == ("zupertry", "/metrics")
    assert [config["labels"]["process"] for config in job["static_configs"]] == ["web", "worker", "beat"]


def test_every_gauge_of_the_service_is_declared_with_words() -> None:
    assert all(one.documentation.endswith((".", ")", "never")) for one in metrics.SCRAPED.values())
