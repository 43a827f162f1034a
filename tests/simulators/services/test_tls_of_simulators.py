"""Both simulators speak TLS with the right party, both ways, and with nobody else."""

import logging
import socket
from dataclasses import replace

import pytest
import requests
from conftest import form_message, make_profile, process
from papers import Papers
from test_process import wait_for

from bridge.vocabulary.calls import Answered, Call, Faulted, NotReached
from bridge.vocabulary.codes import ErrorCode
from bridge.vocabulary.parties import Side
from duijie.processes import free_port
from simulators.exchange.client import PlatformClient, wsdl_path
from simulators.exchange.tls import TlsFilesUnusable, serving
from simulators.process import StartFailed

HOST = "localhost"


@pytest.fixture(scope="module")
def papers(tmp_path_factory) -> Papers:
    return Papers(tmp_path_factory.mktemp("papers"))


@pytest.fixture(scope="module")
def pair(papers):
    profile = make_profile(*(f"https://{HOST}:{free_port()}/soap" for _ in range(2)))
    # Each serves under the host's name and calls under a name of its own.
    sections = {}
    for side in Side:
        certificate, key = papers.of(f"{side.value}.city.example")
        sections[side.value] = replace(
            profile.platform(side),
            tls=papers.tls(HOST, client_certificate=certificate, client_key=key),
            certificate_names=(f"{side.value}.city.example",),
        )
    profile = replace(profile, **sections)
    grid, urban = (process(side, profile) for side in Side)
    grid.start()
    urban.start()
    yield grid, urban
    grid.stop()
    urban.stop()


def caller(pair, papers, side: Side, **changes) -> PlatformClient:
    """Somebody who calls as the platform on this side, by its account."""
    grid, _ = pair
    account = grid.profile.platform(side)
    told = {"tls": account.tls, "address": grid.profile.platform(side.other).endpoint} | changes
    return PlatformClient(
        wsdl_path(side.other), told["address"], account.username, account.password, now=grid.clock.now, tls=told["tls"]
    )


def hand_over(client: PlatformClient):
    return client.make(Call(key=1, to=Side.URBAN, message=form_message()))


def test_a_form_and_its_receipt_go_both_ways_between_the_two(pair):
    grid, urban = pair
    grid.act("post", {"case": "340202-20260302-000077"})
    wait_for(lambda: [form["state"] for form in grid.ask("forms", {})] == ["confirmed"])
    assert [form["state"] for form in grid.ask("forms", {})] == ["confirmed"]
    assert "340202-20260302-000077" in urban.ask("arrived", {})


def test_another_partys_certificate_cannot_call_with_the_account(pair, papers):
    grid, _ = pair
    ending = hand_over(caller(pair, papers, Side.GRID, tls=grid.profile.urban.tls))
    assert isinstance(ending, Faulted)
    assert ending.fault.code is ErrorCode.NOT_AUTHORISED


OUTSIDERS = {
    "no certificate": lambda papers: papers.tls("x", client_certificate=None, client_key=None),
    "another authority's": lambda papers: papers.showing(papers.of_strangers("grid.city.example")),
    "an expired one": lambda papers: papers.showing(papers.expired("grid.city.example")),
}


@pytest.mark.parametrize("who", OUTSIDERS)
def test_whoever_shows_no_certificate_of_ours_surely_does_not_get_in(pair, papers, who, caplog):
    grid, urban = pair
    # What earlier tests began still ends.
    wait_for(lambda: grid.quiet and urban.quiet)
    before = urban.inputs
    with caplog.at_level(logging.WARNING):
        assert isinstance(hand_over(caller(pair, papers, Side.GRID, tls=OUTSIDERS[who](papers))), NotReached)
    assert urban.inputs == before
    wait_for(lambda: "connection was refused" in caplog.text)
    assert "city" not in caplog.text


def test_a_service_under_another_name_gets_nothing(pair, papers):
    _, urban = pair
    elsewhere = urban.profile.urban.endpoint.replace(HOST, "127.0.0.1")
    assert isinstance(hand_over(caller(pair, papers, Side.GRID, address=elsewhere)), NotReached)


def test_plain_http_to_the_tls_port_is_told_so_in_soap(pair, papers):
    _, urban = pair
    plain = urban.profile.urban.endpoint.replace("https", "http")
    ending = hand_over(caller(pair, papers, Side.GRID, address=plain, tls=None))
    assert isinstance(ending, Faulted)
    assert ending.fault.code is ErrorCode.NOT_AUTHORISED
    assert "https" in ending.fault.message_en


def test_chunked_and_heavy_requests_go_through(pair, papers):
    _, urban = pair
    tls = urban.profile.grid.tls

    def send(body):
        return requests.post(
            urban.profile.urban.endpoint,
            data=body,
            cert=(tls.client_certificate, tls.client_key),
            verify=tls.authorities,
            timeout=20,
        )

    assert b"SCHEMA_INVALID" in send(iter([b"<a>", b"</a>"])).content
    assert b"SCHEMA_INVALID" in send(b"<a>" + b"x" * 3_000_000 + b"</a>").content


def test_callers_who_say_nothing_hold_nobody_up(pair, papers):
    _, urban = pair
    port = int(urban.profile.urban.endpoint.rpartition(":")[2].partition("/")[0])
    silent = [socket.create_connection((HOST, port)) for _ in range(20)]
    try:
        assert isinstance(hand_over(caller(pair, papers, Side.GRID)), Answered)
    finally:
        for each in silent:
            each.close()


def test_files_that_cannot_be_used_stop_the_start_with_one_sentence(papers, tmp_path):
    good = papers.tls(HOST)
    rubbish = tmp_path / "rubbish.pem"
    rubbish.write_text("hello")
    sealed = tmp_path / "sealed.key"
    sealed.write_text("-----BEGIN ENCRYPTED PRIVATE KEY-----")
    wrong = {
        "cannot be read": replace(good, key=str(tmp_path / "missing.key")),
        "KEY_VALUES_MISMATCH": replace(good, key=papers.of("somebody.else")[1]),
        "of no use": replace(good, certificate=str(rubbish)),
        "is encrypted": replace(good, key=str(sealed)),
        "no certificate in": replace(good, client_authorities=str(rubbish)),
    }
    for said, tls in wrong.items():
        with pytest.raises(TlsFilesUnusable, match=said):
            serving(tls)
    profile = make_profile(f"https://{HOST}:{free_port()}/soap")
    profile = replace(profile, grid=replace(profile.grid, tls=replace(good, client_key=str(tmp_path / "missing.key"))))
    with pytest.raises(StartFailed, match="cannot be read"):
        process(Side.GRID, profile).start()
