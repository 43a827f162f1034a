/*
 * 套件与系统之间的驱动:每行一个 JSON。启动系统,把命令转给它;restart 停掉它再启动。
 * The driver between the suite and the system, one JSON object a line. It starts the system and hands commands on; restart stops the
 * system at once and starts it again.
 */

import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { createInterface } from "node:readline";

const folder = mkdtempSync(`${tmpdir()}/urban-system-`);
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

async function start() {
  // 系统自己的输出走标准错误:标准输出只说 JSON。What the system prints goes to standard error; standard output is for JSON.
  const started = fork(new URL("server.js", import.meta.url), { env: { ...process.env, TZ: "Asia/Shanghai", DUIJIE_STATE: `${folder}/books.json` }, stdio: ["ignore", 2, 2, "ipc"] });
  await once(started, "message");
  return started.on("message", say);
}

let system = await start();
for await (const line of createInterface({ input: process.stdin })) {
  const { id, do: command, ...parts } = JSON.parse(line);
  if (command === "close") break;
  if (command === "restart") {
    system.kill("SIGKILL");
    await once(system, "exit");
    system = await start();
    say({ id, ok: {} });
  } else {
    system.send({ id, do: command, ...parts });
  }
}
system.kill();
rmSync(folder, { recursive: true });
