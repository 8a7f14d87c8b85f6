"""Fixtures: pages of the console."""

import pytest

from tests.conftest import ENGINES, KEY, NAMES

ON_EVERY_ENGINE = pytest.mark.parametrize("engine", NAMES, indirect=True)


@pytest.fixture
def engine(request):
    """SQLite, unless a test is ``ON_EVERY_ENGINE``: databases differ on few pages."""
    name = getattr(request, "param", "sqlite")
    engines = request.config.stash[ENGINES]
    if name not in engines:
        pytest.skip(f"no {name} here")
    return engines[name]


@pytest.fixture
def look(client):
    """Get a page with a key; return its HTML."""

    def get(address, expected=200):
        answer = client.get(
            f"/console/{address}",
            headers={"Authorization": f"Bearer {KEY}"},
            follow_redirects=True,
        )
        assert answer.status_code == expected, answer.text
        return answer.text

    return get
