"""Send each file by a generator, chunked, in one session: send_requests.py BASE PLAN."""

import sys
from pathlib import Path

import requests

base, plan = sys.argv[1:]
with requests.Session() as session:
    for line in Path(plan).read_text().splitlines():
        path, file = line.split("\t")
        body = Path(file).read_bytes()
        pieces = (body[at : at + 7] for at in range(0, len(body), 7))
        print(session.post(f"http://{base}{path}", data=pieces).status_code)
