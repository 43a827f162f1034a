/*
 * 示例城管平台的业务:一件案卷收到后自动立案、派遣、处置、送核查,核查后随网格平台结案或重新处置。
 * What the example urban platform does: a case that arrives is filed, dispatched, disposed of and sent for verification by itself;
 * after the verification it is closed, or disposed of once more, as the grid platform says.
 *
 * 对接双方都须做到的几件事在这里:重复的报文标识给同一回执;同一案卷一次只有一份表单在等回执;没有回执就以同一标识重发。
 * What the exchange asks of everybody is here: a known message id gets the same receipt; one form of a case waits for its receipt
 * at a time; without a receipt the same form is sent again under the same id.
 *
 * 示例把一切放在内存里;真实平台先存入数据库再应答。
 * The example keeps everything in memory; a real platform writes it into its database before it answers.
 */

import { createHash } from "node:crypto";
import { messageId as newMessageId, now } from "./exchange.js";

export class Urban {
  #received = new Map();
  #cases = new Map();
  #outbox = [];
  #receiptsToGive = new Map();
  #tasks = 0;

  /** 收到一份表单;给出回执。同一标识再来:同一回执,不再办理。A form has arrived; its receipt. The same id again: the same receipt, nothing done twice. */
  formArrived(messageId, type, form) {
    if (!this.#received.has(messageId)) {
      this.#received.set(messageId, this.#decide(messageId, type, form));
    }
    return this.#received.get(messageId);
  }

  /** 收到我方表单的回执,按案卷号和报文标识对应。The receipt of a form of ours, matched by case number and message id. */
  receiptArrived(receipt) {
    const answers = (each) => each.caseNumber === receipt.caseNumber && each.messageId === receipt.formMessageId;
    const form = this.#outbox.find((each) => answers(each) && each.state === "waiting");
    if (form) Object.assign(form, { state: receipt.outcome, fault: receipt.fault });
  }

  /** 可以发出的表单:每件案卷至多一份。Forms that may be sent now: one a case at the most. */
  due() {
    const first = new Map();
    for (const each of this.#outbox.filter((form) => form.state !== "confirmed")) {
      if (!first.has(each.caseNumber)) first.set(each.caseNumber, each);
    }
    const due = [...first.values()].filter((each) => each.state === "waiting" && each.sendAt <= Date.now());
    for (const each of due) {
      each.attempt += 1;
      // 间隔逐次加长。The gaps grow.
      each.sendAt = Date.now() + 10_000 * 2 ** each.attempt;
    }
    return due;
  }

  /** 回执改以呼叫方式给出。The receipt is to be given by call. */
  giveByCall(receipt) {
    const messageId = newMessageId();
    this.#receiptsToGive.set(messageId, { messageId, receipt });
  }

  receiptsToGive() {
    return [...this.#receiptsToGive.values()];
  }

  receiptGiven(messageId) {
    this.#receiptsToGive.delete(messageId);
  }

  // 业务 · The business

  #decide(messageId, type, form) {
    const fault = this.#faultOf(type, form);
    if (!fault) this.#take(type, form);
    const receipt = {
      caseNumber: form.caseNumber,
      formMessageId: messageId,
      formType: type,
      outcome: fault ? "error" : "confirmed",
      decidedAt: now(),
    };
    return fault ? { ...receipt, fault } : receipt;
  }

  #faultOf(type, form) {
    for (const [index, { content, sha256 }] of (form.attachments ?? []).entries()) {
      const digest = content && createHash("sha256").update(Buffer.from(content, "base64")).digest("hex");
      if (digest && digest !== sha256) {
        const field = `form/${type}/attachments[${index + 1}]/sha256`;
        return fault("ATTACHMENT_INVALID", field, "附件摘要不符", "The digest is not that of the content");
      }
    }
    const known = this.#cases.get(form.caseNumber);
    if (type === "handOver") {
      return known && fault("CASE_NUMBER_TAKEN", "form/handOver/caseNumber", "案卷号已被使用", "The case number is taken");
    }
    if (!known) return fault("CASE_UNKNOWN", `form/${type}/caseNumber`, "案卷号不存在", "No such case");
    if (type === "withdrawal") {
      return fault("CASE_ALREADY_FILED", undefined, "立案后不允许注销", "A filed case cannot be cancelled");
    }
    if (form.taskNumber && form.taskNumber !== known.taskNumber) {
      return fault("TASK_NUMBER_MISMATCH", `form/${type}/taskNumber`, "任务号与当前立案不符", "Not the current task");
    }
    return undefined;
  }

  #take(type, form) {
    const number = form.caseNumber;
    switch (type) {
      case "handOver":
        this.#cases.set(number, { filing: 0, district: form.district, status: "open" });
        this.#file(number);
        break;
      case "verificationResult":
        if (form.outcome === "passed") this.#progress(number, "closing", "系统自动核查");
        break;
      case "rejection":
        // 第四次驳回:超时未处置,重新立案;否则重新处置。The fourth rejection leads to a new filing, the others back to disposal.
        if (form.ordinal > 3) this.#file(number);
        else this.#dispose(number);
        break;
      case "closing":
        this.#cases.get(number).status = "closed";
        break;
    }
  }

  #file(number) {
    const known = this.#cases.get(number);
    this.#tasks += 1;
    known.filing += 1;
    known.round = 0;
    known.taskNumber = `T${now().slice(0, 10).replaceAll("-", "")}-${String(this.#tasks).padStart(6, "0")}`;
    this.#post(number, "filingResult", {
      outcome: "filed",
      decidedAt: now(),
      decidedBy: "坐席员",
      filingOrdinal: known.filing,
      taskNumber: known.taskNumber,
    });
    this.#post(number, "dispatch", {
      taskNumber: known.taskNumber,
      district: known.district,
      dispatchedAt: now(),
      dispatchedBy: "监督考核中心",
    });
    this.#dispose(number);
  }

  #dispose(number) {
    const known = this.#cases.get(number);
    known.round += 1;
    // 处置环节须给出时限。The disposal stage names its limit.
    const limit = { department: "D01", disposalDueAt: now(new Date(Date.now() + 4 * 3600_000)) };
    this.#progress(number, "department_disposal", "区指挥中心", limit);
    this.#post(number, "verificationRequest", {
      taskNumber: known.taskNumber,
      round: known.round,
      disposalResult: "垃圾已清运,地面已冲洗",
      disposedAt: now(),
      district: known.district,
      department: "D01",
    });
  }

  #progress(number, stage, handler, more = {}) {
    const { taskNumber } = this.#cases.get(number);
    this.#post(number, "stageProgress", { taskNumber, stage, enteredAt: now(), handler, ...more });
  }

  #post(caseNumber, formType, content) {
    const form = { caseNumber, ...content };
    this.#outbox.push({ messageId: newMessageId(), caseNumber, formType, form, attempt: 0, sendAt: 0, state: "waiting" });
  }
}

function fault(code, field, messageZh, messageEn) {
  // 不适用的成员省去。What does not apply is left out.
  return { code, ...(field && { field }), messageZh, messageEn };
}
