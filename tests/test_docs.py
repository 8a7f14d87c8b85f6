"""The documentation is held to the code."""

import re
import tomllib

from config import Settings
from schemas.registry import LIFECYCLE_SCHEMAS
from tests.engines import ROOT

README = (ROOT / "README.md").read_text()
API = (ROOT / "docs" / "api.md").read_text()


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
    read = set(re.findall(r'"([A-Z_]{3,})"', (ROOT / "config.py").read_text()))
    settings = Settings.from_environment({"SDK_APPS": "1"})

    assert set(rows) == read
    assert rows["DATABASE_URL"] == f"`{settings.database_url}`"
    assert rows["SIGN_TOLERANCE_SECONDS"] == f"{settings.sign_tolerance.seconds}"
    assert rows["MAX_BODY_BYTES"] == f"{settings.max_body_bytes}"
    assert rows["SPOOL_DIR"] == f"`{settings.spool_dir}`"
    assert rows["DATABASE_DEADLINE_MS"] == f"{settings.database_deadline.microseconds // 1000}"
    assert rows["PORT"] == f"{settings.port}"


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
    for document in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\((?!http|#)([^)#]+)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name}: {target}"
