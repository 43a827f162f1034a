/*
 * 网格平台一侧的客户端:移交带照片的案卷、读回执、查询已移交案卷、读类型化错误。
 * A client on the grid platform's side: hand a case over with a photo, read the receipt, query, read the typed fault.
 *
 * 用法 usage:  node client.js WSDL ENDPOINT PHOTO [digest|text]
 *
 * 账号取自环境变量,缺省为示例配置的账号。The account is taken from the environment; by default it is the example profile's.
 */

import { randomInt, randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { attachment, call, client, messageHeader, messageId, now, typedFault } from "./exchange.js";

const [wsdl, endpoint, photo, passwordType = "digest"] = process.argv.slice(2);
const grid = process.env.DUIJIE_SENDER ?? "wuhu-grid";
const urban = process.env.DUIJIE_RECIPIENT ?? "wuhu-urban";
const account = {
  username: process.env.DUIJIE_USERNAME ?? "grid",
  password: process.env.DUIJIE_PASSWORD ?? "grid-demo",
  digest: passwordType === "digest",
};

/** 送出一份表单,取回回执。Deliver a form and give back its receipt. */
async function deliver(made, type, form) {
  const about = { caseNumber: form.caseNumber, formType: type, attempt: 1 };
  const answer = await call(made, "DeliverForm", { form: { [type]: form } }, messageHeader(messageId(), grid, urban, about));
  // 没有回执表示仅签收,回执随后以 DeliverReceipt 送到我方服务。No receipt: arrival is acknowledged, the receipt follows by DeliverReceipt.
  return answer.receipt;
}

/** 按契约的顺序写成员:库不会重排。Members stand in the contract's order: the library does not sort them. */
const handOver = {
  caseNumber: `340202-${now().slice(0, 10).replaceAll("-", "")}-${randomInt(500_000, 1_000_000)}`,
  source: "grid_platform",
  kind: "event",
  category: "01",
  subcategory: "02",
  grade: "ordinary",
  description: `小区东门外人行道堆放生活垃圾,约两平方米 (Node ${randomUUID().slice(0, 8)})`,
  address: "镜湖区北京路 18 号东门",
  district: "340202",
  street: "340202001",
  community: "340202001003",
  cell: "340202001003007",
  reportedAt: now(),
  reporterName: "王秀兰",
  handedOverAt: now(),
  handedOverBy: "城管虚拟账号",
  position: { x: 118.3612, y: 31.3339, system: "CGCS2000" },
  attachments: [attachment(photo, "report")],
};

const made = await client(wsdl, endpoint, account);

// 1. 移交并读回执。Hand over and read the receipt.
const receipt = await deliver(made, "handOver", handOver);
console.log(`移交 hand-over ${handOver.caseNumber}: ${receipt?.outcome ?? "acknowledged"}`);

// 2. 查询今天移交的案卷,逐页取完。Query the cases handed over today, page by page.
const since = `${now().slice(0, 10)}T00:00:00+08:00`;
let found;
let page = {};
do {
  // 首页没有游标,undefined 的成员库会省去。The first page has no cursor; the library leaves members out that are undefined.
  const query = { since, cursor: page.nextCursor, pageSize: 50 };
  page = await call(made, "QueryCases", query, messageHeader(messageId(), grid, urban));
  // 可重复元素总是数组,一个都没有时没有此成员。An element that may repeat is always an array, and absent when there is none.
  found ??= page.cases?.find((each) => each.handOver.caseNumber === handOver.caseNumber);
} while (page.more);
const same = found?.handOver.attachments[0].content === readFileSync(photo).toString("base64");
console.log(`查询 query ${handOver.caseNumber}: ${found?.state ?? "not found"}, photo ${same ? "as sent" : "differs"}`);

// 3. 有误的表单得到错误回执,指明字段。A bad form gets an error receipt that names the field.
const refused = await deliver(made, "handOver", { ...handOver, caseNumber: "340202-20260302-999999", grade: "whatever" });
console.log(`错误表单 bad form: ${refused.outcome} ${refused.fault.code} ${refused.fault.field}`);

// 4. 口令错误得到类型化错误,报文确定未生效。A wrong password gets the typed fault: the message surely had no effect.
try {
  await deliver(await client(wsdl, endpoint, { ...account, password: "wrong" }), "handOver", handOver);
  console.log("口令错误 wrong password: no fault");
} catch (error) {
  const fault = typedFault(error);
  // 不是类型化错误:结果不明,以同一标识重发。Not the typed fault: outcome unknown, send again under the same id.
  if (!fault) throw error;
  // faultcode 带前缀,前缀由对方任选,不可比较整个文字。The prefix of the faultcode is the other side's own: do not compare it.
  console.log(`口令错误 wrong password: ${fault.faultcode.replace(/^.*:/, "")} ${fault.code}`);
}
