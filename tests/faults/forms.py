"""The forms of the suite.

``FAULTS=full`` tries every fault on every database, each as long as a real outage; ``FAULTS=every``
tries as many, each for a second or two; without it, only some.
"""

import os

import pytest

FORM = os.environ.get("FAULTS", "short")
EVERY = ("sqlite", "postgresql", "mysql")
SERVERS = ("postgresql", "mysql")


def by_form(short, full):
    """Choose a number by the form."""
    return full if FORM == "full" else short


REPEATS = by_form(2, 10)
OUTAGE_SECONDS = by_form(1.5, 15)


def on(*cases, short, fixture="server"):
    """Run a test on these databases; a case may be a pair of database and variant."""
    chosen = short if FORM == "short" else cases
    if not chosen:
        return pytest.mark.skip("not in the short form: FAULTS=every")
    names = f"{fixture},how" if isinstance(cases[0], tuple) else fixture
    return pytest.mark.parametrize(names, chosen, indirect=[fixture])


def each(names, ways):
    """Make a case of each name and each way."""
    return [(name, way) for name in names for way in ways]
