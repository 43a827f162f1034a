"""The store in memory keeps the contract."""

import pytest
from store_contract import StoreContract

from bridge.core.ports import Store
from bridge.stores.memory import MemoryStore


class TestMemoryStore(StoreContract):
    """Memory."""

    @pytest.fixture
    def store(self) -> Store:
        return MemoryStore()
