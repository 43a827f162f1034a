"""Small hand-built traces for the judge: a telling of what crossed the wire, without any platform behind it."""

from datetime import datetime, timedelta
from typing import Any

from bridge.vocabulary.parties import Side
from bridge.vocabulary.profile import PlatformProfile, Profile
from bridge.vocabulary.times import SHANGHAI
from conformance.oracle.trace import Record, Trace

PROFILE = Profile(
    name="judge",
    grid=PlatformProfile(code="wuhu-grid", endpoint="http://grid", username="g", password="x"),
    urban=PlatformProfile(code="wuhu-urban", endpoint="http://urban", username="u", password="x"),
)
CASE = "340202-20260302-000001"
OTHER = "340202-20260302-000002"
TASK, TASK2 = "T20260302-000001", "T20260302-000002"
START = datetime(2026, 3, 2, 9, 0, tzinfo=SHANGHAI)

HAND_OVER: Record = {
    "source": "grid_platform",
    "kind": "event",
    "category": "01",
    "subcategory": "02",
    "grade": "ordinary",
    "description": "路边垃圾堆放",
    "address": "人民路 1 号",
    "district": "340202",
    "street": "340202001",
    "community": "340202001001",
    "cell": "340202001001001",
    "reportedAt": START.isoformat(),
    "reporterName": "王芳",
    "handedOverAt": START.isoformat(),
    "handedOverBy": "virtual-city-appearance",
}


def uuid(number: int) -> str:
    return f"urn:uuid:00000000-0000-4000-8000-{number:012d}"


def photo(name: str, kind: str) -> Record:
    return {
        "name": name,
        "mediaType": "image/png",
        "size": 9,
        "sha256": (name.encode().hex() + "0" * 64)[:64],
        "kind": kind,
    }


class Story:
    """Tells a trace record by record; every record stands a second after the one before it."""

    def __init__(self) -> None:
        self.trace = Trace()
        self.now = START
        self.ids = 0
        self.calls = 0

    def add(self, type_: str, **values: Any) -> Record:
        self.now += timedelta(seconds=1)
        return self.trace.append(type_, self.now, **values)

    def wait(self, **delta: float) -> "Story":
        self.now += timedelta(**delta)
        return self

    def iso(self, **delta: float) -> str:
        return (self.now + timedelta(**delta)).isoformat()

    def call(
        self, sender: str, to: str, form_type: str, *, case: str = CASE, attempt: int = 1, id_: str = "", **more: Any
    ) -> int:
        """A form leaves; gives the number of its call. `more` are the form's fields, or `record_…` ones of the record."""
        if not id_:
            self.ids += 1
            id_ = uuid(self.ids)
        self.calls += 1
        grid_writes = sender == Side.GRID or to == Side.URBAN
        codes = (PROFILE.grid.code, PROFILE.urban.code)
        values: Record = {
            "call": self.calls,
            "from": sender,
            "to": to,
            "operation": "DeliverForm",
            "message_id": id_,
            "attempt": attempt,
            "case_number": case,
            "form_type": form_type,
            "contract_version": "1.0",
            "header_sender": codes[0 if grid_writes else 1],
            "header_recipient": codes[1 if grid_writes else 0],
            "form": {"caseNumber": case} | {k: v for k, v in more.items() if not k.startswith("record_")},
        }
        values |= {k.removeprefix("record_"): v for k, v in more.items() if k.startswith("record_")}
        self.add("call", **values)
        self.last_id = id_
        return self.calls

    def answer(
        self, call: int, outcome: str = "receipt", *, code: str | None = None, given: bool = False, **receipt: Any
    ) -> Record:
        """The call is answered: with the receipt unless said otherwise."""
        body: Record = {}
        if outcome == "receipt" or given:
            body = {"receipt": self.receipt_for(call, code=code, **receipt)}
        elif outcome == "fault":
            body = {"fault": {"code": code, "messageZh": "错", "messageEn": "wrong"}}
        if given:
            return self.add("answer", call=call, outcome="lost", given={"outcome": "receipt"} | body)
        return self.add("answer", call=call, outcome=outcome, **body)

    def receipt_for(self, call: int, *, code: str | None = None, **values: Any) -> Record:
        record = next(r for r in self.trace.of_type("call") if r["call"] == call)
        receipt = {
            "caseNumber": record["form"]["caseNumber"],
            "formMessageId": record["message_id"],
            "formType": record["form_type"],
            "outcome": "error" if code else "confirmed",
            "decidedAt": START.isoformat(),
        }
        if code:
            receipt["fault"] = {"code": code, "messageZh": "错", "messageEn": "wrong"}
        return receipt | values

    def receipt_call(
        self,
        call: int,
        *,
        answered: str | None = "acknowledged",
        injected: bool = False,
        code: str | None = None,
        **values: Any,
    ) -> int:
        """The receipt of an earlier call travels as a call of its own."""
        form_call = next(r for r in self.trace.of_type("call") if r["call"] == call)
        receipt = self.receipt_for(call, code=code, **values)
        self.calls += 1
        self.ids += 1
        record: Record = {
            "call": self.calls,
            "from": form_call["to"],
            "to": form_call["from"],
            "operation": "DeliverReceipt",
            "message_id": uuid(900000 + self.ids),
            "attempt": 1,
            "case_number": receipt["caseNumber"],
            "form_type": receipt["formType"],
            "contract_version": "1.0",
            "header_sender": form_call["header_recipient"],
            "header_recipient": form_call["header_sender"],
            "receipt": receipt,
            "injected": injected or None,
        }
        self.add("call", **record)
        if answered:
            self.add("answer", call=self.calls, outcome=answered)
        return self.calls

    def form(self, sender: str, to: str, form_type: str, *, code: str | None = None, **more: Any) -> int:
        """A form and its receipt in the response."""
        call = self.call(sender, to, form_type, **more)
        self.answer(call, code=code)
        return call

    def up(self, form_type: str, **more: Any) -> int:
        return self.form("grid", "urban", form_type, **more)

    def down(self, form_type: str, **more: Any) -> int:
        return self.form("urban", "grid", form_type, **more)

    def act(
        self,
        party: str,
        name: str,
        *,
        code: str | None = None,
        result: Any = None,
        by: str | None = None,
        **params: Any,
    ) -> Record:
        return self.add(
            "act",
            party=party,
            act=name,
            by=by,
            params=params,
            outcome="refused" if code else "done",
            code=code,
            result=result,
        )

    def fact(self, party: str, ask: str, answer: Any, **params: Any) -> Record:
        return self.add("fact", party=party, ask=ask, params=params, answer=answer)

    # -- chapters of a life --

    def hand_over(self, *, case: str = CASE, **more: Any) -> int:
        self.act("grid", "workstation.hand_over", case=case)
        return self.up("handOver", case=case, **(HAND_OVER | more))

    def filed(self, *, case: str = CASE, task: str = TASK, ordinal: int = 1) -> int:
        return self.down(
            "filingResult",
            case=case,
            outcome="filed",
            decidedAt=self.iso(),
            decidedBy="坐席",
            filingOrdinal=ordinal,
            taskNumber=task,
        )

    def declined(self, *, case: str = CASE, decline_reason: str = "unclear", **more: Any) -> int:
        return self.down(
            "filingResult",
            case=case,
            outcome="declined",
            decidedAt=self.iso(),
            decidedBy="坐席",
            filingOrdinal=1,
            declineReason=decline_reason,
            reason="位置不清",
            **more,
        )

    def dispatch(self, *, task: str = TASK, district: str = "340202", **more: Any) -> int:
        return self.down(
            "dispatch", taskNumber=task, district=district, dispatchedAt=self.iso(), dispatchedBy="监督中心", **more
        )

    def disposal(self, *, task: str = TASK, due: str | None = None) -> int:
        return self.down(
            "stageProgress",
            taskNumber=task,
            stage="department_disposal",
            enteredAt=self.iso(),
            handler="市容科",
            disposalDueAt=due or self.iso(hours=4),
        )

    def ask_verification(self, *, task: str = TASK, round_: int = 1, district: str = "340202") -> int:
        return self.down(
            "verificationRequest",
            taskNumber=task,
            round=round_,
            disposalResult="已清理",
            disposedAt=self.iso(),
            district=district,
            department="CA-340202",
        )

    def verify(self, outcome: str = "passed", *, task: str = TASK, round_: int = 1, **more: Any) -> int:
        return self.up(
            "verificationResult",
            taskNumber=task,
            round=round_,
            outcome=outcome,
            verifier="李强",
            verifiedAt=self.iso(),
            **more,
        )

    def reject(self, ordinal: int, *, task: str = TASK, cause: str = "not_passed", **more: Any) -> int:
        return self.up(
            "rejection", taskNumber=task, ordinal=ordinal, cause=cause, reason="仍有垃圾", rejectedAt=self.iso(), **more
        )

    def close(self, *, task: str = TASK, kind: str = "normal") -> int:
        send = self.up if kind == "normal" else self.down
        return send("closing", taskNumber=task, kind=kind, closedAt=self.iso(), closedBy="工作站")

    def until_disposal(self) -> "Story":
        self.hand_over()
        self.filed()
        self.dispatch()
        self.disposal()
        return self

    def until_verified(self, outcome: str = "passed") -> "Story":
        self.until_disposal()
        self.ask_verification()
        self.verify(outcome)
        return self

    def rejected(self, times: int) -> "Story":
        self.until_disposal()
        for ordinal in range(1, times + 1):
            self.ask_verification(round_=ordinal)
            self.verify("not_passed", round_=ordinal)
            self.wait(hours=1)
            self.reject(ordinal)
            if ordinal < times:
                self.disposal()
        return self


def bridged(story: Story) -> Story:
    """The same life with a bridge between: each form relayed, confirmed at the far end first."""
    told = Story()
    answers = {r["call"]: r for r in story.trace.of_type("answer")}
    for record in story.trace.records:
        if record["type"] == "answer":
            continue
        if record["type"] != "call":
            told.add(record["type"], **{k: v for k, v in record.items() if k not in ("n", "at", "type")})
            continue
        receipt = answers[record["call"]]["receipt"]
        code = (receipt.get("fault") or {}).get("code")
        more = {k: v for k, v in record["form"].items() if k != "caseNumber"}
        near = told.call(
            record["from"], "bridge", record["form_type"], case=record["case_number"], id_=record["message_id"], **more
        )
        far = told.call(
            "bridge", record["to"], record["form_type"], case=record["case_number"], id_=record["message_id"], **more
        )
        told.answer(far, code=code)
        told.answer(near, code=code)
    return told
