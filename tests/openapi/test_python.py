"""A client that openapi-python-client generates from the description."""

import json
import subprocess
import sys
from importlib import import_module

import pytest

from tests.conftest import KEY

GROUP = "@TGS#2J4SZEAEL"
LISTS = {
    "/history": ("history.show_history",),
    "/deliveries": ("deliveries.show_deliveries",),
    "/quarantine": ("deliveries.show_quarantine",),
    "/channels": ("subjects.list_channels",),
    "/groups": ("subjects.list_groups",),
    "/groups/%40TGS%232J4SZEAEL/versions": ("subjects.show_group_versions", GROUP),
}


@pytest.fixture
def package(description, tmp_path, monkeypatch):
    """Import a module of the generated package."""
    options = ["--meta", "none", "--path", description, "--output-path", tmp_path / "generated"]
    command = [sys.executable, "-m", "openapi_python_client", "generate", *options]
    subprocess.run(command, check=True, capture_output=True)
    monkeypatch.syspath_prepend(tmp_path)
    yield lambda name: import_module(f"generated.{name}")
    for name in [one for one in sys.modules if one.partition(".")[0] == "generated"]:
        del sys.modules[name]


@pytest.fixture
def ask(package, served):
    """Call an operation by its name."""
    client = package("client").AuthenticatedClient(served, KEY)
    return lambda name, *args, **kwargs: package(f"api.{name}").sync(*args, client=client, **kwargs)


def test_python_client_pages_through_every_list(ask, read_all):
    for address, operation in LISTS.items():
        pages = [ask(*operation, limit=2)]
        while pages[-1].next_cursor is not None:
            pages.append(ask(*operation, limit=2, cursor=pages[-1].next_cursor))

        items = [item for page in pages for item in page.items]
        assert len(pages) > 1, address
        assert items == [type(items[0]).from_dict(item) for item in read_all(address)]


def test_python_client_reads_what_is_no_list(ask, read):
    exported = ask("export.export_history", member="bob").splitlines()
    found = ask("search.search", q=GROUP).found

    assert json.loads(exported[-1]) == {"complete": True, "count": len(exported) - 1}
    assert {one.kind for one in found} >= {"group"}
    assert ask("history.show_event", 1).to_dict()["details"] == read("/history/1")["details"]
    assert ask("subjects.show_group_state", GROUP).fields["owner"].value == "leckie"


def test_python_client_reads_why_a_request_failed(ask):
    problem = ask("history.show_history", sdk_app_id="x")

    assert (problem.status, problem.errors["sdk_app_id"]) == (400, ["Must be a number."])
    assert ask("history.show_event", 10**6).detail == "No event has the ID 1000000."
