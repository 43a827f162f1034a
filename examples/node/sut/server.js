/*
 * 城管平台的进程:SOAP 服务、发送、存盘,以及驱动的命令(由 driver.js 启动)。
 * The platform's process: the SOAP service, sending, keeping the books on disk, and the driver's commands. driver.js starts it.
 *
 * 在配置所说的地址监听,呼叫配置所说的地址;缺省为示例配置的值。It listens and calls where the profile says; by default as the example profile.
 */

import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { createServer, request } from "node:http";
import { connect } from "node:net";
import { createGunzip } from "node:zlib";
import soap from "soap";
import { call, inExchange, messageHeader, messageId, now as written, typedFault } from "../exchange.js";
import { ACT_NAMES, emptyBooks, QUESTIONS, Refused, UrbanSystem } from "./urban_system.js";

const setting = (name, otherwise) => process.env[`DUIJIE_${name}`] || otherwise;
const contract = setting("CONTRACT", "vendor");
const listen = Number(setting("PORT", "8102"));
const gridEndpoint = setting("GRID_ENDPOINT", "http://127.0.0.1:8101/soap");
const codes = { urban: setting("URBAN_CODE", "wuhu-urban"), grid: setting("GRID_CODE", "wuhu-grid") };
const ours = { username: setting("URBAN_USERNAME", "urban"), password: setting("URBAN_PASSWORD", "urban-demo") };
const theirs = { username: setting("GRID_USERNAME", "grid"), password: setting("GRID_PASSWORD", "grid-demo") };
const file = setting("STATE", "urban-system.json");
const city = JSON.parse(readFileSync(new URL("city.json", import.meta.url), "utf8"));
/** 故意留下的缺陷,用来检验套件。A defect on purpose, to try the suite with. */
const defect = process.env.DEFECT;

/** 对接配置中与我方有关的各项,缺省值与 docs/profile.md 相同。What concerns us of the integration profile, with the defaults of docs/profile.md. */
const PROFILE = {
  "urban.receipts": "call",
  "choices.auto_verifier": "系统自动核查",
  "choices.max_rejections": 3,
  "choices.counter_restarts_on_refiling": true,
  "choices.fold_description": true,
  "choices.no_photos_are_same_photos": true,
  "choices.duplicate_scope_includes_declined": true,
  "choices.grid_confirms_false_report": true,
  "choices.restart_on_transfer": true,
  "choices.hand_over": "push",
  "delivery.receipt_timeout_seconds": 300,
  "delivery.retry_gaps_seconds": [60, 300, 900, 3600],
  "delivery.max_attempts": 5,
  "delivery.query_interval_seconds": 300,
  "delivery.answer_timeout_seconds": 30,
  "limits.page_size": 200,
  "security.clock_skew_seconds": 300,
};

// 账册与时钟 · Books and clock

/** 一次开机到重置之间的一切。Everything between a start and a reset. */
let run;
const now = () => run.moment ?? Date.now();

function begin(kept) {
  run = { moment: kept.moment, settings: kept.settings, books: kept.books, nonces: kept.nonces, underWay: 0, scheduled: false };
  run.system = new UrbanSystem({ books: run.books, settings: run.settings, city, clock: now, defect });
  if (run.settings["choices.hand_over"] === "query") run.books.queryAt ??= now();
}

/** 先存盘,后应答。First to disk, then the answer. */
function save() {
  const { moment, settings, books, nonces } = run;
  writeFileSync(`${file}.new`, JSON.stringify({ moment, settings, books, nonces }));
  renameSync(`${file}.new`, file);
}

/** 可拨动的时钟停在此刻,直到第一次拨动。The clock that can be set stands here until it is. */
const BEGINNING = Date.parse("2026-03-02T00:00:00+08:00");
const fresh = (settings = {}) => ({ moment: process.send && BEGINNING, settings: { ...PROFILE, ...settings }, books: emptyBooks(), nonces: {} });
begin(existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : fresh());

// 服务 · The service

function serve(operation) {
  return (body, respond, headers, req) => {
    try {
      const answer = operation(plain(body), admitted(headers, req.received));
      save();
      respond(null, answer);
      later();
    } catch (error) {
      respond(error.Fault ? error : faultOf({ code: "INTERNAL", zh: "系统内部错误", en: error.message }));
      if (!error.Fault) console.error(error);
    }
  };
}

const operations = {
  DeliverForm: serve(({ form }, header) => {
    const [[type, content]] = Object.entries(form);
    const decide = header.caseNumber === content.caseNumber ? (...about) => run.system.decide(...about) : mismatch;
    const { receipt, fault } = run.system.post.arrived(header.messageId, type, content, decide);
    if (fault) throw faultOf(fault);
    if (run.settings["urban.receipts"] === "response") return { receipt: inExchange(receipt) };
    run.system.post.give(receipt);
    return {};
  }),
  DeliverReceipt: serve(({ receipt }) => {
    run.system.post.receiptArrived(receipt);
    return {};
  }),
  QueryCases: serve((query) => {
    const { fault, cases, ...rest } = run.system.page(query);
    if (fault) throw faultOf(fault);
    return { cases: cases.map(inExchange), ...rest };
  }),
};

function mismatch() {
  return { code: "CASE_NUMBER_MISMATCH", field: "messageHeader/caseNumber", zh: "报文头与表单的案卷号不一致", en: "Header and form name different cases" };
}

/** 验明呼叫方,返回报文头。Check who calls and give back the header. */
function admitted(headers, received) {
  const strange = Object.entries(headers ?? {}).find(([name, block]) => !["Security", "messageHeader"].includes(name) && isMust(block));
  if (strange) throw faultOf({ code: "SCHEMA_INVALID", zh: `不认得报文头 ${strange[0]}`, en: `The header ${strange[0]} is not understood`, faultcode: "MustUnderstand" });
  const token = headers?.Security?.UsernameToken;
  if (!token || !isKnown(token, received)) throw faultOf({ code: "NOT_AUTHENTICATED", zh: "身份验证失败", en: "Authentication failed" });
  const header = plain(headers.messageHeader ?? {});
  if (header.sender !== codes.grid || header.recipient !== codes.urban) {
    throw faultOf({ code: "WRONG_PARTY", zh: "发送方或接收方代码不符", en: "Sender or recipient is not that of this link" });
  }
  if (!/^1\./.test(header.contractVersion)) throw faultOf({ code: "VERSION_UNSUPPORTED", zh: "版本不支持", en: "The version is not supported" });
  return header;
}

function isMust(block) {
  return Object.entries(block?.attributes ?? {}).some(([name, value]) => /mustUnderstand$/.test(name) && ["1", "true"].includes(value));
}

function isKnown({ Username, Password, Nonce, Created }, received) {
  const text = (value) => value?.$value ?? value ?? "";
  let expected = theirs.password;
  if (Nonce && Created) {
    const [nonce, created] = [text(Nonce), text(Created)];
    expected = createHash("sha1").update(Buffer.from(nonce, "base64")).update(created + theirs.password).digest("base64");
    if (Math.abs(Date.parse(created) - now()) > run.settings["security.clock_skew_seconds"] * 1000) return false;
    // 随机数只用一次;一字不差的同一报文除外。A nonce is good for one message; the very same bytes may come twice.
    if ((run.nonces[nonce] ??= sha256(received).toString("hex")) !== sha256(received).toString("hex")) return false;
  }
  const same = (one, other) => timingSafeEqual(sha256(one), sha256(other));
  const [name, password] = [same(text(Username), theirs.username), same(text(Password), expected)];
  return name && password;
}

function sha256(value) {
  return createHash("sha256").update(value).digest();
}

function faultOf({ code, field, zh, en, faultcode = code === "INTERNAL" ? "Server" : "Client" }) {
  const detail = inExchange({ exchangeFault: { code, ...(field && { field }), messageZh: zh, messageEn: en } });
  return { Fault: { faultcode: `soap:${faultcode}`, faultstring: `${zh} / ${en}`, detail } };
}

/** 库读出的值变为普通的值:去掉属性,时间变回文字。What the library read, as plain values: no attributes, moments as texts. */
function plain(value) {
  if (value instanceof Date) return written(value);
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== "object") return value ?? undefined;
  if ("$value" in value) return value.$value;
  return Object.fromEntries(Object.entries(value).filter(([name]) => name !== "attributes").map(([name, each]) => [name, plain(each)]));
}

const http = createServer((req, response) => {
  // 契约所引用的结构。The schemas that the contract refers to.
  const schema = ["/urban.xsd", "/exchange.xsd"].find((each) => each === req.url);
  if (!schema) response.writeHead(404).end();
  else response.writeHead(200, { "Content-Type": "text/xml" }).end(readFileSync(`${contract}${schema}`));
});
soap.listen(http, {
  path: "/soap",
  services: { UrbanExchangeService: { UrbanExchangePort: operations } },
  xml: readFileSync(`${contract}/urban.wsdl`, "utf8"),
  uri: `${contract}/urban.wsdl`,
  callback: readFirst,
});

/** 库只读 UTF-8;各家字符集由此转成文字,读不懂的给出类型化错误。The library reads UTF-8 alone: whatever is sent becomes text here. */
function readFirst() {
  const [library] = http.listeners("request");
  http.removeAllListeners("request");
  http.on("request", async (req, response) => {
    // 契约:?wsdl。The contract, at ?wsdl.
    if (req.method === "GET") return library(req, response);
    try {
      const chunks = [];
      for await (const chunk of req.headers["content-encoding"] === "gzip" ? req.pipe(createGunzip()) : req) chunks.push(chunk);
      delete req.headers["content-encoding"];
      req.received = Buffer.concat(chunks);
      req.body = readable(req.received, req.headers["content-type"]);
      // 以正文的元素辨认操作,不看 SOAPAction。The operation is told by the element in the body, not by the SOAPAction.
      delete req.headers.soapaction;
      req.headers["content-type"] = "text/xml; charset=utf-8";
      library(req, response);
    } catch (error) {
      // 半途断开的请求无人等答。Nobody waits for the answer to a request that broke off.
      if (!req.complete) return;
      if (!error.Fault) console.error(error);
      response.writeHead(500, { "Content-Type": "text/xml; charset=utf-8" }).end(error.Fault ? envelope(error.Fault) : "");
    }
  });
}

/** 报文的文字;不是本契约的 SOAP 1.1 报文即抛出类型化错误。The text of a message; throws the typed fault when it is no SOAP 1.1 message of this contract. */
function readable(bytes, contentType = "") {
  const wrong = (code, zh, en, faultcode) => faultOf({ code, zh, en, faultcode });
  const marked = bytes[0] === 0xff || bytes[0] === 0xfe ? `utf-16${bytes[0] === 0xff ? "le" : "be"}` : undefined;
  const named = [contentType.match(/charset="?([\w-]+)/i)?.[1], bytes.subarray(0, 100).toString("latin1").match(/encoding=["']([\w-]+)/)?.[1]];
  // 标签不一致时取能严格解码的,UTF-8 优先。Where labels differ the one that decodes strictly wins, UTF-8 first.
  for (const charset of [marked, "utf-8", ...named, "gb18030"].filter(Boolean)) {
    const text = decoded(bytes, charset);
    if (text === undefined) continue;
    if (/<!DOCTYPE/i.test(text)) throw wrong("SCHEMA_INVALID", "不允许 DOCTYPE", "A document type declaration is not allowed");
    if (text.includes("http://www.w3.org/2003/05/soap-envelope")) throw wrong("VERSION_UNSUPPORTED", "只接受 SOAP 1.1", "SOAP 1.1 only", "VersionMismatch");
    if (!/<\/([\w.-]+:)?Envelope>\s*$/.test(text)) throw wrong("SCHEMA_INVALID", "报文不完整", "The message is not complete");
    return text.replace(/^\s*<\?xml[^>]*\?>/, "");
  }
  throw wrong("SCHEMA_INVALID", "报文的字符集无法识别", "The character set cannot be told");
}

function decoded(bytes, charset) {
  try {
    return new TextDecoder(charset, { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function envelope({ faultcode, faultstring, detail }) {
  const written = (value) => (typeof value === "object" ? Object.entries(value).map(([name, each]) => `<${name}>${written(each)}</${name}>`).join("") : value);
  const fault = written({ faultcode, faultstring, detail });
  return `<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/" xmlns:ex="urn:duijie:exchange:1.0"><soap:Body><soap:Fault>${fault}</soap:Fault></soap:Body></soap:Envelope>`;
}

// 发送 · Sending

/** 只等到时限为止的一次 HTTP 呼叫:整个应答都要在时限之内。One HTTP call, and no longer than the profile says for the whole answer. */
const patient = {
  request(url, body, callback, headers) {
    const signal = AbortSignal.timeout(run.settings["delivery.answer_timeout_seconds"] * 1000);
    const sent = request(url, { method: "POST", headers: { ...headers, "Content-Length": Buffer.byteLength(body) }, agent: false, signal });
    const failed = (error) => callback(error);
    sent.once("error", failed);
    sent.once("response", (response) => {
      const chunks = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.once("error", failed);
      response.once("end", () => {
        const text = Buffer.concat(chunks).toString();
        // 既非契约的应答,又非类型化错误:结果不明。Neither the contract's answer nor its fault: nobody knows.
        if (!/<\/(\w+:)?Envelope>\s*$/.test(text)) failed(new Error(`HTTP ${response.statusCode}, no SOAP`));
        else callback(null, { statusCode: response.statusCode, headers: response.headers, data: text }, text);
      });
    });
    sent.end(body);
  },
};

const grid = await soap.createClientAsync(`${contract}/grid.wsdl`, { endpoint: gridEndpoint, disableCache: true, httpClient: patient });
grid.setSecurity({ toXML: token });

/** 摘要令牌,时间取平台的时钟。A digest token by the platform's own clock. */
function token() {
  const nonce = randomBytes(16);
  const created = new Date(now()).toISOString().replace(/\.\d+Z$/, "Z");
  const password = createHash("sha1").update(nonce).update(created + ours.password).digest("base64");
  const wss = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss";
  return (
    `<wsse:Security xmlns:wsse="${wss}-wssecurity-secext-1.0.xsd" xmlns:wsu="${wss}-wssecurity-utility-1.0.xsd" soap:mustUnderstand="1"><wsse:UsernameToken>` +
    `<wsse:Username>${ours.username}</wsse:Username><wsse:Password Type="${wss}-username-token-profile-1.0#PasswordDigest">${password}</wsse:Password>` +
    `<wsse:Nonce EncodingType="${wss}-soap-message-security-1.0#Base64Binary">${nonce.toString("base64")}</wsse:Nonce>` +
    `<wsu:Created>${created}</wsu:Created></wsse:UsernameToken></wsse:Security>`
  );
}

async function deliver(operation, body, id, about) {
  const header = messageHeader(id, codes.urban, codes.grid, about);
  header["ex:messageHeader"]["ex:sentAt"] = written(new Date(now()));
  try {
    return { answer: plain(await call(grid, operation, body, header)) };
  } catch (error) {
    return { fault: typedFault(error), notTaken: error.code === "ECONNREFUSED" };
  }
}

/** 结果回来时,若已重置便不再相干。What comes back after a reset concerns nobody. */
async function send(operation, body, id, about, ended) {
  const started = run;
  run.underWay += 1;
  const outcome = await deliver(operation, body, id, about);
  started.underWay -= 1;
  if (started !== run) return;
  ended(outcome);
  save();
  later();
}

function pump() {
  const { receipts, forms } = run.system.post.due();
  for (const given of receipts) {
    const { caseNumber, formType } = given.receipt;
    const about = { caseNumber, formType, attempt: given.attempts };
    send("DeliverReceipt", { receipt: given.receipt }, given.messageId, about, (outcome) => run.system.post.receiptEnded(given, outcome));
  }
  for (const each of forms) {
    const about = { caseNumber: each.caseNumber, formType: each.formType, attempt: each.attempts };
    send("DeliverForm", { form: { [each.formType]: each.form } }, each.messageId, about, (outcome) => run.system.post.formEnded(each, outcome));
  }
  if (run.books.queryAt !== null && run.books.queryAt <= now()) query();
  if (receipts.length || forms.length) save();
}

/** 查询移交的案卷,接着上次的游标(XCHG-2)。Ask for the cases handed over, from where the last query ended. */
function query() {
  const interval = run.settings["delivery.query_interval_seconds"] * 1000;
  run.books.queryAt = run.settings["choices.hand_over"] === "query" ? now() + interval : null;
  const page = { ...(run.books.cursor && { cursor: run.books.cursor }), pageSize: run.settings["limits.page_size"] };
  send("QueryCases", page, messageId(), {}, ({ answer }) => {
    if (!answer?.nextCursor) return;
    for (const found of answer.cases ?? []) {
      if (found.state !== "handed_over") continue;
      const { receipt, again } = run.system.post.arrived(found.messageId, "handOver", found.handOver, (...about) => run.system.decide(...about));
      if (receipt && !again) run.system.post.give(receipt);
    }
    run.books.cursor = answer.nextCursor;
    if (String(answer.more) === "true") query();
  });
}

/** 应答先走,随后再看有什么要发。The answer goes first; then what is to be sent. */
function later() {
  const current = run;
  if (current.scheduled) return;
  current.scheduled = true;
  setImmediate(() => {
    current.scheduled = false;
    if (current === run) pump();
  });
}

// 真实时钟下定时看一看。With the real clock, look now and then.
setInterval(() => run.moment ?? later(), 200);

// 驱动的命令 · The driver's commands

/** 精确到毫秒:截去毫秒的时刻会早于定时事项。To the millisecond: cut to the second a moment would lie before what is due. */
const iso = (at) => at && new Date(at).toISOString();

const commands = {
  describe: () => ({
    name: "Node.js 示例城管系统 1.0", acts: ACT_NAMES, asks: [...QUESTIONS, "reach"], steered_clock: true, tells_quiet: true, restart: true, reset: true, refusal_codes: true,
  }),
  act: ({ name, params, by }) => run.system.act(name, params, by),
  ask: ({ name, params }) => (name === "reach" ? reached(params.address) : run.system.ask(name, params)),
  quiet: () => {
    const due = [run.system.post.nextDue(), run.books.queryAt].filter((each) => each !== undefined && each !== null);
    const next = due.length ? Math.min(...due) : undefined;
    const quiet = !run.underWay && !run.scheduled && !(next <= now());
    return { quiet, now: iso(run.moment), next_due: iso(next) };
  },
  steer: ({ to }) => {
    run.moment = Date.parse(to);
    if (run.settings["choices.hand_over"] === "query") run.books.queryAt = Math.min(run.books.queryAt, run.moment);
  },
  reset: ({ settings }) => begin(fresh(settings)),
};

/** 从系统一侧连一下套件的地址。Whether we get through to an address of the suite. */
const reached = (address) => {
  const { hostname, port } = new URL(address);
  return new Promise((tell) => {
    const line = connect({ host: hostname, port: Number(port || 80), timeout: 2000 });
    const end = (answer) => { line.destroy(); tell(answer); };
    line.on("connect", () => end({ reached: true }));
    line.on("timeout", () => end({ reached: false, detail: "timeout" }));
    line.on("error", ({ code }) => end({ reached: false, detail: code }));
  });
};

process.on("message", async ({ id, do: command, ...parts }) => {
  let outcome;
  try {
    if (!commands[command]) outcome = { not_offered: true };
    else {
      const answer = commands[command](parts);
      outcome = { ok: (answer instanceof Promise ? await answer : answer) ?? {} };
    }
    if (["act", "steer", "reset"].includes(command)) {
      save();
      later();
    }
  } catch (error) {
    if (error instanceof Refused) outcome = { refused: { code: error.code, message_zh: error.zh, message_en: error.en } };
    else outcome = { error: error.stack };
  }
  process.send({ id, ...outcome });
});

http.listen(listen, "127.0.0.1", () => process.send({ ready: true }));
// 停机前没发完的,接着发。What was not sent when we stopped goes out now.
later();
