"""spyne can be imported on every Python that the product supports, and the standard library stays as it was."""

import http.cookies
import importlib.util
import subprocess
import sys

import simulators.exchange.spyne_shim as shim


def test_spyne_imports_in_a_fresh_interpreter():
    said = subprocess.run(
        [
            sys.executable,
            "-c",
            "import simulators.exchange.spyne_shim, spyne.server.wsgi, http.cookies as c; print(c.__spec__.name)",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.strip() == "http.cookies"


def test_the_standard_module_behind_an_alias_keeps_its_own_spec():
    import spyne.server.wsgi  # noqa: F401 - imports http.cookies under six's name

    assert http.cookies.__spec__.name == "http.cookies"


def test_installing_twice_leaves_one_finder():
    shim.install()
    shim.install()
    found = [finder for finder in sys.meta_path if type(finder).__name__ == "_MovesFinder"]
    assert len(found) == (1 if sys.version_info >= (3, 12) else 0)


def test_the_finder_answers_for_six_alone():
    finder = shim._MovesFinder()
    assert finder.find_spec("spyne.util.six.no_such_thing", None) is None
    assert finder.find_spec("spyne.util.six.moves.no_such_thing", None) is None
    assert finder.find_spec("os", None) is None
    assert importlib.util.find_spec("os") is not None
