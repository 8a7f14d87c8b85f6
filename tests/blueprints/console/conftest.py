"""Look at pages of the console."""

import pytest

from tests.conftest import KEY


@pytest.fixture
def look(client):
    """Get a page with a key; give its HTML."""

    def get(address, expected=200):
        answer = client.get(f"/console/{address}", headers={"Authorization": f"Bearer {KEY}"})
        assert answer.status_code == expected, answer.text
        return answer.text

    return get
