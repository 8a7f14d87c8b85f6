"""The documentation is compared with the code."""

import re
import tomllib
from datetime import timedelta

from config import ReaderSettings, ReceiverSettings, RecorderSettings
from config.declared import KNOWN_NAMES
from schemas.tencent.registry import LIFECYCLE_SCHEMAS
from services.journal.status import JournalStatus
from tests.conftest import KEY, NOW
from tests.engines import ROOT
from tests.health import store_status
from tests.payloads import channel_created

README = (ROOT / "README.md").read_text()
API = (ROOT / "docs" / "api.md").read_text()
OPERATING = (ROOT / "docs" / "operating.md").read_text()
DOCUMENTS = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]


def test_table_of_commands_is_the_registry():
    documented = re.findall(
        r"^\| `(.+?)` \| (\w+) \| `(\w+)` \|", (ROOT / "docs/commands.md").read_text(), re.MULTILINE
    )

    assert documented == [
        (command, schema.subject_type.value, schema.action.value)
        for command, schema in LIFECYCLE_SCHEMAS.items()
    ]


def test_every_setting_is_documented_with_its_default():
    rows = dict(re.findall(r"^\| `([A-Z_]+)` \| (.+?) \|", README, re.MULTILINE))
    receiver = ReceiverSettings.from_environment({"SDK_APPS": "1"})
    recorder = RecorderSettings.from_environment({})
    reader = ReaderSettings.from_environment({})

    assert set(rows) == KNOWN_NAMES
    assert rows["DATABASE_URL"] == f"`{recorder.database_url}`"
    assert rows["JOURNAL_DIR"] == f"`{receiver.journal.folders[0]}`"
    assert rows["JOURNAL_KEEP_HOURS"] == f"{receiver.journal.keep // timedelta(hours=1)}"
    assert rows["JOURNAL_KEEP_BYTES"] == f"{receiver.journal.keep_bytes}"
    assert rows["READ_TIMEOUT_SECONDS"] == f"{reader.read_timeout.seconds}"
    assert rows["SIGN_TOLERANCE_SECONDS"] == f"{receiver.sign_tolerance.seconds}"
    assert rows["MAX_BODY_BYTES"] == f"{receiver.max_body_bytes}"
    assert (rows["RETENTION_DAYS"], recorder.retention) == ("keep", None)
    assert (rows["RETENTION_UNHANDLED_DAYS"], recorder.unhandled_retention) == ("keep", None)
    assert (rows["UNHANDLED_BODIES"], receiver.unhandled_bodies) == ("yes", True)
    assert rows["PORT"] == f"{receiver.port}"
    assert (rows["READ_PORT"], reader.port) == ("`PORT` + 1", receiver.port + 1)


def test_every_setting_stands_in_the_example_file():
    example = (ROOT / ".env.example").read_text()
    named = set(re.findall(r"^(?:# )?([A-Z_]+)=", example, re.MULTILINE))

    assert named == set(re.findall(r"^\| `([A-Z_]+)` \|", README, re.MULTILINE))


def test_version_is_one_everywhere(client):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    changes = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)

    assert client.get("/openapi.json").get_json()["info"]["version"] == project["version"]
    assert changes[1] == project["version"]


def test_every_dependency_has_its_reason():
    wanted = re.search(r"dependencies = \[(.*?)\]\n\n", (ROOT / "pyproject.toml").read_text(), re.S)
    names = re.findall(r'"([a-z-]+)[\[>]', wanted[1])
    section = README.partition("## Dependencies")[2]
    rows = re.findall(r"^\| ([a-z-]+) \| ..", section, re.MULTILINE)

    assert sorted(rows) == sorted(["package", *names])


def test_every_address_is_documented(client):
    paths = client.get("/openapi.json").get_json()["paths"]
    text = API.replace("&lt;", "<").replace("&gt;", ">")

    for path in paths:
        assert re.sub(r"{\w+}", "<id>", path) in text, path


def test_every_filter_is_documented(client):
    paths = client.get("/openapi.json").get_json()["paths"]

    for path in ("/history", "/deliveries", "/quarantine"):
        for parameter in paths[path]["get"]["parameters"]:
            assert f"`{parameter['name']}`" in API, parameter["name"]


def test_documents_name_no_file_that_is_not_there():
    for document in DOCUMENTS:
        for target in re.findall(r"\]\((?!http|#)([^)#]+)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_documents_lead_to_sections_that_are_there():
    for document in DOCUMENTS:
        for target, section in re.findall(r"\]\((?!http)([^)#]*)#([^)]+)\)", document.read_text()):
            text = (document.parent / target if target else document).read_text()
            titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
            anchors = [re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles]
            assert section in anchors, f"{document.name}: {target}#{section}"


def test_every_invariant_names_tests_that_are_there():
    text = (ROOT / "docs" / "architecture.md").read_text()
    rules = re.split(
        r"^\d+\. ", text.partition("## Invariants")[2].partition("\n## ")[0], flags=re.M
    )
    files = (ROOT / "tests").rglob("test_*.py")
    tests = {name for file in files for name in re.findall(r"def (test_\w+)", file.read_text())}

    for rule in rules[1:]:
        named = set(re.findall(r"`(test_\w+)`", rule))
        assert named, rule
        assert named <= tests, named - tests


def test_every_metric_is_documented(deliver, client):
    deliver(channel_created())
    store_status(client, JournalStatus(at=NOW))
    shown = client.get("/metrics", headers={"Authorization": f"Bearer {KEY}"}).text
    documented = re.findall(r"`(\w+)`", OPERATING)

    metrics = re.findall(r"^# TYPE chat_lifecycle_log_(\w+)", shown, re.MULTILINE)
    assert set(metrics) <= set(documented)
    assert "journal_waiting_records" in metrics
    assert "callbacks_total" in metrics
