"""The zoo's labels: permanent ids, a sentence in each language, and a member for every clause that can be seen from outside."""

import re
from collections import Counter

import pytest

from bridge.vocabulary.parties import Party
from conformance.clauses import clauses
from conformance.oracle.clause import all_rules
from conformance.zoo import Member, members
from conformance.zoo.member import member

MEMBERS = members()
#: Clauses of the families that the zoo answers for.
FAMILIES = ("GRID", "URBAN", "INT", "EXC", "XCHG", "RCPT", "CONT")


def test_there_are_at_least_sixty_members() -> None:
    assert len(MEMBERS) >= 60


def test_every_clause_that_the_oracle_knows_is_broken_by_somebody() -> None:
    assert {rule.clause for rule in all_rules()} - {each.clause for each in MEMBERS} == set()


def test_every_clause_of_the_exchange_is_broken_by_somebody() -> None:
    wanted = {each.id for each in clauses().values() if each.family in FAMILIES}
    assert wanted - {each.clause for each in MEMBERS} == set()


@pytest.mark.parametrize("each", MEMBERS, ids=lambda each: each.id)
def test_a_member_breaks_a_clause_that_its_party_must_keep(each: Member) -> None:
    assert each.party.value in clauses()[each.clause].obliged


@pytest.mark.parametrize("language", ["zh", "en"])
def test_no_two_members_of_a_party_have_the_same_defect(language: str) -> None:
    said = Counter((each.party, each.sentence(language)) for each in MEMBERS)
    assert [sentence for sentence, times in said.items() if times > 1] == []


@pytest.mark.parametrize("each", MEMBERS, ids=lambda each: each.id)
def test_a_label_is_in_both_languages(each: Member) -> None:
    assert re.search("[\u4e00-\u9fff]", each.zh)
    assert re.search("[a-z]", each.en)
    assert not re.search("[\u4e00-\u9fff]", each.en)


def test_the_party_is_the_first_word_of_the_id() -> None:
    assert {each.id.partition("-")[0] for each in MEMBERS} == {
        party.value for party in (Party.GRID, Party.BRIDGE, Party.URBAN)
    }
    assert all(each.id.startswith(each.party.value) for each in MEMBERS)


@pytest.mark.parametrize(
    ("member_id", "clause"),
    [
        ("bridge-forgets-receipts", "RCPT-1"),
        ("network-loses-forms", "RCPT-5"),
        ("grid-Shouts", "RCPT-5"),
        ("grid-x", "RCPT-0"),
    ],
    ids=["a name taken", "no such party", "a capital letter", "no such clause"],
)
def test_a_wrong_label_is_refused(member_id: str, clause: str) -> None:
    with pytest.raises(ValueError, match=member_id):
        member(member_id, clause=clause, zh="错", en="wrong")(object)
