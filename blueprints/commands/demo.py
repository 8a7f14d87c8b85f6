"""``lifecycle demo``: a week of a made-up app to look at."""

from urllib.parse import quote

import click

from blueprints.commands import CannotError, bp, open_to_write
from config import ReaderSettings, ReceiverSettings, RecorderSettings
from models.clock import utc_now
from services.operating.demo.play import NotEmptyError, play
from services.operating.demo.tales import BRIEFING, MAKERS, PHOENIX, RIVERSIDE
from services.operating.finding import count
from services.operating.migration import migrate

SIGHTS = {
    "A group of 500, renamed four times, disbanded at night": f"groups/{quote(RIVERSIDE)}",
    "An ID that was used three times": f"groups/{PHOENIX}",
    "A channel that changes day by day": f"channels/{quote(BRIEFING)}",
    "A community with topics": f"groups/{quote(MAKERS)}",
    "Requests that were signed with a wrong token": "quarantine",
    "An outage of 48 minutes, at 14:05 UTC": "health",
}


@bp.cli.command("demo")
@click.option(
    "--seed", type=int, default=1, show_default=True, help="The same seed, the same week."
)
def make_demo(*, seed: int) -> None:
    """Fill an empty database with a week of a made-up app.

    `make demo` does so in a database of its own, and shows it.
    """
    url = RecorderSettings.from_environment().database_url
    settings = ReceiverSettings.from_environment()
    migrate(url)
    with open_to_write(url) as database:
        try:
            with database.begin() as connection:
                number = play(connection, settings, now=utc_now(), seed=seed)
        except NotEmptyError as fault:
            raise CannotError(f"{fault}; nothing was changed") from None
    console = f"http://127.0.0.1:{ReaderSettings.from_environment().port}/console/"
    click.echo(f"Stored a week of {count(number, 'request')}. Worth a look, once the reader runs:")
    for what, page in SIGHTS.items():
        click.echo(f"  {what}:\n    {console}{page}")
