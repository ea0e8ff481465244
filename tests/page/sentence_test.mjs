// A reader's own sentence: tokens against spm_encode, maps against sinklab probe on the same rounded weights, in a real browser.
// Run from the top of the tree by `make test-page`; where there was no compiler for build/sentence.wasm it says so.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { encode, readPieces } from "../../ablations/page/pieces.js";
import { openBrowser } from "./browser.mjs";
import { kinds, makeDatabase } from "./databases.mjs";

const compiled = existsSync("build/sentence.wasm");
const skip = compiled ? false : "no build/sentence.wasm (.ci/packages-sentence.txt, make page)";
const sentence = "The first token of every row is a sink of a head.";
const strange = ["", "naïve  日本語 🙂🙃", "\ttabs and\u00a0blanks ", "<img src=x onerror=alert(1)>", "a\u0301 combining, ﬁ, — and … ", "{[()]}#%&*_`~"];
let browser, folder, close, db, key;

const sinklab = (...words) => execFileSync("./sinklab", words, { encoding: "utf8", env: { ...process.env, OMP_NUM_THREADS: "1" } });
const from = (name) => join(folder, name);
const tokenizer = () => readdirSync(from("cache")).map((name) => from(`cache/${name}/tokenizer.model`)).find(existsSync);

// A model of the demo's sizes that is trained until its heads choose.
function train() {
  const keys = ["data.source=model", "data.vocab=1000", "train.steps=40", "train.batch_tokens=1024", "optim.warmup=5",
    "optim.lr=1e-2", "probe.every=40", "probe.sequences=4", "probe.gradients=-1"];
  sinklab("train", "configs/demo.yaml", ...keys, "--db", db, "--cache", from("cache"), "--quiet");
  return JSON.parse(sinklab("query", "SELECT key FROM run", "--json", "--db", db))[0].key;
}

before(async () => {
  ({ browser, folder, close } = await openBrowser());
  db = from("own.db");
  if (!compiled) return;
  key = train();
  sinklab("export", key, from("hf"), "--db", db, "--cache", from("cache"), "--quiet");
  sinklab("report", "-o", from("own.html"), "--db", db, "--cache", from("cache"));
});
after(() => close?.());

// ---- the real path on rounded weights ----

// To the nearest bfloat16, ties to even.
function roundFloats(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0; at < bytes.length; at += 4) {
    const bits = view.getUint32(at, true),
      low = bits & 0xffff,
      up = low > 0x8000 || (low === 0x8000 && (bits >>> 16) & 1) ? 1 : 0;
    view.setUint32(at, (((bits >>> 16) + up) << 16) >>> 0, true);
  }
}

// A file of safetensors in which every float is rounded; its checksum goes with what else the program said there.
function roundWeights(file) {
  const bytes = readFileSync(file),
    size = Number(bytes.readBigUInt64LE(0)),
    { __metadata__, ...tensors } = JSON.parse(bytes.toString("utf8", 8, 8 + size));
  assert.equal(typeof __metadata__, "object");
  roundFloats(bytes.subarray(8 + size));
  bytes.write(JSON.stringify(tensors).padEnd(size), 8, "utf8");
  writeFileSync(file, bytes);
}

function readArray(file) {
  const bytes = readFileSync(file),
    begin = 10 + bytes.readUInt16LE(8),
    shape = JSON.parse(`[${/\(([^)]*)\)/.exec(bytes.toString("latin1", 10, begin))[1]}]`);
  return { shape, data: new Float32Array(bytes.buffer.slice(bytes.byteOffset + begin, bytes.byteOffset + bytes.length)) };
}

// (rows, layers, heads, T, T) of a row of tokens, the last of which is a target alone.
function realMaps(ids) {
  const options = ["--ids", from("row.json"), "--dump", "weights", from("maps.npy"), "--light", "--json"];
  writeFileSync(from("row.json"), JSON.stringify(ids));
  if (!existsSync(from("rounded"))) {
    roundWeights(from("hf/model.safetensors"));
    sinklab("import", from("hf"), from("rounded"), "--quiet");
  }
  sinklab("probe", from("rounded"), ...options);
  return readArray(from("maps.npy"));
}

// ---- the page ----

async function open(html) {
  const page = await browser.newPage(),
    complaints = [];
  page.on("console", (m) => ["error", "warning"].includes(m.type()) && complaints.push(m.text()));
  page.on("pageerror", (e) => complaints.push(e.stack));
  await page.goto(pathToFileURL(html).href);
  await page.waitForSelector("body[data-ready]", { state: "attached", timeout: 120000 });
  return { page, complaints };
}

async function openOwn() {
  const opened = await open(from("own.html"));
  await opened.page.waitForSelector("#own-heads button", { timeout: 120000 });
  return opened;
}

// What the page has read: token ids, texts, and each head's weights.
const readPage = (page) =>
  page.locator("#own-heads").evaluate(({ attention: { tokens, heads } }) => ({
    ids: tokens.map((t) => t.id),
    texts: tokens.map((t) => t.text),
    maps: heads.map((h) => tokens.map((_, q) => tokens.map((_, k) => h.at(q, k)))),
  }));

const encodeReal = (texts) =>
  execFileSync("spm_encode", [`--model=${tokenizer()}`, "--output_format=id"], { input: texts.join("\n") + "\n" })
    .toString().split("\n").slice(0, texts.length).map((line) => line.split(" ").filter(Boolean).map(Number));

test("pieces are those of spm_encode", { skip }, () => {
  const pieces = readPieces(new Uint8Array(readFileSync(tokenizer())));
  const lines = readFileSync("model/README.md", "utf8").split("\n").filter((l) => !l.includes("\u2581"));
  const texts = [...strange, ...lines.slice(0, 200)];
  encodeReal(texts).forEach((ids, i) => assert.deepEqual(encode(pieces, texts[i]).map((t) => t.id), ids, texts[i]));
});

test("what a line cannot carry becomes what the program makes of it", { skip }, () => {
  const pieces = readPieces(new Uint8Array(readFileSync(tokenizer())));
  const texts = (text) => encode(pieces, text).map((t) => pieces.texts[t.id]);
  assert.deepEqual(texts("\n\0"), ["\uE000", "<0x00>"]);
  assert.deepEqual(texts("\u2581"), ["<0xE2>", "<0x96>", "<0x81>"]);
});

test("maps are the real path's on the same rounded weights, to 1e-4", { skip }, async (t) => {
  const { page, complaints } = await openOwn();
  await page.locator("#own-text").fill(sentence);
  const { ids, maps } = await readPage(page);
  const [text] = encodeReal([sentence]);
  assert.deepEqual(ids, [1, ...text].slice(0, 32));
  const { shape, data } = realMaps(ids),
    [rows, layers, heads, T] = shape;
  assert.deepEqual([rows, layers, heads], [1, 4, 2]);
  assert.ok(T >= 12 && T === ids.length - 1, `${T} of ${ids.length} tokens`);
  let worst = 0,
    chosen = 0;
  for (let i = 0; i < data.length; i++) {
    const k = i % T,
      q = Math.floor(i / T) % T,
      head = Math.floor(i / (T * T));
    worst = Math.max(worst, Math.abs(data[i] - maps[head][q][k]));
    if (k <= q) chosen = Math.max(chosen, data[i] - 1 / (q + 1));
  }
  assert.ok(chosen > 0.2, `its heads look at all alike, within ${chosen}`);
  assert.ok(worst < 1e-4, `a weight differs by ${worst}`);
  t.diagnostic(`weights differ by ${worst.toExponential(1)} at most`);
  assert.deepEqual(complaints, []);
  await page.close();
});

test("any text is read as text, a long one is cut and told", { skip }, async () => {
  const { page, complaints } = await openOwn();
  for (const text of strange) {
    await page.locator("#own-text").fill(text);
    const { maps, texts } = await readPage(page);
    for (const map of maps) map.forEach((row) => assert.ok(Math.abs(row.reduce((a, b) => a + b) - 1) < 1e-5));
    assert.equal(await page.locator("#own-words button").count(), texts.length);
    assert.equal(await page.locator("#own-words img").count(), 0);
  }
  assert.match(await page.locator("#own-note").textContent(), /of at most 32 tokens\.$/);
  await page.locator("#own-text").fill("word ".repeat(60).trim());
  assert.match(await page.locator("#own-note").textContent(), /32 of at most 32 tokens\. \d+ more of yours did not fit and were left out\./);
  assert.deepEqual(complaints, []);
  await page.close();
});

test("a head and a word are chosen by keyboard, and said", { skip }, async () => {
  const { page } = await openOwn();
  await page.locator("#own-heads button").nth(5).focus();
  await page.keyboard.press("Enter");
  assert.match(await page.locator("#own-said").textContent(), /^Layer 2, head 1 gives “<bos>”, the first token, \d+ %/);
  await page.locator("#own-words button").nth(3).focus();
  await page.keyboard.press(" ");
  assert.match(await page.locator("#own-said").textContent(), /looks most at “/);
  assert.equal(await page.locator("#own-words button[aria-pressed=true]").count(), 1);
  await page.locator("#s-own").screenshot({ path: "build/page/own-sentence.png" });
  await page.close();
});

test("a page without a model says why once and has no such section", async () => {
  makeDatabase(from("none.db"), kinds.story);
  const { stderr, status } = spawnSync("./sinklab", ["report", "-o", from("none.html"), "--db", from("none.db")], { encoding: "utf8" });
  assert.equal(status, 0);
  assert.match(stderr, /^\S+none\.html: without a sentence of the reader's own: [^\n]+\n$/);
});

test("a model of other sizes, and one that is not there, are refused", { skip }, () => {
  const report = (word) => spawnSync("./sinklab", ["report", "-o", from("no.html"), "--db", db, "--cache", from("cache"), "--sentence-model", word], { encoding: "utf8" });
  const keys = ["data.source=model", "data.vocab=1000", "train.steps=2", "optim.warmup=1", "model.layers=2", "probe.sequences=2", "probe.gradients=-1"];
  sinklab("train", "configs/demo.yaml", ...keys, "--db", db, "--cache", from("cache"), "--quiet");
  const [{ key: other }] = JSON.parse(sinklab("query", "SELECT key FROM run WHERE steps = 2", "--json", "--db", db));
  assert.equal(report(other).status, 2);
  assert.match(report(other).stderr, /model\.layers is 2 \(the page's program is for 4, the demo's model\)/);
  assert.equal(report("ffffffff").status, 2);
  assert.equal(existsSync(from("no.html")), false);
});
