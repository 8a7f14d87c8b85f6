"""Callbacks to try the service with: ``flask --app wsgi simulate``."""

import secrets
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from math import isfinite
from statistics import median

import click
from flask import Blueprint

from blueprints.runtime import runtime
from config import Settings
from services.sender import Answer, Sender
from services.simulation import simulate

RATE = click.FloatRange(0, min_open=True)

bp = Blueprint("simulate", __name__, cli_group=None)


@bp.cli.command("simulate")
@click.argument("url")
@click.option("--rate", type=RATE, default=10, show_default=True, help="Callbacks a second.")
@click.option("--count", type=click.IntRange(1), default=30, show_default=True, help="Callbacks.")
@click.option("--seed", type=int, help="Equal seeds send equal callbacks, at other times.")
@click.option("--app", "sdk_app_id", help="SDKAppID to send for, if there are several.")
def send_simulated(
    url: str, rate: float, count: int, seed: int | None, sdk_app_id: str | None
) -> None:
    """Send the callbacks that Tencent documents, signed, to URL: lives of channels and groups.

    They are kept for ever, like any other: think before you send them to a service in use. Fails if
    one was not acknowledged.
    """
    here = runtime()
    if not isfinite(rate):
        raise click.UsageError("--rate: how many a second?")
    sender = open_sender(url, here.settings, sdk_app_id)
    seed = secrets.randbelow(10**6) if seed is None else seed
    bodies = simulate(seed)
    began = time.monotonic()
    with click.progressbar(tick(count, rate), count, "Sending", file=sys.stderr) as ticks:
        answers = [sender.send(next(bodies)) for _ in ticks]
    sender.close()
    here.close()
    slowest = max(answer.seconds for answer in answers) * 1000
    middle = median(answer.seconds for answer in answers) * 1000
    click.echo(
        f"Sent {count} callbacks for app {sender.sdk_app_id}, seed {seed}, in "
        f"{time.monotonic() - began:.1f} s; answered in {middle:.0f} ms, {slowest:.0f} at most."
    )
    complain(answers)


def open_sender(url: str, settings: Settings, sdk_app_id: str | None) -> Sender:
    """Prepare to send to a URL.

    Raises:
        click.UsageError: the URL or the app is none.
    """
    try:
        return Sender(url, settings, sdk_app_id)
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def tick(count: int, rate: float) -> Iterator[int]:
    """Count, so many a second."""
    began = time.monotonic()
    for number in range(count):
        time.sleep(max(began + number / rate - time.monotonic(), 0))
        yield number


def complain(answers: Sequence[Answer]) -> None:
    """Say what was answered in place of OK.

    Raises:
        click.ClickException: there was such an answer.
    """
    wrong = Counter(str(one) for one in answers if not one.is_ok)
    for answer, times in wrong.most_common():
        click.echo(f"{times} times {answer}")
    if wrong:
        raise click.ClickException(f"{wrong.total()} callbacks were not acknowledged")
