"""The one list of commands: a module registers its commands when it is imported."""

import click

from blueprints.commands import bp as bp
from blueprints.commands import (  # noqa: F401
    database,
    demo,
    doctor,
    drift,
    export,
    import_,
    journal,
    record,
    replay,
    reverify,
    simulate,
)
from config.release import VERSION


def name_program(group: click.Group) -> None:
    """Add the options of a program to the group of all commands."""
    group.help = "Keep what Tencent Cloud Chat sends, and look up what happened."
    click.version_option(VERSION, prog_name="lifecycle", message="%(prog)s %(version)s")(group)
    debug = "Show the traceback of what keeps a command from its work."
    click.option("--debug", is_flag=True, envvar="LIFECYCLE_DEBUG", help=debug)(group)
