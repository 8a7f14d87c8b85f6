"""Two linters find nothing wrong with the description, and a TypeScript client is generated."""

import json
import os
import subprocess
from pathlib import Path
from shutil import copy

import pytest

from tests.conftest import KEY

HERE = Path(__file__).parent
# The rule reads scopes as in OpenAPI 3.0, for OAuth only; Redocly has a similar one.
SPECTRAL = {"extends": ["spectral:oas"], "rules": {"oas3-operation-security-defined": "off"}}
COMPILER = "--strict --target es2022 --module nodenext"


@pytest.fixture
def run(tmp_path):
    """Run a program beside the description."""
    programs = HERE / "node_modules"
    if not programs.is_dir():
        pytest.skip("npm ci --prefix tests/openapi has not been run")
    (tmp_path / "node_modules").symlink_to(programs)

    def run(program, *arguments):
        done = subprocess.run(
            [program, *arguments],
            cwd=tmp_path,
            env=os.environ | {"PATH": f"{programs}/.bin:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def test_spectral_finds_nothing(run, description):
    description.with_name(".spectral.json").write_text(json.dumps(SPECTRAL))

    run("spectral", "lint", "--ruleset", ".spectral.json", "--fail-severity", "hint", description)


def test_redocly_finds_nothing(run, description, monkeypatch):
    monkeypatch.setenv("REDOCLY_TELEMETRY", "off")

    found = run("redocly", "lint", "--extends", "recommended", "--format", "json", description)

    assert json.loads(found)["totals"] == {"errors": 0, "warnings": 0, "ignored": 0}


def test_typescript_client_reads_everything(run, description, served, read, read_all):
    for name in ("package.json", "read_all.ts"):
        copy(HERE / name, description.parent)
    run("openapi-typescript", description, "--output", "schema.ts")
    run("tsc", *COMPILER.split(), "read_all.ts")
    done = json.loads(run("node", "read_all.js", served, KEY))

    assert len(done["lists"]) == 6
    for address, items in done["lists"].items():
        assert len(items) > 2, address
        assert items == read_all(address)
    assert done["found"] == read("/search", q="@TGS#2J4SZEAEL")
    exported = done["exported"].splitlines()
    assert json.loads(exported[-1]) == {"complete": True, "count": len(exported) - 1}
    assert done["error"]["errors"] == {"sdk_app_id": ["Must be a number."]}
