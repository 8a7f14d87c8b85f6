"""The alert rules and the dashboard are checked against ``/metrics``, and by promtool."""

import json
import re
import shutil
import subprocess

import pytest

from models.vocabulary import Measure
from services.journal.status import JournalStatus
from tests.conftest import KEY, NOW
from tests.engines import ROOT
from tests.health import store_counts, store_status
from tests.payloads import group_created

PROMETHEUS = ROOT / "deploy" / "prometheus"
RULES = (PROMETHEUS / "alerts.yml").read_text()
DASHBOARD = json.loads((ROOT / "deploy" / "grafana" / "chat-lifecycle-log.json").read_text())
EXPRESSIONS = [
    target["expr"].replace("$__rate_interval", "5m")
    for panel in DASHBOARD["panels"]
    for target in panel["targets"]
]
NAME = re.compile(r"chat_lifecycle_log_\w+")


def promtool(*arguments, **options):
    if not shutil.which("promtool"):
        pytest.skip("no promtool here")
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, **options)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_fires_when_it_should():
    promtool("test", "rules", "alerts_test.yml", cwd=PROMETHEUS)


def test_every_alert_is_seen_to_fire_and_not_to_fire():
    alerts = re.findall(r"- alert: (\w+)", RULES)
    tests = (PROMETHEUS / "alerts_test.yml").read_text()

    assert len(alerts) == 17
    for alert in alerts:
        assert re.search(rf"alertname: {alert}\n +exp_alerts:", tests), alert
        assert re.search(rf"alertname: {alert} }}", tests), alert


def test_what_the_guide_alerts_on_has_a_rule():
    guide = (ROOT / "docs" / "operating.md").read_text()
    watch = guide.partition("## Watch")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)`.* \| (.+) \|$", watch, re.MULTILINE)
    alerting = {name for name, alert in rows if len(alert) > 1}  # a dash has none

    assert len(alerting) == 15
    for name in alerting:
        assert f"chat_lifecycle_log_{name}" in RULES, name


def test_expressions_of_the_dashboard_are_well_formed(tmp_path):
    rules = [{"record": f"panel:{n}", "expr": one} for n, one in enumerate(EXPRESSIONS)]
    generated = tmp_path / "rules.yml"
    generated.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))

    promtool("check", "rules", generated)


@pytest.mark.parametrize("where", ["alerts", "dashboard"])
def test_every_metric_that_is_asked_for_is_there(where, deliver, client, database_url):
    deliver(group_created())
    store_status(client, JournalStatus(at=NOW))
    store_counts(
        database_url,
        (NOW.replace(second=0, microsecond=0), Measure.DELAY_MICROSECONDS, "1", "", "", 1),
    )
    shown = client.get("/metrics", headers={"Authorization": f"Bearer {KEY}"}).text
    there = set(re.findall(r"^(chat_lifecycle_log_\w+)[{ ]", shown, re.MULTILINE))
    text = RULES if where == "alerts" else " ".join(EXPRESSIONS)

    assert set(NAME.findall(text)) - {"chat_lifecycle_log"} <= there


def test_every_label_that_is_asked_for_is_there(deliver, client):
    deliver(group_created())
    shown = client.get("/metrics", headers={"Authorization": f"Bearer {KEY}"}).text
    labels = {"le", *re.findall(r'[{,](\w+)="', shown)}
    used = {
        name.strip()
        for text in (RULES, *EXPRESSIONS)
        for names in re.findall(r"(?:by|on) \(([\w, ]+)\)", text)
        for name in names.split(",")
    }

    assert used <= labels
