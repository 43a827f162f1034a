"""The driver of a system under test, with a page for the person where its file asks for one."""

from conformance.drivers.driver import Driver
from conformance.drivers.make import make_driver
from conformance.drivers.sut import SystemUnderTest
from conformance.drivers.task import Desk
from duijie.console_text import Language


def driver_of(sut: SystemUnderTest, language: Language) -> Driver:
    """The driver that the file names. Raises `DriverBroken`."""

    def make_page(port: int) -> Desk:
        from duijie.person_page import Page

        return Page(port, language, sut.title)

    return make_driver(sut, language, make_page)
