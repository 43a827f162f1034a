"""The term table: one word, one meaning, in Chinese, in English and in the code.

`docs/glossary.md` is made from it, and a test finds every identifier in the code it names.
Sources: `std` a public standard's own wording, `use` usage in the field, `plan` the integration plan, `ours` a house choice.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Term:
    """A term of the field."""

    zh: str
    en: str
    #: `module:Name` or `module:Name.MEMBER` or `module:Name.field`.
    identifier: str
    source: str
    #: Clauses in which it matters most.
    clauses: str = ""


TERMS: tuple[Term, ...] = (
    Term("网格平台(社管平台)", "grid platform", "bridge.vocabulary.parties:Side.GRID", "plan", "GRID-1"),
    Term("数字城管平台", "urban-management platform", "bridge.vocabulary.parties:Side.URBAN", "plan", "URBAN-1"),
    Term("对接桥", "bridge", "bridge.vocabulary.parties:Party.BRIDGE", "ours"),
    Term("案卷号(问题编号)", "case number", "bridge.vocabulary.forms:HandOver.case_number", "plan", "RCPT-1"),
    Term("任务号", "task number", "bridge.vocabulary.forms:FilingResult.task_number", "plan", "INT-8"),
    Term("部件", "component", "bridge.vocabulary.codes:CaseKind.COMPONENT", "std", "GEN-4"),
    Term("事件", "event", "bridge.vocabulary.codes:CaseKind.EVENT", "std", "GEN-4"),
    Term("问题来源", "case source", "bridge.vocabulary.codes:CaseSource", "std", "GEN-1"),
    Term("大类", "category", "bridge.vocabulary.forms:HandOver.category", "std", "GEN-4"),
    Term("小类", "sub category", "bridge.vocabulary.forms:HandOver.subcategory", "std", "GEN-4"),
    Term("单元网格", "cell", "bridge.vocabulary.forms:HandOver.cell", "std", "GRID-1"),
    Term("所属区", "the case's own district", "bridge.vocabulary.forms:HandOver.district", "plan", "EXC-4"),
    Term("派遣处置区", "district dispatched to", "bridge.vocabulary.forms:Dispatch.district", "plan", "EXC-4"),
    Term("采集员上报", "collector report", "bridge.vocabulary.stages:UrbanStage.COLLECTOR_REPORT", "plan", "URBAN-2"),
    Term(
        "监督中心立案派遣",
        "filing and dispatch",
        "bridge.vocabulary.stages:UrbanStage.FILING_AND_DISPATCH",
        "plan",
        "URBAN-2",
    ),
    Term(
        "区指挥中心分派",
        "district assignment",
        "bridge.vocabulary.stages:UrbanStage.DISTRICT_ASSIGNMENT",
        "plan",
        "URBAN-2",
    ),
    Term(
        "部门处置", "department disposal", "bridge.vocabulary.stages:UrbanStage.DEPARTMENT_DISPOSAL", "plan", "URBAN-2"
    ),
    Term(
        "区核查",
        "district verification",
        "bridge.vocabulary.stages:UrbanStage.DISTRICT_VERIFICATION",
        "plan",
        "URBAN-2",
    ),
    Term("市核查", "city verification", "bridge.vocabulary.stages:UrbanStage.CITY_VERIFICATION", "plan", "URBAN-2"),
    Term("结案", "closing", "bridge.vocabulary.stages:UrbanStage.CLOSING", "plan", "URBAN-2"),
    Term("移交", "hand-over", "bridge.vocabulary.forms:HandOver", "plan", "GRID-6"),
    Term("补充信息", "supplement", "bridge.vocabulary.forms:Supplement", "ours", "XCHG-3"),
    Term("撤回", "withdrawal", "bridge.vocabulary.forms:Withdrawal", "ours", "EXC-2"),
    Term("立案", "filing", "bridge.vocabulary.codes:FilingOutcome.FILED", "std", "URBAN-2"),
    Term("不予立案", "decline filing", "bridge.vocabulary.codes:FilingOutcome.DECLINED", "std", "URBAN-4"),
    Term("派遣", "dispatch", "bridge.vocabulary.forms:Dispatch", "std", "URBAN-2"),
    Term("处置", "disposal", "bridge.vocabulary.forms:VerificationRequest.disposal_result", "std", "URBAN-2"),
    Term("核查", "verify, verification", "bridge.vocabulary.forms:VerificationResult", "plan", "INT-4"),
    Term("驳回", "rejection", "bridge.vocabulary.forms:Rejection", "plan", "INT-7"),
    Term(
        "举报人不满意",
        "reporter dissatisfied",
        "bridge.vocabulary.codes:RejectionCause.REPORTER_DISSATISFIED",
        "plan",
        "INT-7",
    ),
    Term(
        "超时未处置",
        "overdue, not disposed",
        "bridge.vocabulary.stages:ExchangeStage.OVERDUE_NOT_DISPOSED",
        "plan",
        "INT-8",
    ),
    Term("系统自动核查", "automatic verification", "bridge.vocabulary.profile:Choices.auto_verifier", "plan", "INT-5"),
    Term("重复案卷", "duplicate", "bridge.vocabulary.codes:DeclineReason.DUPLICATE", "plan", "EXC-1"),
    Term("举报不属实", "false report", "bridge.vocabulary.forms:FalseReportApplication", "plan", "EXC-3"),
    Term("转办", "transfer", "bridge.vocabulary.forms:TransferNotice", "plan", "EXC-5"),
    Term("退办", "return (send back)", "bridge.vocabulary.forms:ReturnNotice", "plan", "URBAN-4"),
    Term("延期", "extension", "bridge.vocabulary.forms:ExtensionNotice", "plan", "URBAN-4"),
    Term("处置时限", "disposal limit", "bridge.vocabulary.forms:StageProgress.disposal_due_at", "std", "INT-7"),
    Term("业务表单", "business form", "bridge.vocabulary.forms:FormType", "plan", "XCHG-3"),
    Term("业务回执", "receipt", "bridge.vocabulary.messages:Receipt", "plan", "RCPT-1"),
    Term("报文标识", "message id", "bridge.vocabulary.messages:Header.message_id", "ours", "RCPT-6"),
    Term("存疑", "in doubt", "bridge.core.exchange:DeliveryState.IN_DOUBT", "ours", "RCPT-5"),
    Term("挂起", "parked", "bridge.core.exchange:DeliveryState.PARKED", "ours", "RCPT-5"),
    Term("联系人", "contact person", "bridge.vocabulary.profile:Contact", "plan", "CONT-1"),
    Term("对接配置", "integration profile", "bridge.vocabulary.profile:Profile", "ours"),
)


def as_markdown() -> str:
    """The table as `docs/glossary.md` shows it."""
    lines = [
        "# 术语表 · Glossary",
        "",
        "Made from `bridge/vocabulary/glossary.py`; one word has one meaning in the whole product.",
        "",
        "| 中文 | English | in the code | source | clauses |",
        "|---|---|---|---|---|",
    ]
    lines += [f"| {t.zh} | {t.en} | `{t.identifier.partition(':')[2]}` | {t.source} | {t.clauses} |" for t in TERMS]
    return "\n".join(lines) + "\n"
