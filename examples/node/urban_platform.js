/*
 * 城管平台一侧的服务,按契约建立:验令牌、收表单、给回执、收回执、答查询;业务在 urban.js。
 * A service on the urban platform's side, made of the contract: checks tokens, takes forms, gives receipts, takes receipts, answers
 * queries; the business is in urban.js.
 *
 * 用法 usage:  node urban_platform.js
 */

import { createHash, timingSafeEqual } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import soap from "soap";
import { call, client, inExchange, messageHeader } from "./exchange.js";
import { Urban } from "./urban.js";

/** 设置取自环境变量,缺省为示例配置的值。Settings come from the environment; by default they are the example profile's. */
const setting = (name, otherwise) => process.env[`DUIJIE_${name}`] || otherwise;
const contract = setting("CONTRACT", "contract");
const listen = Number(setting("PORT", "8102"));
/** 我方呼叫的地址:对接桥的 /grid,或网格平台。Where we call: the bridge's /grid, or the grid platform. */
const gridEndpoint = setting("GRID_ENDPOINT", "http://127.0.0.1:8100/grid");
const codes = { urban: setting("URBAN_CODE", "wuhu-urban"), grid: setting("GRID_CODE", "wuhu-grid") };
const ours = { username: setting("URBAN_USERNAME", "urban"), password: setting("URBAN_PASSWORD", "urban-demo") };
const theirs = { username: setting("GRID_USERNAME", "grid"), password: setting("GRID_PASSWORD", "grid-demo") };
/** 我方给回执的方式 how we give receipts: response | call */
const receipts = setting("RECEIPTS", "response");

const urban = new Urban();

// 服务 · The service

/** 把一个操作变成库要的样子:先验明呼叫方。An operation as the library wants it: who calls is checked first. */
function serve(operation) {
  return (body, respond, headers) => {
    try {
      respond(null, operation(body, admitted(headers)));
    } catch (fault) {
      respond(fault);
    }
  };
}

const operations = {
  DeliverForm: serve(({ form }, header) => {
    const [[type, content]] = Object.entries(form);
    const receipt = urban.formArrived(header.messageId, type, content);
    if (receipts === "response") return { receipt: inExchange(receipt) };
    // 以呼叫方式给回执时,应答仅表示签收。Where receipts are given by call, the answer only acknowledges.
    urban.giveByCall(receipt);
    return {};
  }),
  DeliverReceipt: serve(({ receipt }) => {
    urban.receiptArrived(receipt);
    return {};
  }),
  // 本例不答移交案卷的查询:一页空的。This example has no books to query: an empty page.
  QueryCases: serve((query) => ({ nextCursor: query.cursor ?? "0", more: false })),
};

/** 验明呼叫方,返回报文头;否则抛出类型化错误。Check who calls and give back the message header; else throw the typed fault. */
function admitted(headers) {
  const token = headers?.Security?.UsernameToken;
  if (!token || !isKnown(token)) {
    throw typedFault("NOT_AUTHENTICATED", "账号或口令不符", "The account or the password is not right");
  }
  const header = headers.messageHeader;
  if (!header) {
    throw typedFault("REQUIRED_MISSING", "缺少报文头 messageHeader", "The messageHeader is missing");
  }
  if (header.sender !== codes.grid || header.recipient !== codes.urban) {
    throw typedFault("WRONG_PARTY", "发送方或接收方代码不符", "Sender or recipient is not that of this link");
  }
  return header;
}

function isKnown({ Username, Password, Nonce, Created }) {
  const text = (value) => value?.$value ?? value ?? "";
  let expected = theirs.password;
  if (Nonce && Created) {
    const nonce = Buffer.from(text(Nonce), "base64");
    expected = createHash("sha1").update(nonce).update(text(Created) + theirs.password).digest("base64");
  }
  // 两项总是都比较,耗时不泄露哪项不对。Both are always compared: the time taken tells nothing.
  const same = (one, other) => timingSafeEqual(sha256(one), sha256(other));
  const [name, password] = [same(text(Username), theirs.username), same(text(Password), expected)];
  return name && password;
}

function sha256(value) {
  return createHash("sha256").update(value).digest();
}

/** 契约的类型化错误:收到它的一方知道报文确定未生效。The contract's typed fault: whoever gets it knows that nothing was done. */
function typedFault(code, zh, en) {
  const detail = inExchange({ exchangeFault: { code, messageZh: zh, messageEn: en } });
  return { Fault: { faultcode: "soap:Client", faultstring: `${zh} / ${en}`, detail } };
}

const server = createServer((_, response) => response.writeHead(404).end());
soap.listen(server, {
  path: "/soap",
  services: { UrbanExchangeService: { UrbanExchangePort: operations } },
  xml: readFileSync(`${contract}/urban.wsdl`, "utf8"),
  uri: `${contract}/urban.wsdl`,
});
server.listen(listen, "127.0.0.1", () => console.log(`城管平台示例在 ${listen} 就绪 the example urban platform is ready`));

// 发送 · Sending

const grid = await client(`${contract}/grid.wsdl`, gridEndpoint, ours);

/** 呼叫一次,应答不明时返回 undefined:稍后以同一标识重发。Call once; undefined when the outcome is unknown: the same id is sent again later. */
async function deliver(operation, body, messageId, about) {
  try {
    return await call(grid, operation, body, messageHeader(messageId, codes.urban, codes.grid, about));
  } catch (error) {
    console.error(`${operation} ${messageId}: ${error.message}`);
    return undefined;
  }
}

async function send() {
  for (const { messageId, receipt } of urban.receiptsToGive()) {
    const about = { caseNumber: receipt.caseNumber, formType: receipt.formType, attempt: 1 };
    if (await deliver("DeliverReceipt", { receipt }, messageId, about)) urban.receiptGiven(messageId);
  }
  for (const { messageId, caseNumber, formType, attempt, form } of urban.due()) {
    const answer = await deliver("DeliverForm", { form: { [formType]: form } }, messageId, { caseNumber, formType, attempt });
    if (answer?.receipt) urban.receiptArrived(answer.receipt);
    const fault = answer?.receipt?.fault;
    const outcome = answer?.receipt?.outcome ?? (answer ? "acknowledged" : "unanswered");
    console.log(`${formType} ${caseNumber}: ${outcome}${fault ? ` ${fault.code} ${fault.messageZh}` : ""}`);
  }
  setTimeout(send, 200);
}

await send();
