/*
 * 两个示例共用的部分:客户端的建立、报文头、身份令牌、附件。
 * What both examples share: making a client, the message header, the security token, attachments.
 */

import { createHash, randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import soap from "soap";

const EXCHANGE = "urn:duijie:exchange:1.0";
const CONTRACT_VERSION = "1.0";
/** 对接桥以 response 方式给回执时最多等 25 秒。A bridge that answers with the receipt takes up to 25 seconds. */
const PATIENCE = 40_000;

/** 由契约建立客户端。A client made of the contract. */
export function client(wsdl, endpoint, account) {
  return soap.createClientAsync(wsdl, { endpoint, disableCache: true }).then((made) => {
    made.setSecurity(token(account));
    return made;
  });
}

/** 身份令牌:摘要(含随机数和时间)或明文。The security token: digest, with nonce and time, or text. */
function token({ username, password, digest = true }) {
  return new soap.WSSecurity(username, password, {
    passwordType: digest ? "PasswordDigest" : "PasswordText",
    hasTokenCreated: digest,
    // 契约只要求 UsernameToken,不要求 Timestamp。The contract asks for a UsernameToken, not for a Timestamp.
    hasTimeStamp: false,
    mustUnderstand: true,
  });
}

/**
 * 呼叫一个操作,返回应答内容。Call an operation and give back what it answers.
 *
 * 头块名要写前缀,否则发出的元素没有命名空间;上一次呼叫的头块要先清除。
 * The header block is named with a prefix, else it is sent without a namespace; the last call's block is cleared first.
 */
export async function call(made, operation, body, header) {
  made.clearSoapHeaders();
  made.addSoapHeader(header, "", "ex", EXCHANGE);
  const [answer] = await made[`${operation}Async`](body, { timeout: PATIENCE });
  return answer ?? {};
}

/** 报文头;查询时不给 about。成员按契约的顺序,不适用的省去。The message header, in the contract's order; a query has no `about`. */
export function messageHeader(messageId, sender, recipient, about = {}) {
  return {
    "ex:messageHeader": inExchange({
      messageId,
      sender,
      recipient,
      ...about,
      sentAt: now(),
      contractVersion: CONTRACT_VERSION,
    }),
  };
}

/**
 * 给成员名加上共用命名空间的前缀。写头块和应答时库不看契约,须自己写明。
 * Put the shared namespace's prefix before the members' names: in header blocks and answers the library does not look into the contract.
 */
export function inExchange(members) {
  const written = (value) => (Array.isArray(value) ? value.map(written) : typeof value === "object" ? inExchange(value) : value);
  return Object.fromEntries(Object.entries(members).map(([name, value]) => [`ex:${name}`, written(value)]));
}

/** 照片。大小和 SHA-256 按原始字节计算;base64 要自己做。A photo; size and digest are of the raw bytes, the base64 is ours to make. */
export function attachment(path, kind) {
  const content = readFileSync(path);
  return {
    name: basename(path),
    mediaType: "image/png",
    size: content.length,
    sha256: createHash("sha256").update(content).digest("hex"),
    kind,
    content: content.toString("base64"),
  };
}

/** 新的报文标识。A new message id. */
export function messageId() {
  return `urn:uuid:${randomUUID()}`;
}

/**
 * 此刻,北京时间,带时区。This moment in Beijing time, with its zone.
 *
 * 时间一律给字符串:Date 对象会被库发成空元素。Moments are given as texts: the library sends a Date as an empty element.
 */
export function now(at = new Date()) {
  return new Date(at.getTime() + 8 * 3600_000).toISOString().replace(/\.\d+Z$/, "+08:00");
}

/** 类型化错误;不是类型化错误时为 undefined。The typed fault; undefined when it is none. */
export function typedFault(error) {
  const fault = error.root?.Envelope?.Body?.Fault;
  return fault?.detail?.exchangeFault && { faultcode: fault.faultcode, ...fault.detail.exchangeFault };
}
