#!/usr/bin/env python3
"""The command ``lifecycle``; ``flask --app wsgi`` has the same commands."""

import os
import sys

import wsgi
from blueprints.commands import CannotError
from models.database.connection import describe


def main() -> None:
    """Run the command that the arguments name."""
    try:
        with wsgi.app.app_context():
            wsgi.app.cli.main(prog_name="lifecycle")
    except OSError as fault:  # of output that no command flushes itself: help, the rest of a file
        CannotError(describe(fault)).show()
        sys.exit(CannotError.exit_code)
    finally:
        drop_unwritten()


def drop_unwritten() -> None:
    """Drop what standard output does not take; Python would retry, and report it."""
    try:
        if sys.stdout:
            sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
