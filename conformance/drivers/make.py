"""From the file of a system under test to its driver."""

from collections.abc import Callable
from datetime import datetime

from bridge.vocabulary.times import SHANGHAI
from conformance.drivers.command import CommandDriver
from conformance.drivers.control import ControlDriver
from conformance.drivers.driver import Driver, DriverBroken
from conformance.drivers.person import PersonDriver, read_options
from conformance.drivers.plugin import load_plugin
from conformance.drivers.sut import DriverKind, SystemUnderTest
from conformance.drivers.task import Desk

#: Makes the page on which a person is asked, at a port of this machine.
PageMaker = Callable[[int], Desk]


def make_driver(sut: SystemUnderTest, language: str, make_page: PageMaker | None = None) -> Driver:
    """The driver that the file names; our own party (`builtin`) needs none. Raises `DriverBroken`."""
    match sut.kind:
        case DriverKind.CONTROL:
            return ControlDriver(sut.address, token=sut.token, capabilities=sut.capabilities)
        case DriverKind.COMMAND:
            return CommandDriver(sut.command, sut.capabilities)
        case DriverKind.PLUGIN:
            return load_plugin(sut)
        case DriverKind.PERSON:
            return _person(sut, language, make_page)
        case DriverKind.BUILTIN:
            raise ValueError("our own party is no driver's matter")


def _person(sut: SystemUnderTest, language: str, make_page: PageMaker | None) -> Driver:
    options = read_options(sut.options)
    desk = None
    if options.page is not None:
        if make_page is None:
            raise DriverBroken(
                "此处没有页面,只能在终端询问", "there are no pages here; a person is asked on the terminal"
            )
        desk = make_page(options.page)
    return PersonDriver(
        sut.title,
        language,
        lambda: datetime.now(SHANGHAI),
        sut.capabilities,
        options=options,
        desk=desk,
        role=sut.role,
    )
