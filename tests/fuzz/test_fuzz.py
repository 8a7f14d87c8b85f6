"""Nearly correct requests cause no fault of the service, and no stuck record.

``FUZZ`` is their number, ``SEED`` makes the same ones again: ``FUZZ=1000000 pytest tests/fuzz``.
"""

import io
import json
import os
from concurrent.futures import ThreadPoolExecutor
from random import Random, SystemRandom

import pytest
from werkzeug.test import run_wsgi_app

from models.vocabulary import Measure
from services.journal.folder import list_stuck
from tests.fuzz.requests import make_request

MOST = int(os.environ.get("FUZZ", "400"))
SEED = int(os.environ.get("SEED", SystemRandom().randrange(10**6)))
AT_ONCE, SLICE = 8, 10_000
MEMBERS = {"ActionStatus", "ErrorInfo", "ErrorCode"}
EXPECTED = {200, 400, 403, 404, 405, 413}


@pytest.fixture
def answer(receiver):
    """Pass one request to the receiver as a server does; return status, code and details."""

    def answer(number):
        random = Random(SEED + number)
        made = make_request(random)
        environ = {
            "REQUEST_METHOD": made.method,
            "SCRIPT_NAME": "",
            "PATH_INFO": made.path,
            "QUERY_STRING": made.query,
            "REMOTE_ADDR": "192.0.2.1",
            "SERVER_NAME": "x",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "CONTENT_LENGTH": str(len(made.body) + random.choice((0,) * 9 + (1,))),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(made.body),
            "wsgi.input_terminated": True,
        }
        parts, status, _ = run_wsgi_app(receiver, environ)
        return made, int(status.split()[0]), b"".join(parts)

    return answer


def test_no_request_is_a_fault_of_ours_or_stuck(answer, receiver, recorder, journal, counted):
    here, stored = receiver.extensions["receiver"], 0
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for start in range(0, MOST, SLICE):
            for made, status, said in pool.map(answer, range(start, min(start + SLICE, MOST))):
                assert status in EXPECTED, (SEED, made, said)
                if made.method == "POST":
                    assert json.loads(said).keys() == MEMBERS, (SEED, made, said)
                is_whole = status in (200, 400) and b"broken off" not in said
                stored += is_whole and made.method == "POST"
            here.refusals.write()
            recorder.record_available()

    assert list_stuck(journal.folders[0]) == []
    assert sum(counted(Measure.RECEIVED).values()) == stored, SEED
