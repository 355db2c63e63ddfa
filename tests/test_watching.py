"""What wakes the operator, and the board: as Prometheus reads them, over the product's figures."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.metrics import MetricWrapperBase

from bot.telemetry import PLACES
from tests.programs import needed

ROOT = Path(__file__).parent.parent
FILE = ROOT / "deploy" / "alerts.yaml"
ALERTS: dict[str, Any] = yaml.safe_load(FILE.read_text("utf-8"))
BOARD: dict[str, Any] = json.loads((ROOT / "deploy" / "grafana.json").read_text("utf-8"))
RULES = [rule for group in ALERTS["groups"] for rule in group["rules"]]
QUESTIONS = [
    *(rule["expr"] for rule in RULES),
    *(target["expr"] for panel in BOARD["panels"] for target in panel["targets"]),
]
UNALARMED = {"contended", "demo"}
"""Faults that nobody is told of: another process had to come first; a demonstration."""


def series() -> dict[str, set[str]]:
    """Every series at ``/metrics`` with its labels, before anything is counted."""
    import bot.notices.gauges
    import bot.telemetry

    found: dict[str, set[str]] = {}
    for module in (bot.telemetry, bot.notices.gauges):
        for metric in vars(module).values():
            if isinstance(metric, MetricWrapperBase):
                labels = set(metric._labelnames)
                for ending in ("", "_total", "_bucket", "_sum", "_count"):
                    found[f"{metric._name}{ending}"] = labels
    return found


@pytest.mark.parametrize("question", QUESTIONS)
def test_what_is_watched_is_counted(question: str) -> None:
    """Each series is one of ours, and each label one that it has."""
    known = series()
    asked = re.findall(r"(hesbot_\w+)(?:\{([^}]*)\})?", question)
    assert asked or question.startswith("up{")
    for name, labels in asked:
        assert name in known
        assert set(re.findall(r"(\w+)=", labels)) <= known[name]


# --- faults ---------------------------------------------------------------------------------------


def places_counted() -> Iterator[str]:
    """What the code counts faults under: ``fault(log, "step", …)``, ``FAULTS.labels("marks")``."""
    for path in (ROOT / "bot").rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text("utf-8"))):
            match call:
                case ast.Call(ast.Name("fault"), [_, ast.Constant(str(place)), *_]):
                    yield place
                case ast.Call(
                    ast.Attribute(ast.Name("FAULTS"), "labels"), [ast.Constant(str(place))]
                ):
                    yield place


def places_alarmed() -> set[str]:
    """The places of faults that any alert speaks of."""
    asked = " ".join(rule["expr"] for rule in RULES)
    named = re.findall(r'hesbot_faults_total\{where=~?"([^"]*)"', asked)
    return {place for each in named for place in each.split("|")}


def test_every_fault_has_its_place() -> None:
    assert set(places_counted()) == set(PLACES)


def test_somebody_is_told_of_every_fault() -> None:
    assert places_alarmed() == set(PLACES) - UNALARMED


def test_a_fault_is_there_at_zero_before_the_first() -> None:
    """Prometheus sees no growth in a series that is born with its first fault."""
    show = "import bot.telemetry, prometheus_client as p; print(p.generate_latest().decode())"
    shown = subprocess.run([sys.executable, "-c", show], capture_output=True, text=True, check=True)
    counted = re.findall(r'^hesbot_faults_total\{where="(\w+)"\} 0\.0$', shown.stdout, re.MULTILINE)
    assert sorted(counted) == sorted(PLACES)


# --- as Prometheus reads them ---------------------------------------------------------------------

FAULTS = 'hesbot_faults_total{where="%s", job="hesbot", instance="i"}'
FIRING = 'count(ALERTS{alertname="%s", alertstate="firing"}) or vector(0)'
AT_WORK = "0x30"
ONE = "0x10 1x20"
"""A figure looked at once a minute: ten times nothing, then one, and no more."""

CASES: list[tuple[str, str, str, int, bool]] = [
    ("HesbotDown", 'up{job="hesbot", instance="i"}', "1x10 0x20", 12, True),
    ("HesbotDown", 'up{job="hesbot", instance="i"}', "1x30", 12, False),
    ("HesbotDown", 'up{job="another", instance="i"}', "1x10 0x20", 12, False),
    ("HesbotRecordsDown", FAULTS % "records", "0x10 3+3x20", 13, True),
    ("HesbotRecordsDown", FAULTS % "contended", "0x10 3+3x20", 13, False),
    *(("HesbotOurMistake", FAULTS % place, ONE, 12, True) for place in ("step", "letter", "push")),
    ("HesbotOurMistake", FAULTS % "step", AT_WORK, 12, False),
    ("HesbotOurMistake", FAULTS % "step", ONE, 25, False),
    ("HesbotTimetableStands", FAULTS % "schedules", "0x5 1+1x25", 14, True),
    ("HesbotTimetableStands", FAULTS % "schedules", ONE, 12, False),
    ("HesbotSuspensionsLate", 'hesbot_queue_oldest_urgent_seconds{channel="c"}', "90x30", 4, True),
    ("HesbotSuspensionsLate", 'hesbot_queue_oldest_urgent_seconds{channel="c"}', "9x30", 4, False),
    ("HesbotSenderHalted", 'hesbot_sender_halted{channel="c"}', "0x5 1x20", 8, True),
    ("HesbotSenderHalted", 'hesbot_sender_halted{channel="c"}', AT_WORK, 8, False),
    ("HesbotHeld", 'hesbot_queue_held{channel="c"}', "2x60", 40, True),
    ("HesbotHeld", 'hesbot_queue_held{channel="c"}', "2x20 0x40", 40, False),
    (
        "HesbotForgedWebhooks",
        'hesbot_refused_requests_total{channel="c", why="signature"}',
        "0+20x40",
        30,
        True,
    ),
    (
        "HesbotForgedWebhooks",
        'hesbot_refused_requests_total{channel="c", why="unused"}',
        "0+20x40",
        30,
        False,
    ),
    ("HesbotMinistrySilent", 'hesbot_errands_total{outcome="unchecked"}', "0+5x60", 40, True),
    ("HesbotMinistrySilent", 'hesbot_errands_total{outcome="unchecked"}', "0+1x60", 40, False),
]


def test_every_alert_is_tried_both_ways() -> None:
    tried = {(name, fires) for name, *_, fires in CASES}
    assert tried == {(rule["alert"], fires) for rule in RULES for fires in (True, False)}


def test_each_alert_fires_when_it_should_and_only_then(tmp_path: Path) -> None:
    tests = [
        {
            "name": f"{name} {figure} {values} at {minute}",
            "interval": "1m",
            "input_series": [{"series": figure, "values": values}],
            "promql_expr_test": [
                {
                    "expr": FIRING % name,
                    "eval_time": f"{minute}m",
                    "exp_samples": [{"labels": "{}", "value": int(fires)}],
                }
            ],
        }
        for name, figure, values, minute, fires in CASES
    ]
    plan = tmp_path / "tests.yaml"
    plan.write_text(yaml.safe_dump({"rule_files": [str(FILE)], "tests": tests}))
    done = subprocess.run(
        [needed("promtool"), "test", "rules", str(plan)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_an_alert_says_what_to_do() -> None:
    """In a line, and whether somebody is woken."""
    names = [rule["alert"] for rule in RULES]
    assert len(names) == len(set(names))
    for rule in RULES:
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert rule["annotations"]["summary"]
        assert rule["annotations"]["todo"]


# --- the board ------------------------------------------------------------------------------------


def test_the_board_can_be_loaded() -> None:
    """Every panel has a place of its own and asks the source that is chosen."""
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in BOARD["panels"]]
    assert len(places) == len(set(places))
    assert {panel["datasource"]["uid"] for panel in BOARD["panels"]} == {"${prometheus}"}
    assert BOARD["templating"]["list"][0]["name"] == "prometheus"
