"""Its place puts `store_contract` within reach of the tests beside it."""

import pytest


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "postgresql: needs a PostgreSQL server, started from a wheel")
