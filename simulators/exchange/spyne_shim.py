"""Makes spyne 2.14 importable on Python 3.12 and 3.13; on 3.11 this module does nothing.

spyne carries its own old copy of `six`, whose `six.moves` modules are handed out by an import hook
of the kind that Python 3.12 no longer asks (`find_module`; only `find_spec` counts since then). The
finder below asks the same hook in the way that new Pythons understand. It answers for names under
`spyne.util.six.moves` and for nothing else.

Python 3.13 also took the `cgi` module away, which spyne reads Content-Type headers with; the
dependency `legacy-cgi` brings it back.

Whoever imports spyne imports this module first. It is the only place in the product that knows.
"""

import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

_SIX = "spyne.util.six"


class _MovesLoader(Loader):
    """Lets six's own importer resolve the module, and leaves a resolved module's identity alone."""

    def __init__(self, importer: Any):
        self._importer = importer
        self._own_spec: ModuleSpec | None = None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module: ModuleType = self._importer.load_module(spec.name)
        self._own_spec = getattr(module, "__spec__", None)
        return module

    def exec_module(self, module: ModuleType) -> None:
        # `six.moves.http_cookies` *is* `http.cookies`: the import system has just put the alias's
        # spec on it, and the standard library's module must get its own back.
        if self._own_spec is not None:
            module.__spec__ = self._own_spec


class _MovesFinder(MetaPathFinder):
    """Finds `spyne.util.six.moves` and what lies under it."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not fullname.startswith(f"{_SIX}.moves"):
            return None
        importer = getattr(sys.modules.get(_SIX), "_importer", None)
        if importer is None or fullname not in importer.known_modules:
            return None
        return ModuleSpec(fullname, _MovesLoader(importer), is_package=importer.is_package(fullname))


def install() -> None:
    """Put the finder in place, once; does nothing where Python still asks six's own hook."""
    if sys.version_info >= (3, 12) and not any(isinstance(finder, _MovesFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _MovesFinder())


install()
