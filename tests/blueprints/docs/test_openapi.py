"""The generated description, and the service compared with it."""

import re

import jsonschema_rs
import pytest
import schemathesis
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from app import create_reader
from blueprints.api.operation import JSON
from blueprints.docs.openapi import build_openapi
from config import ReaderSettings
from schemas.tencent.registry import LIFECYCLE_SCHEMAS
from tests.conftest import KEY, OPEN_APP
from tests.payloads import SAMPLES

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
NAMES = {
    "/": ["receive_callback_at_root"],
    "/callback": ["receive_callback"],
    "/channels": ["list_channels"],
    "/channels/{subject_id}": ["show_channel_state"],
    "/channels/{subject_id}/versions": ["show_channel_versions"],
    "/deliveries": ["show_deliveries"],
    "/deliveries/{delivery_id}": ["show_delivery"],
    "/drift": ["show_drift"],
    "/export": ["export_history"],
    "/export/members": ["export_members"],
    "/groups": ["list_groups"],
    "/groups/{subject_id}": ["show_group_state"],
    "/groups/{subject_id}/versions": ["show_group_versions"],
    "/healthz": ["show_liveness"],
    "/history": ["show_history"],
    "/history/{event_id}": ["show_event"],
    "/metrics": ["show_metrics"],
    "/quarantine": ["show_quarantine"],
    "/readings": ["list_readings"],
    "/readyz": ["show_readiness"],
    "/search": ["search"],
}
NOT_DESCRIBED = {"/docs", "/openapi.json"}


def describe(client):
    return client.get("/openapi.json").get_json()


@pytest.fixture(scope="module")
def openapi():
    url = sa.make_url("postgresql+psycopg://nobody@nowhere/nothing")
    return build_openapi(create_reader(ReaderSettings(url)))


def test_every_address_is_described(app, client):
    addresses = {
        re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", rule.rule) for rule in app.url_map.iter_rules()
    }

    pages = {address for address in addresses if address.startswith("/console")}
    described = set(describe(client)["paths"]) - {"/callback"}
    assert described == addresses - NOT_DESCRIBED - pages


def test_every_lifecycle_command_is_described(client):
    components = describe(client)["components"]["schemas"]

    assert set(LIFECYCLE_SCHEMAS) <= set(components)
    disbanded = components["Group.CallbackAfterGroupDestroyed"]
    assert disbanded["required"] == ["GroupId"]
    assert "MemberList" in disbanded["properties"]


@pytest.mark.parametrize("body", SAMPLES, ids=lambda body: body["CallbackCommand"])
def test_documented_callback_matches_its_description(openapi, body):
    command = body["CallbackCommand"]
    if command in LIFECYCLE_SCHEMAS:
        components = openapi["components"]["schemas"]

        jsonschema_rs.validator_for(components[command]).validate(body)
        with pytest.raises(jsonschema_rs.ValidationError):
            jsonschema_rs.validator_for(components[command]).validate(body | {"EventTime": []})


def test_only_what_has_an_etag_may_be_unchanged_and_what_asks_a_database_unavailable(client):
    paths = describe(client)["paths"]
    statuses = {path: set(paths[path].get("get", {}).get("responses", ())) for path in paths}

    assert {"304", "503"} <= statuses["/history"]
    assert statuses["/export"] & {"304", "503"} == {"503"}
    assert statuses["/metrics"] == {"200", "400", "401", "403", "414", "429"}


def test_operations_have_names_that_clients_rely_on(openapi):
    names = {
        path: [operation["operationId"] for operation in operations.values()]
        for path, operations in openapi["paths"].items()
    }

    assert names == NAMES


def test_every_tag_is_described(openapi):
    operations = [one for path in openapi["paths"].values() for one in path.values()]

    described = {tag["name"] for tag in openapi["tags"] if tag["description"]}
    assert {tag for operation in operations for tag in operation["tags"]} == described


def test_export_is_described_as_text(openapi):
    content = openapi["paths"]["/export"]["get"]["responses"]["200"]["content"]

    assert {name.partition(";")[0].partition("/")[2] for name in content} == {
        "x-ndjson",
        "csv",
        "vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    }
    assert all(one["schema"] == {"type": "string"} for one in content.values())


def test_what_needs_a_key_says_so(client):
    paths = describe(client)["paths"]

    assert paths["/history"]["get"]["security"] == [{"bearer": ["read"]}, {"basic": ["read"]}]
    assert paths["/healthz"]["get"]["security"] == []
    assert paths["/callback"]["post"]["security"] == []


def test_example_matches_its_description(openapi):
    for operations in openapi["paths"].values():
        content = operations.get("get", {}).get("responses", {}).get("200", {}).get("content", {})
        if JSON in content:
            schema = content[JSON]["schema"] | {"components": openapi["components"]}
            jsonschema_rs.validator_for(schema).validate(content[JSON]["example"])


def test_description_takes_no_parameter(client):
    assert client.get("/openapi.json").status_code == 200
    answer = client.get("/openapi.json?lang=en")

    assert (answer.status_code, list(answer.get_json()["errors"])) == (400, ["lang"])


def test_browser_at_the_root_is_led_to_a_page(client):
    answer = client.get("/")

    assert (answer.status_code, answer.headers["Location"]) == (302, "/console/")


@pytest.fixture
def history(deliver):
    """All samples, and a refused request."""
    for body in SAMPLES:
        deliver(body)
    deliver(SAMPLES[0], query={"SdkAppid": "1"})


def check(described, **arguments):
    """Ask every operation, validly and not, and compare the answers with the description."""
    for found in described.get_all_operations():
        operation = found.ok()

        @given(operation.as_strategy())
        @settings(max_examples=20, suppress_health_check=list(HealthCheck))
        def call(case):
            case.validate_response(case.call(**arguments), checks=CHECKS)

        call()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_reader_answers_as_described(history, app):
    described = schemathesis.openapi.from_wsgi("/openapi.json", app)

    check(described.include(method="GET"), headers={"Authorization": f"Bearer {KEY}"})


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_receiver_answers_as_described(openapi, receiver):
    described = schemathesis.openapi.from_dict(openapi)
    described.app = receiver

    check(described.include(method="POST"), params={"SdkAppid": OPEN_APP})
