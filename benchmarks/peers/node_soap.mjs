/* npm's `soap` on the contract's DeliverForm: confirms, keeps nothing. usage: node node_soap.mjs PORT WSDL */
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import soap from "soap";

const [port, wsdl] = process.argv.slice(2);
const DeliverForm = (_, respond, headers) => {
  const { caseNumber, messageId, formType } = headers.messageHeader;
  const decidedAt = new Date().toISOString();
  respond(null, { receipt: { "ex:caseNumber": caseNumber, "ex:formMessageId": messageId, "ex:formType": formType, "ex:outcome": "confirmed", "ex:decidedAt": decidedAt } });
};
const service = { UrbanExchangeService: { UrbanExchangePort: { DeliverForm } } };
const server = createServer((_, answer) => answer.writeHead(404).end());
server.listen(Number(port), "127.0.0.1", () => soap.listen(server, { path: "/soap", services: service, xml: readFileSync(wsdl, "utf8"), uri: wsdl }));
