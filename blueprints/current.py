"""What a view of the receiver needs of its app."""

from flask import current_app

from services.receiving.receiver import Receiver


def receiver() -> Receiver:
    """Return the receiver of the current app."""
    here: Receiver = current_app.extensions["receiver"]
    return here
