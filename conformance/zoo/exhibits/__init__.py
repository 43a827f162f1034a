"""The members themselves, one topic a file. A class announces itself with `conformance.zoo.member.member` and is found by being here."""
