"""``flask --app wsgi migrate``: the database to the newest revision."""

import click

from blueprints.commands import bp
from config import RecorderSettings
from models.database.revision import newest_revision
from services.operating.migration import migrate


@bp.cli.command("migrate")
def migrate_database() -> None:
    """Upgrade the database to the newest revision.

    DATABASE_URL names it. Exits with 1 if this fails or the database does not answer.
    """
    migrate(RecorderSettings.from_environment().database_url)
    click.echo(f"The database is at revision {newest_revision()}.")
