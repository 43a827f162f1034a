"""The OpenAPI 3.1 description of a control port, made from the table of acts that the platform's desk works by."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from bridge.vocabulary.codes import (
    CaseGrade,
    CaseKind,
    CaseSource,
    DeclineReason,
    NoticeKind,
    NoticePhase,
    VerificationOutcome,
)
from bridge.vocabulary.forms import FormType
from bridge.vocabulary.parties import Side

_VERSION = "1.0"


@dataclass(frozen=True, slots=True)
class Act:
    """One act as the control port offers it."""

    name: str
    zh: str
    en: str
    required: tuple[str, ...]
    optional: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ask:
    """One question about a platform's state."""

    name: str
    zh: str
    en: str
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()


_BOTH = (
    Ask("case", "案卷全貌", "one case in full", ("case",)),
    Ask("may", "账号此刻可对案卷办理的事项", "the acts that an account may do with a case now", ("case", "account")),
    Ask("photo", "案卷中的一张照片,含内容", "a photo of a case, with its content", ("case", "sha256")),
    Ask("notices", "联系人通知记录", "notices to contact persons"),
    Ask("contacts", "联系人名录", "the contact book"),
    Ask("journal", "收发流水", "the journal of everything sent and received", optional=("case",)),
    Ask(
        "forms", "本方所发表单", "the forms of ours, of one case or of all, with state and attempts", optional=("case",)
    ),
    Ask(
        "forms_received",
        "收到的表单及所给回执",
        "the forms that came to us, of one case or of all, with the receipt of each",
        optional=("case",),
    ),
    Ask("accounts", "账号", "the accounts with role, level and territory"),
    Ask("parked", "挂起的表单", "forms that wait for a person"),
    Ask(
        "receipts_kept",
        "收到的回执",
        "every receipt that came: effective, late, repeated, contradictory, stray, and why",
    ),
)
ASKS: dict[Side, tuple[Ask, ...]] = {
    Side.GRID: (
        *_BOTH,
        Ask("cases", "案卷列表", "the cases", optional=("state", "cell", "last", "skip")),
        Ask("worklist", "待办", "what waits for a role", ("role",), ("level", "account", "case", "first", "skip")),
        Ask("cells", "单元网格", "the cells"),
        Ask("people", "网格内人口", "the people of a cell", ("cell",)),
    ),
    Side.URBAN: (
        *_BOTH,
        Ask("cases", "案卷列表", "the cases", optional=("status", "last", "skip")),
        Ask("worklist", "待办", "what waits for a role", ("role",), ("account", "case", "first", "skip")),
        Ask("departments", "部门", "the departments"),
        Ask("refused", "被退回的表单", "forms that were refused and wait for repair"),
        Ask("assessment", "月度考核", "the monthly assessment; transferred cases are left out", ("month",)),
    ),
}


def _one_of(codes: type[StrEnum]) -> dict[str, Any]:
    return {"type": "string", "enum": [code.value for code in codes]}


_TEXT: dict[str, Any] = {"type": "string"}
_YES_OR_NO: dict[str, Any] = {"type": "boolean"}
_CODE_2: dict[str, Any] = {"type": "string", "pattern": "^[0-9]{2}$"}

#: Schema and descriptions of every parameter; `act.parameter` where the name alone means different things.
PARAMETERS: dict[str, tuple[dict[str, Any], str, str]] = {
    "account": (_TEXT, "账号名", "account name"),
    "address": (_TEXT, "地址", "address"),
    "birth_year": ({"type": "integer"}, "出生年份", "year of birth"),
    "building": (_TEXT, "房屋编号", "building id"),
    "case": (_TEXT, "案卷号", "case number"),
    "category": (_CODE_2, "大类", "main category"),
    "cell": ({"type": "string", "pattern": "^[0-9]{15}$"}, "单元网格编码", "cell code"),
    "changes": ({"type": "object"}, "要修正的字段及新值", "fields to correct and their new values"),
    "community": (_TEXT, "社区编码", "community code"),
    "component_code": (_TEXT, "部件标识码", "component code"),
    "confirmed": (_YES_OR_NO, "是否确认", "whether it is confirmed"),
    "department": (_TEXT, "部门编码", "department code"),
    "description": (_TEXT, "问题描述", "description"),
    "district": (_TEXT, "区划编码", "district code"),
    "first": ({"type": "integer", "minimum": 0}, "只要最早这么多件", "only so many, the oldest first"),
    "floors": ({"type": "integer"}, "层数", "number of floors"),
    "form_type": (_one_of(FormType), "表单类型", "form type"),
    "grade": (_one_of(CaseGrade), "问题等级", "grade"),
    "grant": (_YES_OR_NO, "是否同意", "whether it is granted"),
    "hours": ({"type": "integer", "minimum": 1}, "延长的工作时数", "working hours more"),
    "household": (_TEXT, "住户编号", "household id"),
    "id": (_TEXT, "记录编号;不填则新增", "record id; a new one without it"),
    "kind": (_one_of(CaseKind), "问题类型", "kind"),
    "workstation.notify.kind": (_one_of(NoticeKind), "通知类型", "kind of notice"),
    "exchange.notify.kind": (_one_of(NoticeKind), "通知类型", "kind of notice"),
    "last": ({"type": "integer", "minimum": 0}, "只要最近这么多件,新的在前", "only so many, the newest first"),
    "level": (_TEXT, "层级:city、district、street、community", "level: city, district, street, community"),
    "month": ({"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}$"}, "月份", "month"),
    "name": (_TEXT, "名称", "name"),
    "note": (_TEXT, "说明", "note"),
    "outcome": (_one_of(VerificationOutcome), "核查结果", "outcome of the verification"),
    "phase": (_one_of(NoticePhase), "发生或解除", "started or over"),
    "phone": (_TEXT, "电话", "phone"),
    "photos": (
        {
            "type": "array",
            "items": {
                "oneOf": [
                    {"type": "string"},
                    {
                        "type": "object",
                        "properties": {"name": {"type": "string"}, "content": {"type": "string", "format": "byte"}},
                        "required": ["name", "content"],
                        "additionalProperties": False,
                    },
                ]
            },
        },
        "照片:拍摄的附 JPEG 或 PNG 内容,只给名字则画一张",
        "photos: one that was taken brings its content, JPEG or PNG; for a name alone one is drawn",
    ),
    "reason": (_TEXT, "理由", "reason"),
    "reason_code": (_one_of(DeclineReason), "不予立案原因", "reason for declining"),
    "related": (_TEXT, "相关案卷号", "related case"),
    "related_case": (_TEXT, "相关案卷号", "related case"),
    "reporter_name": (_TEXT, "举报人", "reporter"),
    "reporter_phone": (_TEXT, "举报人电话", "reporter's phone"),
    "result": (_TEXT, "办理结果", "result"),
    "role": (_TEXT, "岗位", "role"),
    "room": (_TEXT, "室号", "room"),
    "sha256": ({"type": "string", "pattern": "^[0-9a-f]{64}$"}, "照片的 SHA-256", "SHA-256 of the photo"),
    "skip": ({"type": "integer", "minimum": 0}, "跳过前这么多件", "without the first so many"),
    "source": (_one_of(CaseSource), "问题来源", "source"),
    "state": (_TEXT, "状态", "state"),
    "status": (_TEXT, "状态", "status"),
    "street": (_TEXT, "街道编码", "street code"),
    "subcategory": (_CODE_2, "小类", "sub category"),
    "text": (_TEXT, "通知内容", "text of the notice"),
    "to_department": (_TEXT, "转入部门编码", "department to transfer to"),
    "to_district": (_TEXT, "转入区编码", "district to transfer to"),
}


def acts(side: Side) -> list[Act]:
    """List what the people of a platform can do, as its desk's table has it."""
    if side is Side.GRID:
        from simulators.grid import desk as grid_desk

        return [_act(row, row.belongs is not None) for row in grid_desk.TABLE.values()]
    from simulators.urban import desk as urban_desk

    return [_act(row, row.about_a_case) for row in urban_desk.TABLE.values()]


def _act(row: Any, about_a_case: bool) -> Act:
    required = tuple(dict.fromkeys(("case", *row.required) if about_a_case else row.required))
    return Act(row.act, row.zh, row.en, required, tuple(row.optional))


def parameter(act: str, name: str) -> dict[str, Any]:
    """Describe one parameter of an act or question; `KeyError` for a name that nobody has described."""
    schema, zh, en = PARAMETERS.get(f"{act}.{name}") or PARAMETERS[name]
    return schema | {"description": f"{zh} / {en}"}


def document(side: Side) -> dict[str, Any]:
    """Make the whole description of one platform's control port."""
    title = (
        "网格平台控制口 / Grid platform control port"
        if side is Side.GRID
        else "城管平台控制口 / Urban platform control port"
    )
    paths: dict[str, Any] = {}
    for act in acts(side):
        paths[f"/acts/{act.name}"] = {"post": _act_operation(act)}
    for ask in ASKS[side]:
        paths[f"/asks/{ask.name}"] = {"get": _ask_operation(ask)}
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": _VERSION},
        "paths": paths | _OWN_PATHS,
        "components": {
            "schemas": {"Refusal": _REFUSAL, "Quiet": _QUIET},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}, {}],
    }


def _content(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _answers(good: str, *bad: tuple[str, str], schema: dict[str, Any] | None = None) -> dict[str, Any]:
    refusal = _content({"$ref": "#/components/schemas/Refusal"})
    return {"200": {"description": good, "content": _content(schema or {})}} | {
        status: {"description": why, "content": refusal} for status, why in bad
    }


def _properties(act: str, names: Iterable[str]) -> dict[str, Any]:
    return {name: parameter(act, name) for name in names}


def _act_operation(act: Act) -> dict[str, Any]:
    by = {"by": _TEXT | {"description": "办理账号,默认本辖区相应岗位 / account; by default the natural one"}}
    schema = {
        "type": "object",
        "properties": _properties(act.name, (*act.required, *act.optional)) | by,
        "required": list(act.required),
        "additionalProperties": False,
    }
    return {
        "operationId": act.name,
        "summary": f"{act.zh} / {act.en}",
        "requestBody": {"required": True, "content": _content(schema)},
        "responses": _answers(
            "办成 / done",
            ("400", "请求不是 JSON 对象 / not a JSON object"),
            ("409", "不允许,附原因 / refused, with the reason"),
        ),
    }


def _ask_operation(ask: Ask) -> dict[str, Any]:
    return {
        "operationId": f"ask.{ask.name}",
        "summary": f"{ask.zh} / {ask.en}",
        "parameters": [
            {"name": name, "in": "query", "required": name in ask.required, "schema": parameter(ask.name, name)}
            for name in (*ask.required, *ask.optional)
        ],
        "responses": _answers("答复 / the answer", ("409", "答不了,附原因 / no answer, with the reason")),
    }


_REFUSAL = {
    "type": "object",
    "properties": {"code": _TEXT, "message_zh": _TEXT, "message_en": _TEXT},
    "required": ["code", "message_zh", "message_en"],
}
_QUIET = {
    "type": "object",
    "properties": {
        "quiet": _YES_OR_NO,
        "next_due": {"type": ["string", "null"], "format": "date-time"},
        "now": {"type": "string", "format": "date-time"},
        "inputs": {"type": "integer"},
    },
    "required": ["quiet", "next_due", "now", "inputs"],
}
_QUIET_SCHEMA = {"$ref": "#/components/schemas/Quiet"}
_OWN_PATHS: dict[str, Any] = {
    "/health": {
        "get": {
            "operationId": "health",
            "summary": "是否在运行 / whether it runs",
            "security": [{}],
            "responses": _answers("在运行 / it runs"),
        }
    },
    "/quiet": {
        "get": {
            "operationId": "quiet",
            "summary": "是否静止 / whether all is quiet",
            "responses": _answers("时钟与在途 / clock and what is under way", schema=_QUIET_SCHEMA),
        }
    },
    "/clock": {
        "post": {
            "operationId": "clock",
            "summary": "拨快可控时钟 / set a steered clock forward",
            "requestBody": {
                "required": True,
                "content": _content(
                    {
                        "type": "object",
                        "properties": {"to": {"type": "string", "format": "date-time"}},
                        "required": ["to"],
                        "additionalProperties": False,
                    }
                ),
            },
            "responses": _answers(
                "时钟与在途 / clock and what is under way",
                ("400", "时间不可读 / no moment"),
                ("409", "不是可控时钟 / the clock is the real one"),
                schema=_QUIET_SCHEMA,
            ),
        }
    },
    "/openapi.json": {
        "get": {
            "operationId": "openapi",
            "summary": "本说明 / this description",
            "responses": _answers("OpenAPI 3.1"),
        }
    },
}
