"""The log as JSON: what a line contains, and what no line contains."""

import http.client
import json
import logging
import re
from pathlib import Path
from urllib.parse import urlencode

import pytest

from blueprints.failures import on_failure
from blueprints.proxies import REQUEST_ID
from blueprints.request_id import add_request_id
from serving.logs import JsonFormatter, TextFormatter
from tests.conftest import APP, KEY, TOKEN, sign
from tests.test_serving import (
    ALL_IN_ONE,
    api_key,
    folder,  # noqa: F401 (a fixture)
    free_port,
    process,
    wait_until,
)

SECRET_BODY = "what-somebody-wrote"


@pytest.fixture
def lines():
    """The lines that our loggers write, as JSON."""
    written = []
    handler = logging.Handler()
    handler.setFormatter(JsonFormatter())
    handler.addFilter(add_request_id)
    handler.emit = lambda record: written.append(json.loads(handler.format(record)))
    root, level = logging.getLogger(), logging.getLogger().level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield written
    root.removeHandler(handler)
    root.setLevel(level)


def test_line_of_a_request_has_its_id(client, lines):
    client.get("/history?limit=1", headers={"Authorization": f"Bearer {KEY}"})

    (line,) = lines
    assert line["message"] == "tests reads '/history?limit=1'"
    assert (line["level"], line["logger"]) == ("INFO", "blueprints.api.readings")
    assert re.fullmatch("[0-9a-f]{32}", line["request_id"])
    assert line["time"].endswith("+00:00")


def test_id_of_a_trusted_proxy_is_the_one_of_the_line(client, lines):
    client.get(
        "/history", headers={"Authorization": f"Bearer {KEY}"}, environ_base={REQUEST_ID: "edge-1"}
    )

    assert lines[0]["request_id"] == "edge-1"


def test_line_outside_of_a_request_has_no_id(lines):
    logging.getLogger("x").info("one\ntwo", extra={"delivery_uuid": "u", "body": SECRET_BODY})

    (line,) = lines
    assert line.keys() == {"time", "level", "logger", "process", "message", "delivery_uuid"}
    assert line["message"] == "one\ntwo"


def test_fault_within_a_request_is_logged_without_what_it_quotes(receiver, lines):
    with receiver.test_request_context("/callback"):
        try:
            int(SECRET_BODY)
        except ValueError as fault:
            on_failure(fault)

    (line,) = lines
    assert line["message"] == "callback failed"
    assert line["exception"].endswith("\nValueError")
    assert "int(SECRET_BODY)" in line["exception"]
    assert SECRET_BODY not in json.dumps(line)


def test_fault_elsewhere_says_what_is_wrong(lines):
    try:
        Path("/srv/journal/absent").stat()
    except FileNotFoundError:
        logging.getLogger("x").exception("a tick failed")

    assert lines[0]["exception"].endswith("directory: '/srv/journal/absent'")


@pytest.mark.parametrize("formatter", [TextFormatter(), JsonFormatter()])
def test_no_line_has_a_signature(formatter):
    signature = sign(TOKEN, 1)
    arguments = ("x", logging.ERROR, "", 0, "Error handling request %s", (f"/?Sign={signature}",))
    written = formatter.format(logging.LogRecord(*arguments, None))

    assert signature not in written
    assert "Sign=REDACTED" in written


def test_all_lines_of_a_server_are_json_and_hold_no_secret(folder, tmp_path):  # noqa: F811
    """Callbacks and questions with every secret, accepted, invalid, refused and unknown."""
    port, log = str(free_port()), tmp_path / "log"
    now_sign = {"RequestTime": 1, "Sign": sign(TOKEN, 1)}
    settings = {
        "LOG_FORMAT": "json",
        "PORT": port,
        "SDK_APPS": f"{APP}:{TOKEN}",
        "JOURNAL_DIR": str(tmp_path / "journal"),
        "TRUSTED_PROXIES": "127.0.0.1",
        "WEB_CONCURRENCY": "1",
        "SDK_APP": "1",
    }
    key = api_key(folder)
    headers = {"Authorization": f"Bearer {key}", "X-Request-ID": "edge-7"}
    with (
        log.open("w") as file,
        process(*ALL_IN_ONE, folder=folder, popen={"stderr": file, "stdout": file}, **settings),
    ):
        wait_until(lambda: "Booting worker" in log.read_text())
        connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=20)
        for method, path in (
            ("POST", f"/callback?{urlencode({'SdkAppid': APP, **now_sign})}"),
            ("POST", f"/callback?{urlencode({'SdkAppid': 1, **now_sign})}"),
            ("POST", f"/elsewhere?{urlencode({'SdkAppid': APP, **now_sign})}"),
            ("GET", f"/history?{urlencode({'limit': 1, **now_sign})}"),
            ("GET", f"/deliveries?{urlencode(now_sign)}"),
        ):
            connection.request(method, path, body=SECRET_BODY, headers=headers)
            connection.getresponse().read()
        connection.close()

    text = log.read_text()
    written = [json.loads(line) for line in text.splitlines()]
    assert {"gunicorn.error", "blueprints.api.readings", "services.receiving.refusals"} <= {
        line["logger"] for line in written
    }
    assert {line.get("request_id") for line in written} == {None, "edge-7"}
    # Read by the server, and by its workers for each process.
    assert text.count("SDK_APP is not a setting") == 1
    for secret in (TOKEN, now_sign["Sign"], key, SECRET_BODY):
        assert secret not in text
