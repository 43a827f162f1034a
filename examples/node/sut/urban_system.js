/*
 * 一个城管平台:案卷、立案、派遣、处置、送核查、结案、驳回计数、查重,各席位各办各的事。依据只有契约和条款。
 * An urban platform: cases, filing, dispatch, disposal, verification asked for, closing, rejections counted, duplicates told; each
 * seat does its own acts. Made from the contract and the clauses alone.
 *
 * 一切都在 `books` 里,是普通的值,可以整个写入磁盘。Everything is in `books`, plain values that can be written to disk as a whole.
 */

import { createHash } from "node:crypto";
import { now as written } from "../exchange.js";
import { later } from "./limits.js";
import { emptyPost, Post } from "./post.js";

export const emptyBooks = () => ({ cases: {}, order: [], notices: [], native: 0, tasks: 0, cursor: null, queryAt: null, post: emptyPost() });

const OVER = ["closed", "closed_false_report", "declined", "withdrawn"];

/** 拒绝办理,代码见 docs/simulators-urban.md。An act is refused; the codes are those of docs/simulators-urban.md. */
export class Refused extends Error {
  constructor(code, zh, en) {
    super(en);
    Object.assign(this, { code, zh, en });
  }
}

/** 各席位的操作:级别、状态、环节。The acts of each seat: its level, and where the case must be. */
const SEATS = {
  collector: "community", intake: "city", operator: "city", supervision: "city", district: "district", department: "district",
  city: "city", district_verifier: "district", city_verifier: "city", closer: "city", exchange: "city",
};
const ACTS = {
  "collector.report": {},
  "intake.report": {},
  "operator.complete": { status: "received" },
  "operator.file": { status: "received" },
  "operator.decline": { status: "received" },
  "operator.query": {},
  "supervision.dispatch": { stages: ["filing_and_dispatch"] },
  "supervision.decide_return": { stages: ["district_assignment"] },
  "district.assign": { stages: ["district_assignment"] },
  "district.send_back": { stages: ["district_assignment"] },
  "district.apply_transfer": { stages: ["district_assignment", "department_disposal"] },
  "city.decide_transfer": { stages: ["district_assignment", "department_disposal"] },
  "department.dispose": { stages: ["department_disposal"] },
  "department.apply_extension": { stages: ["department_disposal"] },
  "district.decide_extension": { stages: ["department_disposal"] },
  "department.apply_false_report": { stages: ["department_disposal"] },
  "city_verifier.decide_false_report": { stages: ["department_disposal"] },
  "district_verifier.verify": { stages: ["district_verification"], own: true },
  "city_verifier.verify": { stages: ["city_verification"], own: true },
  "closer.close": { stages: ["closing"], own: true },
  "exchange.resend": {},
  "exchange.give_up": {},
  "exchange.repair": {},
  "exchange.tell": {},
};
/** 立案后任何席位都不能注销(EXC-2)。No seat cancels a filed case. */
const CANCELLING = ["operator.cancel", "supervision.cancel", "district.cancel", "department.cancel", "city.cancel"];
export const ACT_NAMES = [...Object.keys(ACTS), ...CANCELLING];
export const QUESTIONS = ["case", "cases", "worklist", "forms", "forms_received", "parked", "refused", "receipts_kept", "notices", "contacts"];

export class UrbanSystem {
  constructor({ books, settings, city, clock, defect }) {
    Object.assign(this, { books, settings, city, clock, defect });
    this.post = new Post(books.post, settings, clock, defect, (kind, phase, form) => this.#tell(kind, phase, form.caseNumber, form.messageId));
    if (defect === "counts-rejections-per-restart") for (const each of Object.values(books.cases)) for (const filing of each.filings) filing.rejections = 0;
  }

  // 网格平台的表单 · Forms of the grid platform

  /** 受理或退回一份表单;退回时给出错误。Take a form, or say what is wrong with it. */
  decide(type, form) {
    const wrong = this.#wrongPhoto(type, form.attachments);
    if (wrong) return wrong;
    if (type === "handOver") return this.#handOver(form);
    const known = this.books.cases[form.caseNumber];
    if (!known || known.origin !== "transferred") return fault("CASE_UNKNOWN", `form/${type}/caseNumber`, "案卷号不存在", "No such case");
    if (type === "contactNotice") return this.#told(form);
    if (type === "withdrawal") return this.#withdrawal(known, form);
    if (OVER.includes(known.status)) return fault("CASE_ENDED", undefined, "案卷已结束", "The case has ended");
    if (type !== "supplement" && form.taskNumber !== known.filings.at(-1)?.task_number) {
      return fault("TASK_NUMBER_MISMATCH", `form/${type}/taskNumber`, "任务号与当前立案不符", "The task number is not the current filing's");
    }
    return this[`_${type}`](known, form);
  }

  #handOver(form) {
    const field = (name) => `form/handOver/${name}`;
    if (!form.description.trim()) return fault("REQUIRED_MISSING", field("description"), "描述为空", "The description is blank");
    if (!this.city.districts.includes(form.district)) return fault("CODE_UNKNOWN", field("district"), "无此区划", "No such district");
    const main = this.city.limits[form.kind]?.[form.category];
    if (!main) return fault("CODE_UNKNOWN", field("category"), "无此大类", "No such category");
    if (!main[form.subcategory]) return fault("CODE_UNKNOWN", field("subcategory"), "无此小类", "No such sub category");
    if (this.books.cases[form.caseNumber]) return fault("CASE_NUMBER_TAKEN", field("caseNumber"), "案卷号已被使用", "The case number is taken");
    const original = this.#originalOf(form);
    const made = this.#open(form.caseNumber, "transferred", form);
    if (!original) return undefined;
    // 重复案卷不予立案,并当即告知网格平台联系人(EXC-1)。A duplicate is declined and the grid side's contact told at once.
    this.#decline(made, "duplicate", `与案卷 ${original.case_number} 描述和照片均相同`, original.case_number);
    this.#tell("duplicate", "started", made.case_number, made.case_number, original.case_number);
    return undefined;
  }

  /** 先前收到的、描述和照片都相同的案卷。The case received before that has the same description and the same photos. */
  #originalOf(form) {
    const same = this.#likeness(form);
    if (same === undefined) return undefined;
    const declinedCount = this.settings["choices.duplicate_scope_includes_declined"];
    return this.books.order
      .map((number) => this.books.cases[number])
      .find((each) => each.origin === "transferred" && each.likeness === same && (declinedCount || each.status !== "declined"));
  }

  #likeness(form) {
    const text = this.settings["choices.fold_description"] ? form.description.normalize("NFC").trim().split(/\s+/u).join(" ") : form.description;
    if (this.defect === "compares-only-descriptions") return text;
    const photos = (form.attachments ?? []).filter((each) => each.kind !== "document").map((each) => each.sha256).sort();
    if (!photos.length && !this.settings["choices.no_photos_are_same_photos"]) return undefined;
    return JSON.stringify([text, photos]);
  }

  #open(number, origin, form) {
    const at = this.#now();
    const made = {
      case_number: number,
      origin,
      status: "received",
      stage: "filing_and_dispatch",
      source: form.source,
      data: {
        kind: form.kind, category: form.category, subcategory: form.subcategory, grade: form.grade, description: form.description,
        address: form.address, component_code: form.componentCode ?? null,
      },
      own_district: form.district,
      district: form.district,
      department: null,
      photos: photosOf(form.attachments),
      likeness: origin === "transferred" ? (this.#likeness(form) ?? null) : null,
      notes: [],
      received_at: at,
      disposal_started_at: null,
      disposal_due_at: null,
      filings: [],
      stages: [{ stage: "collector_report", filing_ordinal: 0, entered_at: at, completed_at: at, handler: form.reporterName, automatic: false }],
      applications: [],
      history: [{ at, who: form.reporterName, role: "reporter", what: "received" }],
      verification: null,
      decline_reason: null,
      original_case_number: null,
    };
    this.books.cases[number] = made;
    this.books.order.push(number);
    this.#enter(made, "filing_and_dispatch", "坐席员");
    return made;
  }

  #withdrawal(known) {
    const unfiled = known.status === "received" || (this.defect === "withdraws-filed-cases" && known.status === "open");
    if (!unfiled) return fault("CASE_ALREADY_FILED", undefined, "立案后不允许注销", "A filed case cannot be cancelled");
    this.#leave(known, "withdrawn");
    return undefined;
  }

  _supplement(known, form) {
    known.notes.push({ at: this.#now(), note: form.note, photos: photosOf(form.attachments) });
  }

  _verificationResult(known, form) {
    const filing = known.filings.at(-1);
    if (known.stage !== "district_verification" || known.verification || Number(form.round) !== filing.round) return outOfSequence();
    known.verification = form.outcome;
    // 两级核查自动完成,记在缺省用户名下(INT-5)。Both verification stages complete by themselves, under the default user.
    const record = { result: form.outcome, photos: photosOf(form.attachments), note: form.note ?? null };
    const verified = written(new Date(form.verifiedAt));
    for (const stage of ["district_verification", "city_verification"]) {
      if (stage === "city_verification") this.#enter(known, stage, this.settings["choices.auto_verifier"]);
      if (stage === "city_verification") known.stages.at(-1).entered_at = verified;
      Object.assign(known.stages.at(-1), record, { completed_at: verified, automatic: true, handler: this.settings["choices.auto_verifier"] });
    }
    known.stage = "district_verification";
    if (form.outcome === "passed") {
      this.#enter(known, "closing", "社管平台");
      this.#progress(known, "社管平台");
    }
    return undefined;
  }

  _rejection(known, form) {
    const filing = known.filings.at(-1);
    const fits = { passed: "reporter_dissatisfied", not_passed: "not_passed" }[known.verification];
    if (!known.verification || form.cause !== fits) return outOfSequence();
    const ordinal = filing.rejections + 1;
    if (Number(form.ordinal) !== ordinal && this.defect !== "counts-rejections-per-restart") return outOfSequence();
    filing.rejections = ordinal;
    known.verification = null;
    this.#record(known, "社管平台", "grid", "rejected", form.reason);
    if (ordinal > this.settings["choices.max_rejections"]) this.#refile(known, filing);
    else this.#toDisposal(known, this.defect !== "keeps-the-old-limit");
    return undefined;
  }

  _falseReportAnswer(known, form) {
    const asked = known.applications.find((each) => each.kind === "false_report" && each.awaits_grid);
    if (!asked) return outOfSequence();
    asked.awaits_grid = false;
    if (String(form.confirmed) === "true") this.#closeAsFalse(known);
    else Object.assign(asked, { decision: "refused", decision_reason: form.reason });
    return undefined;
  }

  _closing(known, form) {
    if (form.kind !== "normal" || known.stage !== "closing") return outOfSequence();
    this.#leave(known, "closed");
    return undefined;
  }

  #told(form) {
    const { kind, phase } = form;
    this.#note(kind, phase, form.caseNumber, form.caseNumber, { told_by: "grid", text_zh: form.text, related: form.relatedCaseNumber });
    return undefined;
  }

  #wrongPhoto(type, attachments = []) {
    for (const [index, { content, sha256, size }] of attachments.entries()) {
      const bytes = content === undefined ? undefined : Buffer.from(content, "base64");
      if (bytes && (digest(bytes) !== sha256 || bytes.length !== Number(size))) {
        return fault("ATTACHMENT_INVALID", `form/${type}/attachments[${index + 1}]/sha256`, "附件摘要或大小不符", "Digest or size does not match");
      }
    }
    return undefined;
  }

  // 人员办理 · What people do

  act(name, params, by) {
    const rule = ACTS[name] ?? (CANCELLING.includes(name) ? {} : undefined);
    if (!rule) throw new Refused("unknown_act", `没有操作 ${name}`, `there is no act ${name}`);
    const [role, verb] = name.split(".");
    const known = params.case === undefined ? undefined : this.books.cases[params.case];
    if (params.case !== undefined && !known) throw new Refused("unknown_case", `没有案卷 ${params.case}`, `no such case: ${params.case}`);
    this.#mayAct(role, known, params, by);
    if (rule.own && known.origin === "transferred") throw new Refused("hidden", "移交案卷由网格平台核查、结案", "the grid side verifies and closes transferred cases");
    if (verb === "cancel") throw this.#noCancelling(known);
    if (rule.status && known.status !== rule.status) throw known.filings.length ? new Refused("already_filed", "案卷已立案", "the case has been filed") : wrongState(known);
    if (rule.stages && (known.status !== "open" || !rule.stages.includes(known.stage))) throw wrongState(known);
    return this[`_${role}_${verb}`](known, params, by ?? role) ?? { case: known?.case_number, status: known?.status };
  }

  #mayAct(role, known, params, by) {
    if (!by) return;
    const [seat, territory] = [by.slice(0, by.indexOf("-")), by.slice(by.indexOf("-") + 1)];
    if (seat !== role) {
      throw SEATS[seat] === SEATS[role]
        ? new Refused("not_your_role", `${by} 不办此事`, `this is not what ${by} does`)
        : new Refused("not_your_level", `${by} 的级别不办此事`, `this is done at another level than that of ${by}`);
    }
    const place = { community: params.cell?.slice(0, 12), district: role === "department" ? known?.department : known?.district }[SEATS[role]];
    if (place && place !== territory) throw new Refused("not_your_territory", `不在 ${by} 的辖区`, `this lies outside the territory of ${by}`);
  }

  #noCancelling(known) {
    return known.filings.length ? new Refused("already_filed", "案卷已立案,不允许注销", "a filed case cannot be cancelled") : wrongState(known);
  }

  _collector_report(_, params) {
    return this._intake_report(_, { source: "collector", ...params });
  }

  _intake_report(_, { photos = [], component_code, cell = "340202001001001", kind = "event", grade = "ordinary", address = "无", ...params }) {
    const { category, subcategory } = params;
    if (!this.city.limits[kind]?.[category]?.[subcategory]) throw new Refused("bad_value", "无此类别", "no such category");
    this.books.native += 1;
    const number = `${cell.slice(0, 6)}-${this.#today()}-${800_000 + this.books.native}`;
    const form = { kind, grade, address, ...params, district: params.district ?? cell.slice(0, 6), reporterName: params.reporter_name ?? "采集员", componentCode: component_code };
    this.#open(number, "native", { ...form, attachments: photos.map((name) => photo(name, "report")) });
    return { case: number, status: "received" };
  }

  _operator_complete(known, { case: _, note, ...changes }) {
    Object.assign(known.data, changes);
    if (note) known.notes.push({ at: this.#now(), note, photos: [] });
  }

  _operator_file(known) {
    this.#file(known);
  }

  _operator_decline(known, { reason_code, reason }) {
    demanded(reason);
    this.#decline(known, reason_code, reason);
  }

  _operator_query() {
    this.books.queryAt = this.clock();
  }

  _supervision_dispatch(known, { district = known.district }) {
    if (!this.city.districts.includes(district)) throw new Refused("bad_value", `没有区 ${district}`, `no such district: ${district}`);
    this.#dispatch(known, district);
  }

  _district_assign(known, { department = this.city.departments[known.district] }) {
    known.department = department;
    this.#toDisposal(known, true);
  }

  _district_send_back(known, { reason }) {
    this.#apply(known, "return", reason, { district: known.district });
  }

  _supervision_decide_return(known, { grant, reason }) {
    const asked = this.#decided(known, "return", grant, reason);
    if (grant) this.#enter(known, "filing_and_dispatch", "监督考核中心");
    this.#notice(known, asked);
    if (grant) this.#progress(known, "监督考核中心");
  }

  _district_apply_transfer(known, { to_district, to_department = this.city.departments[to_district], reason }) {
    if (!this.city.districts.includes(to_district)) throw new Refused("bad_value", `没有区 ${to_district}`, `no such district: ${to_district}`);
    this.#apply(known, "transfer", reason, { from_district: known.district, to_district, to_department });
  }

  _city_decide_transfer(known, { grant, reason }) {
    const asked = this.#decided(known, "transfer", grant, reason);
    const assigned = known.stage === "department_disposal";
    if (grant) {
      Object.assign(known, { district: asked.to_district, department: asked.to_department });
      if (!assigned || this.settings["choices.restart_on_transfer"]) this.#startDisposal(known, !assigned);
    }
    this.#notice(known, asked);
    // 先前未到部门的,转办后即进入处置。A case that no department had yet is now with one.
    if (grant && !assigned) this.#progress(known, "区指挥中心");
  }

  _department_dispose(known, { result, photos = [] }) {
    if (this.#open_application(known, "false_report")) throw wrongState(known);
    const filing = known.filings.at(-1);
    filing.round += 1;
    this.#record(known, known.department, "department", "disposed", result);
    this.#enter(known, "district_verification", known.origin === "transferred" ? this.settings["choices.auto_verifier"] : "区核查员");
    if (known.origin !== "transferred") return;
    this.post.post(known.case_number, "verificationRequest", {
      taskNumber: filing.task_number,
      round: filing.round,
      disposalResult: result,
      disposedAt: this.#now(),
      district: known.district,
      department: known.department,
      ...attached(photos, "disposal"),
    });
  }

  _department_apply_extension(known, { reason, hours = 8 }) {
    this.#apply(known, "extension", reason, { hours, department: known.department });
  }

  _district_decide_extension(known, { grant, reason }) {
    const asked = this.#decided(known, "extension", grant, reason);
    if (grant) known.disposal_due_at = written(new Date(later(Date.parse(known.disposal_due_at), asked.hours, "working_hour", this.city)));
    this.#notice(known, asked);
  }

  _department_apply_false_report(known, { reason, photos = [] }) {
    demanded(reason);
    if (!photos.length) throw new Refused("photo_required", "须附现场照片", "an on-site photo is required");
    this.#apply(known, "false_report", reason, { photos, department: known.department });
  }

  _city_verifier_decide_false_report(known, { grant, reason }) {
    const asked = this.#decided(known, "false_report", grant, reason);
    if (!grant) return;
    const content = { taskNumber: known.filings.at(-1).task_number, reason: asked.reason, department: asked.department, appliedAt: asked.at };
    if (known.origin === "transferred") this.post.post(known.case_number, "falseReportApplication", { ...content, ...attached(asked.photos, "on_site") });
    asked.awaits_grid = known.origin === "transferred" && this.settings["choices.grid_confirms_false_report"];
    if (!asked.awaits_grid) this.#closeAsFalse(known);
  }

  _district_verifier_verify(known, { outcome, note = null }) {
    this.#verified(known, outcome, note, "city_verification");
  }

  _city_verifier_verify(known, { outcome, note = null }) {
    this.#verified(known, outcome, note, "closing");
  }

  #verified(known, outcome, note, next) {
    Object.assign(known.stages.at(-1), { result: outcome, note, automatic: false });
    if (outcome === "passed") this.#enter(known, next, "市级");
    else this.#toDisposal(known, true);
  }

  _closer_close(known) {
    this.#leave(known, "closed");
  }

  _exchange_resend(known, params) {
    this.post.resend(this.#stuck(known, params, ["parked"]));
  }

  _exchange_give_up(known, params) {
    this.post.giveUp(this.#stuck(known, params, ["parked"]));
  }

  _exchange_repair(known, params) {
    this.post.repair(this.#stuck(known, params, ["refused"]), params.changes);
  }

  _exchange_tell(known, { kind, text, phase = "started", related }) {
    // 同一事项发生时告知一次,解除时告知一次(CONT-2)。A matter is told once when it starts and once when it is over.
    const told = (known.told_far ??= []);
    if ((phase === "started") === told.includes(kind)) throw new Refused("wrong_state", "该事项的发生或解除已告知过", "that this matter has started, or is over, has been told");
    known.told_far = phase === "started" ? [...told, kind] : told.filter((each) => each !== kind);
    const notice = { kind, phase, text, noticedAt: this.#now(), contactName: this.city.contacts.grid_side, ...(related && { relatedCaseNumber: related }) };
    this.post.post(known.case_number, "contactNotice", notice);
  }

  #stuck(known, { form_type }, states) {
    const found = this.books.post.outbox.find(
      (each) => each.caseNumber === known.case_number && states.includes(each.state) && !each.repaired && [undefined, each.formType].includes(form_type),
    );
    if (!found) throw new Refused("not_waiting", "没有这样的表单等人处理", "no such form waits for a person");
    return found;
  }

  // 案卷的环节 · The stages of a case

  #file(known) {
    this.books.tasks += 1;
    const filing = {
      task_number: `T${this.#today()}-${String(this.books.tasks).padStart(6, "0")}`,
      ordinal: known.filings.length + 1,
      filed_at: this.#now(),
      outcome: null,
      rejections: this.#carriedOver(known),
      round: 0,
    };
    known.filings.push(filing);
    known.status = "open";
    this.#record(known, "坐席员", "operator", "filed", filing.task_number);
    if (known.origin !== "transferred") return;
    const result = { outcome: "filed", decidedAt: filing.filed_at, decidedBy: "坐席员", filingOrdinal: filing.ordinal, taskNumber: filing.task_number };
    this.post.post(known.case_number, "filingResult", result);
  }

  #carriedOver(known) {
    const before = known.filings.at(-1);
    return before && !this.settings["choices.counter_restarts_on_refiling"] ? before.rejections : 0;
  }

  /** 超过次数的驳回:本次立案记为超时未处置,重新立案派遣(INT-8)。The rejection beyond the last: overdue, filed and dispatched anew. */
  #refile(known, filing) {
    Object.assign(filing, { outcome: "overdue_not_disposed", ended_at: this.#now() });
    for (const asked of known.applications.filter((each) => each.decision === "applied" || each.awaits_grid)) {
      Object.assign(asked, { decision: "lapsed", awaits_grid: false });
      this.#notice(known, asked, filing);
    }
    this.#tell("repeated_rejection", "started", known.case_number, known.case_number);
    this.#enter(known, "filing_and_dispatch", "坐席员");
    this.#file(known);
    this.#dispatch(known, known.district);
  }

  #decline(known, code, reason, original) {
    Object.assign(known, { decline_reason: code, original_case_number: original ?? null });
    this.#leave(known, "declined");
    if (known.origin !== "transferred") return;
    const result = { outcome: "declined", decidedAt: this.#now(), decidedBy: "坐席员", filingOrdinal: 1, declineReason: code, reason };
    this.post.post(known.case_number, "filingResult", { ...result, ...(original && { originalCaseNumber: original }) });
  }

  #dispatch(known, district) {
    Object.assign(known, { district, department: null });
    this.#record(known, "监督考核中心", "supervision", "dispatched", district);
    this.#enter(known, "district_assignment", "区指挥中心");
    if (known.origin !== "transferred") return;
    const dispatch = { taskNumber: known.filings.at(-1).task_number, district, dispatchedAt: this.#now(), dispatchedBy: "监督考核中心" };
    this.post.post(known.case_number, "dispatch", dispatch);
    this.#progress(known, "区指挥中心");
  }

  #toDisposal(known, afresh) {
    if (afresh) this.#startDisposal(known, true);
    else this.#enter(known, "department_disposal", known.department);
    this.#progress(known, known.department);
  }

  #startDisposal(known, enters) {
    const start = this.clock();
    const [amount, unit] = known.data.grade === "urgent" ? this.#urgent(known) : this.city.limits[known.data.kind][known.data.category][known.data.subcategory];
    known.disposal_started_at = this.#now();
    known.disposal_due_at = written(new Date(later(start, amount, unit, this.city)));
    if (enters) this.#enter(known, "department_disposal", known.department);
  }

  /** 紧急案卷昼夜计时。Urgent cases run around the clock. */
  #urgent({ data }) {
    const [amount, unit] = this.city.limits[data.kind][data.category][data.subcategory];
    return [unit.endsWith("hour") ? amount : amount * 24, "urgent_hour"];
  }

  #closeAsFalse(known) {
    const taskNumber = known.filings.at(-1).task_number;
    this.#leave(known, "closed_false_report");
    if (known.origin === "transferred") this.post.post(known.case_number, "closing", { taskNumber, kind: "false_report", closedAt: this.#now(), closedBy: "市核查员" });
  }

  #leave(known, status) {
    known.status = status;
    Object.assign(known.stages.at(-1), { completed_at: known.stages.at(-1).completed_at ?? this.#now() });
    const filing = known.filings.at(-1);
    if (filing) Object.assign(filing, { outcome: status, ended_at: this.#now() });
    this.#record(known, "系统", "system", status);
    this.#tell("repeated_rejection", "over", known.case_number, known.case_number);
  }

  #enter(known, stage, handler) {
    const last = known.stages.at(-1);
    if (last && !last.completed_at) last.completed_at = this.#now();
    known.stage = stage;
    known.stages.push({ stage, filing_ordinal: known.filings.length, entered_at: this.#now(), completed_at: null, handler: handler ?? "", automatic: false });
  }

  /** 告知网格平台案卷进入的环节。Tell the grid platform which stage the case has entered. */
  #progress(known, handler) {
    if (known.origin !== "transferred") return;
    const disposal = known.stage === "department_disposal" && { department: known.department, disposalDueAt: known.disposal_due_at };
    const { task_number } = known.filings.at(-1);
    this.post.post(known.case_number, "stageProgress", { taskNumber: task_number, stage: known.stage, enteredAt: known.stages.at(-1).entered_at, handler, ...disposal });
  }

  #record(known, who, role, what, detail = "") {
    known.history.push({ at: this.#now(), who, role, what, detail });
  }

  // 申请 · Applications

  #open_application(known, kind) {
    return known.applications.find((each) => each.kind === kind && (each.decision === "applied" || each.awaits_grid));
  }

  #apply(known, kind, reason, more) {
    demanded(reason);
    if (this.#open_application(known, kind)) throw new Refused("duplicate_application", "已有同类申请待审批", "such an application is waiting already");
    const asked = { kind, decision: "applied", reason, at: this.#now(), filing: known.filings.length, awaits_grid: false, ...more };
    known.applications.push(asked);
    this.#notice(known, asked);
  }

  #decided(known, kind, grant, reason) {
    const asked = known.applications.find((each) => each.kind === kind && each.decision === "applied");
    if (!asked) throw new Refused("not_waiting", "没有此类申请待审批", "no such application is waiting");
    return Object.assign(asked, { decision: grant ? "granted" : "refused", decision_reason: reason ?? null, decided_at: this.#now() });
  }

  /** 延期、退办、转办的申请及结果告知网格平台。Applications and what became of them are told to the grid platform. */
  #notice(known, asked, filing = known.filings.at(-1)) {
    if (known.origin !== "transferred" || asked.kind === "false_report") return;
    const due = asked.decision === "granted" && { disposalDueAt: known.disposal_due_at };
    const head = { taskNumber: filing.task_number, decision: asked.decision, reason: asked.reason };
    const tail = { noticedAt: this.#now() };
    const [type, content] = {
      extension: ["extensionNotice", { ...head, department: asked.department, ...tail, ...due }],
      return: ["returnNotice", { ...head, district: asked.district, ...tail }],
      transfer: ["transferNotice", { ...head, fromDistrict: asked.from_district, toDistrict: asked.to_district, toDepartment: asked.to_department, ...tail, ...due }],
    }[asked.kind];
    this.post.post(known.case_number, type, content);
  }

  // 通知联系人 · Contact persons

  /** 每件事发生时通知一次,解除时一次(CONT-2)。Each matter is told once when it starts and once when it is over. */
  #tell(kind, phase, caseNumber, subject, related) {
    const open = this.books.notices.filter((each) => each.kind === kind && each.subject === subject && each.told_by === "urban").at(-1)?.phase === "started";
    if ((phase === "started") === Boolean(open)) return;
    this.#note(kind, phase, caseNumber, subject, { told_by: "urban", related, text_zh: `案卷 ${caseNumber}:${kind} ${phase}` });
  }

  #note(kind, phase, caseNumber, subject, { told_by, related, text_zh }) {
    const duty = kind === "duplicate" ? "grid_side" : "city_bureau";
    const contact = this.city.contacts[duty];
    this.books.notices.push({ at: this.#now(), kind, phase, case_number: caseNumber, subject, related_case_number: related ?? null, duty, contact, text_zh, told_by });
  }

  // 答问 · Questions

  ask(name, params) {
    const { cases, order, notices, post } = this.books;
    const ours = (each) => params.case === undefined || each.caseNumber === params.case;
    const shown = ({ caseNumber, messageId, formType, state, attempts, code }) => ({ case_number: caseNumber, message_id: messageId, form_type: formType, state, attempts, code: code ?? null });
    switch (name) {
      case "case":
        if (!cases[params.case]) throw new Refused("unknown_case", `没有案卷 ${params.case}`, `no such case: ${params.case}`);
        return this.#shown(cases[params.case]);
      case "cases":
        return order.map((number) => this.#shown(cases[number])).filter((each) => [undefined, each.status].includes(params.status));
      case "worklist":
        return this.#worklist(params.role);
      case "forms":
        return post.outbox.filter(ours).map(shown);
      case "forms_received":
        return Object.values(post.received).filter(({ receipt }) => ours(receipt)).map(({ receipt }) => receipt);
      case "parked":
      case "refused":
        return post.outbox.filter((each) => ours(each) && each.state === name).map(shown);
      case "receipts_kept":
        return post.kept;
      case "notices":
        return notices;
      case "contacts":
        return Object.entries(this.city.contacts).map(([duty, person]) => ({ duty, name: person }));
    }
    throw new Refused("unknown_ask", `没有查询 ${name}`, `there is no question ${name}`);
  }

  #shown({ likeness, ...known }) {
    const filing = known.filings.at(-1);
    return { ...known, task_number: filing?.task_number ?? null, filing_ordinal: filing?.ordinal ?? 0, rejections: filing?.rejections ?? 0 };
  }

  /** 一个席位的待办;移交案卷的核查、结案不在其中(INT-4)。What waits for a seat; transferred cases are not offered for verification. */
  #worklist(role) {
    return this.books.order
      .map((number) => this.books.cases[number])
      .map((known) => ({ case_number: known.case_number, acts: Object.keys(ACTS).filter((name) => name.startsWith(`${role}.`) && this.#waits(known, name)) }))
      .filter(({ acts }) => acts.length);
  }

  #waits(known, name) {
    const { status, stages, own } = ACTS[name];
    if (own && known.origin === "transferred" && this.defect !== "shows-verification-to-its-own-people") return false;
    const asked = { "supervision.decide_return": "return", "city.decide_transfer": "transfer", "district.decide_extension": "extension", "city_verifier.decide_false_report": "false_report" }[name];
    if (asked) return known.status === "open" && known.applications.some((each) => each.kind === asked && each.decision === "applied");
    return Boolean(status ? known.status === status : stages && known.status === "open" && stages.includes(known.stage));
  }

  // 查询 · Queries (XCHG-2)

  /** 网格平台查询已移交的案卷,按收到的次序分页。The grid platform asks for what it handed over, in the order of arrival. */
  page({ since, state, cursor, pageSize }) {
    const start = cursor === undefined ? 0 : Number(cursor);
    if (!/^\d+$/.test(cursor ?? "0") || start > this.books.order.length) return { fault: fault("CURSOR_INVALID", undefined, "查询游标无效", "The cursor is not valid") };
    const size = Math.min(Number(pageSize), this.settings["limits.page_size"]);
    const cases = [];
    let next = start;
    const fits = (each) =>
      each.origin === "transferred" && (!since || Date.parse(each.hand_over.handedOverAt) >= Date.parse(since)) && [undefined, this.#state(each)].includes(state);
    const handed = this.books.order.map((number) => this.#handed(this.books.cases[number]));
    for (; next < handed.length && cases.length < size; next += 1) {
      if (handed[next] && fits(handed[next])) cases.push({ messageId: handed[next].messageId, state: this.#state(handed[next]), handOver: handed[next].hand_over });
    }
    return { cases, nextCursor: String(next), more: handed.slice(next).some((each) => each && fits(each)) };
  }

  #handed(known) {
    const found = Object.entries(this.books.post.received).find(([, { form, receipt }]) => receipt.formType === "handOver" && form.caseNumber === known.case_number && receipt.outcome === "confirmed");
    return found && { ...known, messageId: found[0], hand_over: found[1].form };
  }

  #state({ status, filings }) {
    return { received: "handed_over", open: "filed" }[status] ?? (filings.length || status !== "closed" ? status : "closed");
  }

  #now() {
    return written(new Date(this.clock()));
  }

  #today() {
    return this.#now().slice(0, 10).replaceAll("-", "");
  }
}

function fault(code, field, zh, en) {
  return { code, field, zh, en };
}

function outOfSequence() {
  return fault("OUT_OF_SEQUENCE", undefined, "当前环节不接受此表单", "The form does not fit the case's stage");
}

function wrongState({ status, stage }) {
  return new Refused("wrong_state", `案卷处于 ${status}/${stage},不能办理`, `the case is ${status}, at ${stage}: this cannot be done now`);
}

function demanded(reason) {
  if (!reason?.trim()) throw new Refused("reason_required", "须说明原因", "a reason is required");
}

function digest(bytes) {
  return createHash("sha256").update(bytes).digest("hex");
}

function photosOf(attachments = []) {
  return attachments.filter((each) => each.kind !== "document").map(({ name, sha256, kind }) => ({ name, sha256, kind }));
}

/** 照片只有名称:同名即同图。A photo is only named here: the same name is the same picture. */
function photo(name, kind) {
  const bytes = Buffer.from(`\x89PNG ${name}`, "latin1");
  return { name: `${name}.png`, mediaType: "image/png", size: bytes.length, sha256: digest(bytes), kind, content: bytes.toString("base64") };
}

function attached(names, kind) {
  return names.length ? { attachments: names.map((name) => photo(name, kind)) } : {};
}
