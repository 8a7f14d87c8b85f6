"""Send all files at once: send_aiohttp.py BASE PLAN."""

import asyncio
import sys
from pathlib import Path

import aiohttp
from yarl import URL


async def send(session, base, line):
    path, file = line.split("\t")
    url = URL(f"http://{base}{path}", encoded=True)
    async with session.post(url, data=Path(file).read_bytes()) as answer:
        return answer.status


async def send_all(base, plan):
    connector = None
    if base.startswith("unix:"):
        connector, base = aiohttp.UnixConnector(base.removeprefix("unix:")), "x"
    async with aiohttp.ClientSession(connector=connector) as session:
        lines = Path(plan).read_text().splitlines()
        print(*await asyncio.gather(*(send(session, base, line) for line in lines)), sep="\n")


asyncio.run(send_all(*sys.argv[1:]))
