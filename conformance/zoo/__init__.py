"""The zoo: platforms and bridges that are wrong on purpose, one defect each, so that the judge can be judged.

A member is the right machine with one thing wrong in it, made by subclassing the part that the defect sits in. It takes a party's
place on a stage (`duijie.cast`) and must be found out: by a scenario that names the clause it breaks, or by the oracle's verdict
on that clause. docs/zoo.md says by which.

This package knows simulators and bridge from inside and so is an exhibit, never a part of the judge: nothing else in `conformance`
may import it (`tox -e layers`).
"""

from conformance.zoo.member import Member, members

__all__ = ["Member", "members"]
