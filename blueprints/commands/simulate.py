"""``lifecycle simulate``: send callbacks to try the service."""

import secrets
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from statistics import median

import click

from blueprints.commands import bp
from config import ReceiverSettings
from services.operating.finding import count as count_of
from services.operating.sender import Answer, Sender
from services.operating.simulation import simulate


@bp.cli.command("simulate")
@click.argument("url")
@click.option(
    "--rate",
    type=click.FloatRange(0, min_open=True),
    metavar="NUMBER",
    default=10,
    show_default=True,
    help="Callbacks per second.",
)
@click.option(
    "--count",
    type=click.IntRange(1),
    metavar="NUMBER",
    default=30,
    show_default=True,
    help="How many.",
)
@click.option(
    "--seed",
    type=int,
    metavar="NUMBER",
    help="The same seed sends the same callbacks with new times.",
)
@click.option("--app", "sdk_app_id", metavar="SDKAPPID", help="The app, if there are several.")
def send_simulated(
    *, url: str, rate: float, count: int, seed: int | None, sdk_app_id: str | None
) -> None:
    """Send signed sample callbacks to a webhook URL.

    They play through the life of several channels and groups, and are stored permanently: do not
    run this against production. Exits with 1 if a callback is not acknowledged.
    """
    if not isfinite(rate):
        raise click.UsageError("--rate must be a number of callbacks per second")
    sender = open_sender(url, ReceiverSettings.from_environment().sdk_apps, sdk_app_id)
    seed = secrets.randbelow(10**6) if seed is None else seed
    bodies = simulate(seed)
    began = time.monotonic()
    ticking, hidden = tick(count, rate), not sys.stderr.isatty()
    with click.progressbar(ticking, count, "Sending", hidden=hidden, file=sys.stderr) as ticks:
        answers = [sender.send(next(bodies)) for _ in ticks]
    sender.close()
    took = time.monotonic() - began
    milliseconds = [answer.seconds * 1000 for answer in answers]
    click.echo(
        f"Sent {count_of(count, 'callback')} for app {sender.sdk_app_id} in {took:.1f} s "
        f"(seed {seed}): median {median(milliseconds):.0f} ms, max {max(milliseconds):.0f} ms."
    )
    report_faults(answers)


def open_sender(url: str, apps: Mapping[str, Sequence[str]], sdk_app_id: str | None) -> Sender:
    """Prepare to send to a URL.

    Raises:
        click.UsageError: the URL is not a webhook URL, or the app is unknown.
    """
    try:
        return Sender(url, apps, sdk_app_id)
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def tick(count: int, rate: float) -> Iterator[int]:
    """Count at a steady rate."""
    began = time.monotonic()
    for number in range(count):
        time.sleep(max(began + number / rate - time.monotonic(), 0))
        yield number


def report_faults(answers: Sequence[Answer]) -> None:
    """Print every answer that does not acknowledge a callback.

    Raises:
        click.ClickException: there was such an answer.
    """
    faults = Counter(str(one) for one in answers if not one.is_ok)
    for answer, times in faults.most_common():
        click.echo(f"{count_of(times, 'time')}: {answer}")
    if faults:
        verb = "was" if faults.total() == 1 else "were"
        raise click.ClickException(
            f"{count_of(faults.total(), 'callback')} {verb} not acknowledged"
        )
