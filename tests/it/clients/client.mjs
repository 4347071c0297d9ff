// undici: client.mjs PLAIN TLS CA [PROXY]; a line for each answer.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const undici = createRequire(process.cwd() + "/")("undici");
const [plain, tls, caFile, proxy] = process.argv.slice(2);
const ca = readFileSync(caFile);
const agents = (allowH2) =>
  proxy
    ? new undici.ProxyAgent({ uri: proxy, requestTls: { ca, allowH2 }, allowH2 })
    : new undici.Agent({ connect: { ca }, allowH2 });

async function say(name, answer) {
  const body = Buffer.from(await answer.arrayBuffer());
  const digest = createHash("sha256").update(body).digest("hex").slice(0, 16);
  console.log(name, answer.status, answer.headers.get("x-method"), answer.headers.getSetCookie().join("|"), body.length, digest);
}

async function* pieces() {
  for (let i = 0; i < 30; i++) yield Buffer.alloc(5000, i);
}

for (const allowH2 of [false, true]) {
  const dispatcher = agents(allowH2);
  for (const base of [plain, tls]) {
    const name = `undici${allowH2 ? "-h2" : ""} ${base.split(":")[0]}`;
    await say(`${name} get`, await undici.fetch(`${base}/a`, { dispatcher }));
    await say(`${name} post`, await undici.fetch(`${base}/echo`, { dispatcher, method: "POST", body: Buffer.alloc(400_000, 7) }));
    await say(`${name} streamed`, await undici.fetch(`${base}/echo`, { dispatcher, method: "PUT", body: pieces(), duplex: "half" }));
    await say(`${name} head`, await undici.fetch(`${base}/a`, { dispatcher, method: "HEAD" }));
    const many = await Promise.all(Array.from({ length: 30 }, (_, i) => undici.fetch(`${base}/n/${i}`, { dispatcher })));
    const texts = await Promise.all(many.map((answer) => answer.text()));
    console.log(`${name} at once`, createHash("sha256").update(texts.join()).digest("hex").slice(0, 16));
  }
  await dispatcher.close();
}
