/*
 * 收发:每份表单一份回执;同一案卷一次只有一份表单在等回执;没有回执就以同一标识、逐次加长的间隔重发,用尽后挂起。
 * The post: one receipt for each form; one form of a case waits for its receipt at a time; without a receipt the same form is sent
 * again under the same id after growing gaps, and parked in the end (XCHG-3, RCPT-1 to RCPT-6).
 */

import { isDeepStrictEqual } from "node:util";
import { messageId as newMessageId, now as written } from "../exchange.js";

/** 仅表示现在不行的类型化错误。Typed faults that only say «not now». */
const NOT_NOW = ["BUSY", "INTERNAL"];
/** 不认我方账号的类型化错误,与表单无关。Typed faults that do not accept our account and say nothing of the form. */
const SHUT_OUT = ["NOT_AUTHENTICATED", "ACCOUNT_LOCKED", "NOT_AUTHORISED"];
const ENDED = ["confirmed", "refused", "given_up"];

export const emptyPost = () => ({ received: {}, outbox: [], toGive: [], kept: [] });

export class Post {
  /** `tell(kind, phase, form)` 通知联系人。It tells a contact person. */
  constructor(books, settings, clock, defect, tell) {
    Object.assign(this, { books, settings, clock, defect, tell });
    // 停机时正在发送的,结果不明:立即以同一标识再发。What was being sent when we stopped is in doubt: the same again.
    for (const each of [...books.outbox, ...books.toGive]) {
      if (each.state === "sending") Object.assign(each, { state: "gap", dueAt: clock(), tried: 0 });
    }
  }

  // 收到的 · What comes in

  /** 收到一份表单,给出回执;同一标识再来给同一回执。A form has arrived: its receipt; the same again under the same id. */
  arrived(messageId, type, form, decide) {
    const before = this.books.received[messageId];
    if (before && !isDeepStrictEqual(before.form, form)) {
      return { fault: { code: "MESSAGE_ID_REUSED", zh: "报文标识重复而内容不同", en: "The message id was used for other content" } };
    }
    if (before && this.defect !== "acts-on-repetitions") return { receipt: before.receipt, again: true };
    const fault = decide(type, form);
    const receipt = {
      caseNumber: form.caseNumber,
      formMessageId: messageId,
      formType: type,
      outcome: fault ? "error" : "confirmed",
      decidedAt: written(new Date(this.clock())),
      ...(fault && { fault: { code: fault.code, ...(fault.field && { field: fault.field }), messageZh: fault.zh, messageEn: fault.en } }),
    };
    this.books.received[messageId] = { form, receipt };
    return { receipt };
  }

  /** 回执改以呼叫方式给出。The receipt is to be given by a call of its own. */
  give(receipt) {
    this.books.toGive.push({ messageId: newMessageId(), receipt, attempts: 0, tried: 0, state: "gap", dueAt: this.clock() });
  }

  /** 收到我方表单的回执,按案卷号和报文标识对应;不对应的留存。The receipt of a form of ours, matched by case and message id; others are kept. */
  receiptArrived(receipt) {
    const form = this.books.outbox.find((each) => each.messageId === receipt.formMessageId && each.caseNumber === receipt.caseNumber);
    const waits = form && !["waiting", "parked", ...ENDED].includes(form.state);
    let keptAs = "effective";
    if (!form || form.state === "waiting") keptAs = "stray";
    else if (["parked", "given_up"].includes(form.state)) keptAs = "late";
    else if (!waits) keptAs = form.outcome === receipt.outcome && form.code === receipt.fault?.code ? "repeated" : "contradictory";
    this.books.kept.push({
      at: written(new Date(this.clock())),
      kept_as: keptAs,
      case_number: receipt.caseNumber,
      form_message_id: receipt.formMessageId,
      form_type: receipt.formType,
      outcome: receipt.outcome,
      code: receipt.fault?.code ?? null,
    });
    if (!waits) return;
    Object.assign(form, { outcome: receipt.outcome, code: receipt.fault?.code });
    this.#end(form, receipt.outcome === "confirmed" ? "confirmed" : "refused");
  }

  // 发出的 · What goes out

  /** 交付一份表单,排在本案卷先前的表单之后。A form to be sent, behind the earlier ones of its case. */
  post(caseNumber, formType, content) {
    const form = { caseNumber, ...content };
    this.books.outbox.push({ messageId: newMessageId(), caseNumber, formType, form, attempts: 0, tried: 0, state: "waiting", dueAt: 0 });
  }

  /** 此刻该发的;标为发送中。What is to be sent at this moment; it is marked as being sent. */
  due() {
    const moment = this.clock();
    for (const each of this.#lanes()) if (each.state === "awaiting" && each.dueAt <= moment) this.#again(each);
    const receipts = this.books.toGive.filter((each) => each.state === "gap" && each.dueAt <= moment);
    const giving = new Set(this.books.toGive.filter((each) => each.state !== "gap" || each.attempts === 0).map((each) => each.receipt.caseNumber));
    // 先给回执,再发同一案卷的表单。The receipt goes first, then the forms of its case.
    const ready = (each) => ["waiting", "gap"].includes(each.state) && each.dueAt <= moment && !giving.has(each.caseNumber);
    const forms = this.#lanes().filter(ready);
    for (const each of [...receipts, ...forms]) Object.assign(each, { state: "sending", attempts: each.attempts + 1, tried: each.tried + 1 });
    return { receipts, forms };
  }

  /** 下一个定时事项。The next moment at which something is due. */
  nextDue() {
    const waiting = [...this.#lanes(), ...this.books.toGive].filter((each) => ["waiting", "gap", "awaiting"].includes(each.state));
    return waiting.length ? Math.min(...waiting.map((each) => each.dueAt)) : undefined;
  }

  /** 一次发送的结果:应答、类型化错误,或不知道。How a sending ended: an answer, a typed fault, or nobody knows. */
  formEnded(form, { answer, fault, notTaken }) {
    if (form.state !== "sending") return; // 回执已先到 its receipt came first
    if (answer?.receipt) {
      this.receiptArrived(answer.receipt);
      // 应答中的回执不是本表单的:仍在等。The receipt in the answer was another form's: this one still waits.
      if (form.state === "sending") this.#await(form);
    } else if (answer) {
      this.#await(form);
    } else if (fault && SHUT_OUT.includes(fault.code)) {
      form.tried -= 1;
      this.#again(form);
    } else if (fault && !NOT_NOW.includes(fault.code)) {
      // 先前的发送可能已到,此次退回便不能当真。An earlier sending may have arrived, so this refusal is not the last word.
      if (form.inDoubt) this.#park(form);
      else {
        form.code = fault.code;
        this.#end(form, "refused");
      }
    } else {
      if (!notTaken && !fault) form.inDoubt = true;
      this.#again(form);
    }
  }

  receiptEnded(given, { answer, fault }) {
    const again = !answer && !(fault && !NOT_NOW.includes(fault.code)) && given.tried < this.settings["delivery.max_attempts"];
    if (again) Object.assign(given, { state: "gap", dueAt: this.clock() + this.#gap(given.tried) });
    else this.books.toGive.splice(this.books.toGive.indexOf(given), 1);
  }

  // 人来处理 · What people do

  resend(form) {
    Object.assign(form, { state: "gap", dueAt: this.clock(), tried: 0 });
  }

  giveUp(form) {
    this.#end(form, "given_up");
  }

  repair(form, changes) {
    this.tell("system_fault", "over", form);
    form.repaired = true;
    this.post(form.caseNumber, form.formType, { ...form.form, ...changes });
  }

  // 内部 · Inside

  /** 每件案卷第一份未了结的表单。The first unfinished form of each case. */
  #lanes() {
    const first = new Map();
    for (const each of this.books.outbox) if (!ENDED.includes(each.state) && !first.has(each.caseNumber)) first.set(each.caseNumber, each);
    return [...first.values()];
  }

  #gap(tried) {
    const gaps = this.settings["delivery.retry_gaps_seconds"];
    return gaps[Math.min(Math.max(tried, 1), gaps.length) - 1] * 1000;
  }

  #await(form) {
    Object.assign(form, { state: "awaiting", inDoubt: true, dueAt: this.clock() + this.settings["delivery.receipt_timeout_seconds"] * 1000 });
  }

  #again(form) {
    if (form.tried >= this.settings["delivery.max_attempts"]) return this.#park(form);
    if (this.defect === "new-id-on-repetition") form.messageId = newMessageId();
    Object.assign(form, { state: "gap", dueAt: this.clock() + this.#gap(form.tried) });
  }

  #park(form) {
    form.state = "parked";
    this.tell("parked", "started", form);
  }

  #end(form, state) {
    this.tell("parked", "over", form);
    form.state = state;
    if (state === "refused") this.tell("system_fault", "started", form);
  }
}
