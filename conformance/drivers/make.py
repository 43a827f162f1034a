"""From the file of a system under test to its driver."""

from datetime import datetime

from bridge.vocabulary.times import SHANGHAI
from conformance.drivers.command import CommandDriver
from conformance.drivers.control import ControlDriver
from conformance.drivers.driver import Driver
from conformance.drivers.person import PersonDriver
from conformance.drivers.plugin import load_plugin
from conformance.drivers.sut import DriverKind, SystemUnderTest


def make_driver(sut: SystemUnderTest, language: str) -> Driver:
    """The driver that the file names; our own party (`builtin`) needs none. Raises `DriverBroken`."""
    match sut.kind:
        case DriverKind.CONTROL:
            return ControlDriver(sut.address, token=sut.token, capabilities=sut.capabilities)
        case DriverKind.COMMAND:
            return CommandDriver(sut.command, sut.capabilities)
        case DriverKind.PLUGIN:
            return load_plugin(sut)
        case DriverKind.PERSON:
            return PersonDriver(sut.title, language, lambda: datetime.now(SHANGHAI), sut.capabilities)
        case DriverKind.BUILTIN:
            raise ValueError("our own party is no driver's matter")
