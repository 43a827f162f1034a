"""Random lives of cases, told twice: as forms on the wire, and as plain facts that a recount can be made from without any of our code."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any, NamedTuple

from bridge.vocabulary.times import SHANGHAI
from duijie.figures.forms import FormHeard, Heard, ReceiptHeard

START = datetime(2026, 1, 20, 8, tzinfo=SHANGHAI)
PLACES = [(f"34020{n}", f"{kind}-34020{n}") for n in (2, 7) for kind in ("CA", "MU")]
OPERATORS = ["operator-1", "operator-2"]
MAX_REJECTIONS = 2


class Fact(NamedTuple):
    """Something that happened to a case."""

    case: str
    what: str
    at: datetime
    district: str = ""
    department: str = ""
    who: str = ""
    due: datetime | None = None


@dataclass
class Life:
    """One case from its hand-over on."""

    random: Random
    number: str
    facts: list[Fact] = field(default_factory=list)
    forms: list[FormHeard] = field(default_factory=list)

    def live(self) -> None:
        r = self.random
        self.now = START + timedelta(minutes=r.randrange(60 * 24 * 80))
        self.own = r.choice(PLACES)[0]
        self.fact("received")
        self.form(
            "handOver", handedOverAt=self.now, source=r.choice(["grid_platform", "hotline"]), kind="event",
            category=r.choice(["01", "05"]), subcategory="02", grade="ordinary", district=self.own, street=f"{self.own}001",
        )  # fmt: skip
        step: Any = self.unfiled
        while step is not None and r.random() > 0.04:
            self.now += timedelta(minutes=r.randrange(1, r.choice([200, 5_000, 30_000])))
            step = step()

    def fact(self, what: str, **more: Any) -> None:
        self.facts.append(Fact(self.number, what, self.now, **more))

    def form(self, form_type: str, **fields: Any) -> None:
        written = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in fields.items()}
        message_id = f"{self.number}:{len(self.forms)}"
        self.forms.append(FormHeard(message_id, form_type, {"caseNumber": self.number, **written}))

    def unfiled(self) -> Any:
        luck = self.random.random()
        who = self.random.choice(OPERATORS)
        if luck < 0.1:
            self.fact("withdrawn")
            self.form("withdrawal", withdrawnAt=self.now)
            return None
        if luck < 0.25:
            self.fact("declined", who=who)
            self.form("filingResult", outcome="declined", decidedAt=self.now, decidedBy=who, declineReason="unclear")
            return None
        return self.file(1, who)

    def file(self, ordinal: int, who: str) -> Any:
        self.task, self.rejections, self.ordinal = f"T{self.number}-{ordinal}", 0, ordinal
        self.fact("filed", who=who)
        self.form(
            "filingResult",
            outcome="filed",
            decidedAt=self.now,
            decidedBy=who,
            filingOrdinal=ordinal,
            taskNumber=self.task,
        )
        return self.dispatch

    def dispatch(self) -> Any:
        self.district, self.department = self.random.choice(PLACES)
        self.fact("dispatched", district=self.district)
        self.form("dispatch", taskNumber=self.task, district=self.district, dispatchedAt=self.now)
        return self.dispatched

    def dispatched(self) -> Any:
        if self.random.random() < 0.2:
            self.fact("returned", district=self.district)
            self.form(
                "returnNotice", taskNumber=self.task, decision="granted", district=self.district, noticedAt=self.now
            )
            return self.dispatch
        return self.assign()

    def assign(self, since: datetime | None = None) -> Any:
        self.due = self.now + timedelta(minutes=self.random.randrange(60, 8_000))
        self.fact("assigned", district=self.district, department=self.department, due=self.due)
        self.form(
            "stageProgress", taskNumber=self.task, stage="department_disposal", enteredAt=self.now,
            department=self.department, disposalDueAt=self.due,
        )  # fmt: skip
        return self.in_disposal

    def in_disposal(self) -> Any:
        luck = self.random.random()
        if luck < 0.15:
            self.due += timedelta(minutes=self.random.randrange(60, 3_000))
            self.fact("extended", district=self.district, department=self.department, due=self.due)
            self.form(
                "extensionNotice", taskNumber=self.task, decision="granted", noticedAt=self.now, disposalDueAt=self.due
            )
            return self.in_disposal
        if luck < 0.25:
            self.form("extensionNotice", taskNumber=self.task, decision="refused", noticedAt=self.now)
            return self.in_disposal
        if luck < 0.35:
            self.fact("transferred", district=self.district, department=self.department)
            self.district, self.department = self.random.choice(PLACES)
            self.form(
                "transferNotice", taskNumber=self.task, decision="granted", noticedAt=self.now, toDistrict=self.district
            )
            return self.assign()
        if luck < 0.42:
            self.fact("closed_as_false", district=self.district, department=self.department)
            self.form("closing", taskNumber=self.task, kind="false_report", closedAt=self.now)
            return None
        self.fact("disposed", district=self.district, department=self.department)
        self.form("verificationRequest", taskNumber=self.task, disposedAt=self.now)
        return self.to_verify

    def to_verify(self) -> Any:
        passed = self.random.random() < 0.55
        self.fact("verified" if passed else "not_passed", district=self.district, department=self.department)
        self.form(
            "verificationResult",
            taskNumber=self.task,
            outcome="passed" if passed else "not_passed",
            verifiedAt=self.now,
        )
        return self.to_close if passed else self.to_reject

    def to_close(self) -> Any:
        self.fact("closed", district=self.district, department=self.department)
        self.form("closing", taskNumber=self.task, kind="normal", closedAt=self.now)

    def to_reject(self) -> Any:
        self.rejections += 1
        self.fact("rejected", district=self.district, department=self.department)
        self.form("rejection", taskNumber=self.task, ordinal=self.rejections, rejectedAt=self.now)
        if self.rejections > MAX_REJECTIONS:
            self.fact("given_up", district=self.district, department=self.department)
            return self.file(self.ordinal + 1, "系统自动立案")
        self.fact("rework", district=self.district, department=self.department)
        return self.assign()


def city(seed: int, cases: int) -> list[Life]:
    """So many lives."""
    random = Random(seed)
    lives = [Life(random, f"C{n:04}") for n in range(cases)]
    for life in lives:
        life.live()
    return lives


def on_the_wire(lives: list[Life], seed: int) -> list[Heard]:
    """What a listener hears: cases between each other, forms and receipts repeated, late, and forms that were refused."""
    random = Random(seed)
    streams: list[list[Heard]] = []
    for life in lives:
        heard: list[Heard] = []
        for form in life.forms:
            if random.random() < 0.1:
                refused = FormHeard(f"{form.message_id}!", form.form_type, form.fields)
                heard += [refused, ReceiptHeard(refused.message_id, False)]
            heard += [form] * random.choice([1, 1, 2])
            heard += [ReceiptHeard(form.message_id, True)] * random.choice([1, 1, 3])
            if random.random() < 0.2:
                heard.append(form)
        streams.append(heard)
    mixed: list[Heard] = []
    while streams:
        stream = random.choice(streams)
        mixed.append(stream.pop(0))
        streams = [each for each in streams if each]
    return mixed
