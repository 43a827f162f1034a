"""A driver that is a Python object: an entry point of the group `duijie.drivers`, or `module:name`.

What stands there is called with the system's file, as a `SystemUnderTest`, and gives a `Driver`.
"""

import importlib
from collections.abc import Callable
from importlib.metadata import entry_points

from conformance.drivers.driver import Driver, DriverBroken
from conformance.drivers.sut import SystemUnderTest

GROUP = "duijie.drivers"


def load_plugin(sut: SystemUnderTest) -> Driver:
    """Make the driver that the file names; raises `DriverBroken` when there is none."""
    return _factory(sut.plugin)(sut)


def _factory(name: str) -> Callable[[SystemUnderTest], Driver]:
    try:
        if ":" in name:
            module, _, attribute = name.partition(":")
            found: Callable[[SystemUnderTest], Driver] = getattr(importlib.import_module(module), attribute)
            return found
        for point in entry_points(group=GROUP, name=name):
            loaded: Callable[[SystemUnderTest], Driver] = point.load()
            return loaded
    except (ImportError, AttributeError) as error:
        raise DriverBroken(f"插件 {name} 无法载入:{error}", f"the plug-in {name} cannot be loaded: {error}") from error
    known = ", ".join(sorted(point.name for point in entry_points(group=GROUP))) or "–"
    raise DriverBroken(f"没有名为 {name} 的插件;已安装:{known}", f"there is no plug-in {name}; installed are {known}")
