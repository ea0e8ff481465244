// The page in a real browser, from file://, with the network cut. Run from the top of the tree by
// `make test-page`; screenshots go to build/page.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { inflateSync } from "node:zlib";
import { openBrowser } from "./browser.mjs";
import { kinds, makeDatabase } from "./databases.mjs";

const shots = "build/page";
let browser, folder, close;

before(async () => {
  mkdirSync(shots, { recursive: true });
  ({ browser, folder, close } = await openBrowser());
});

after(() => close?.());

function report(kind) {
  const db = join(folder, `${kind}.db`),
    html = join(folder, `${kind}.html`);
  if (existsSync(html)) return { db, html };
  makeDatabase(db, kinds[kind]);
  execFileSync("./sinklab", ["report", "-o", html, "--db", db, "--quiet"]);
  return { db, html };
}

// Opens a page, or a moment of it, and fails on whatever it says or fetches. Nothing is covered unless a link says so.
async function open(html, size = { width: 1280, height: 900 }, { hash = "#results=1", motion = false } = {}) {
  const page = await browser.newPage();
  page.setDefaultTimeout(120000);
  const complaints = [];
  page.on("console", (m) => {
    if (["error", "warning"].includes(m.type())) complaints.push(m.text());
  });
  page.on("pageerror", (e) => complaints.push(e.stack));
  page.on("request", (r) => {
    if (!/^(data|blob):/.test(r.url()) && !r.url().startsWith(pathToFileURL(html).href))
      complaints.push(r.url());
  });
  await page.setViewportSize(size);
  await page.emulateMedia({ reducedMotion: motion ? "no-preference" : "reduce" });
  await page.goto(pathToFileURL(html).href + hash);
  await page.waitForSelector("body[data-ready]", { state: "attached", timeout: 120000 }).catch(() => {});
  await page.waitForSelector("#variants table", { state: "attached", timeout: 120000 }).catch(() => {});
  assert.deepEqual(complaints, []);
  assert.equal(await page.locator("#wait").isHidden(), true);
  return { page, complaints };
}

// Figures move in the frame after the slider does.
const nextFrame = (page) =>
  page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));

async function moveTo(page, share) {
  await page.locator("#step").evaluate((e, s) => {
    e.value = Math.round(s * e.max);
    e.dispatchEvent(new Event("input"));
  }, share);
  await nextFrame(page);
}

const cursors = (page) => page.locator(".curtain").evaluateAll((l) => l.map((e) => e.style.transform));
const look = (page) =>
  page.evaluate(() => ({
    said: document.getElementById("step-said").textContent,
    map: document.querySelector("#map-a canvas:not(.strip)")?.dataset.step,
    layers: document.getElementById("layers-step").textContent,
    curves: document.querySelector("#layers .run path").getAttribute("d"),
    phases: document.querySelector("#phases tbody").textContent,
  }));

for (const kind of ["empty", "one", "no_probes", "diverged", "many"])
  test(`a database of kind ${kind} is shown`, async () => {
    const { page } = await open(report(kind).html);
    await moveTo(page, 0.5);
    assert.equal((await page.locator("#variants tbody tr").count()) > 0, kind !== "empty");
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true);
    await page.close();
  });

test("the slider moves every figure, and a head and a word can be chosen", async () => {
  const { html } = report("story");
  const { page, complaints } = await open(html);
  await moveTo(page, 0);
  const [lines, start] = [await cursors(page), await look(page)];
  await page.locator("#step").focus();
  await moveTo(page, 0.6);
  await page.keyboard.press("ArrowRight");
  await nextFrame(page);
  const [moved, later] = [await cursors(page), await look(page)];
  assert.ok(lines.length >= 10);
  lines.forEach((line, i) => assert.notEqual(line, moved[i], `cursor ${i}`));
  for (const key of Object.keys(start)) assert.notEqual(start[key], later[key], key);
  const before = await page.locator("#pick-head").inputValue();
  await page.locator("#heat-a svg").click({ position: { x: 200, y: 40 } });
  assert.notEqual(await page.locator("#pick-head").inputValue(), before);
  await page.locator("#map-a .sentence button").nth(3).click();
  assert.match(await page.locator("#map-a .readout").textContent(), /query 3/);
  assert.deepEqual(complaints, []);
  await page.close();
});

const plain = (text) => text.replaceAll("\u00a0", " ");
const textOf = async (page, selector) => plain((await page.locator(selector).allTextContents()).join(" | "));

// Goes through the lesson, answering each question with the choice of that place; what it said, step by step.
async function readLesson(page, choice = 0) {
  const told = [];
  await page.locator("#lesson-open").click();
  for (let more = true; more;) {
    const step = { text: await textOf(page, "#lesson-text"), place: await textOf(page, "#lesson-place") };
    if (await page.locator("#lesson-ask").isVisible()) {
      step.question = await textOf(page, "#lesson-question");
      step.hidden = await textOf(page, "#lesson-answer");
      await page.locator("#lesson-choices button").nth(choice).click();
      step.answer = await textOf(page, "#lesson-answer");
      step.right = (await textOf(page, "#lesson-choices .right")).slice(3);
    }
    told.push(step);
    const [at, of] = step.place.split(" of ");
    more = at !== of;
    if (more) await page.locator("#lesson-next").click();
  }
  return told;
}

const asked = (db, sql) => JSON.parse(execFileSync("sqlite3", ["-json", db, sql]).toString())[0];

const middleOf = (db) => (variant, column) =>
  asked(db, `SELECT ${column} AS v FROM final WHERE variant = '${variant}' ORDER BY v LIMIT 1 OFFSET 1`).v;

test("the story says what the database says", async () => {
  const { db, html } = report("story");
  const { page, complaints } = await open(html);
  const story = await textOf(page, "#story"),
    middle = middleOf(db);
  const rate = (variant) => `${(100 * middle(variant, "sink_rate_03")).toFixed(0)} %`;
  assert.ok(story.includes(`In baseline, ${rate("baseline")} of all (sequence, layer, head)`), story);
  assert.ok(story.includes(`the sink rate passes 0.1 by step ${middle("baseline", "onset")}`), story);
  assert.ok(story.includes(`no_bos: no sink forms, sink rate ${rate("no_bos")}`), story);
  assert.deepEqual(complaints, []);
  await page.close();
});

test("a run whose steps are not here has the loss of its evaluations, and so have those beside it", async () => {
  for (const [kind, drawn] of [["ends", "Validation loss"], ["one", "Training loss"]]) {
    const { page } = await open(report(kind).html);
    assert.match(await page.locator("#loss").textContent(), new RegExp(drawn));
    await page.close();
  }
});

test("models on another text or length are counted, not compared", async () => {
  const { page } = await open(report("apart").html);
  const words = await textOf(page, "#story");
  assert.match(words, /What stops itno_bos[^|]*: no sink forms, sink rate 2 %\.$/);
  assert.match(await textOf(page, "#apart"), /^1 run on another text, in other tokens or of another length: neither/);
  assert.doesNotMatch(await textOf(page, "#story, #cells, #variants, #loss-key"), /head_rmsnorm/);
  await page.close();
});

test("of several texts one is shown, which a menu chooses and a link keeps", async () => {
  const { html } = report("texts");
  const { page, complaints } = await open(html);
  const models = () => page.locator("#cells label").allTextContents();
  const rates = ["lr=0.0003", "lr=0.001", "lr=0.003"].map((lr) => `baseline ${lr} (2 seeds)`);
  assert.deepEqual(await models(), rates);
  assert.deepEqual(await page.locator("#pick-text option").allTextContents(), [
    "gcide, T = 32 (6 runs)",
    "gcide, T = 64 (3 runs)",
    "kernel, T = 32 (2 runs)",
  ]);
  assert.match(await textOf(page, "#apart"), /^5 runs on another text/);
  assert.equal(await page.locator('#axis [data-mark="line"]').count(), 1);
  await page.locator("#pick-text").selectOption("gcide, T = 64");
  assert.deepEqual(await models(), rates.map((name) => name.replace("2 seeds", "1 seed")));
  await page.waitForFunction(() => new URLSearchParams(location.hash.slice(1)).get("text") === "gcide, T = 64");
  await page.close();
  const again = await open(html, undefined, { hash: "#results=1&text=kernel%2C+T+%3D+32" });
  assert.equal(await again.page.locator("#cells label").count(), 1);
  assert.equal(await textOf(again.page, "#link-said"), "");
  assert.match(await textOf(again.page, "#layers-note"), /Left out, not measured: Mixing score, phases\.$/);
  assert.equal(await again.page.locator("#phases table").count(), 0);
  assert.equal(await again.page.locator("#layers svg").count(), 3);
  assert.deepEqual([...complaints, ...again.complaints], []);
  await again.page.close();
});

test("losses over other targets have a panel and a scale of their own, sinks on rows of one length one", async () => {
  const { page } = await open(report("lengths").html);
  const panels = () => page.locator("#axis svg[role=img]").count();
  await page.locator("#axis-x").selectOption("context");
  await page.locator("#axis-colour").selectOption("model");
  assert.equal(await panels(), 1);
  await page.locator("#axis-figure").selectOption("Validation loss, late targets");
  assert.equal(await panels(), 2);
  assert.equal(await textOf(page, "#axis .link"), "targets: T=32 | targets: T=64");
  assert.match(await textOf(page, "#axis-note"), /Losses over other targets .* may not be compared/);
  assert.match(await textOf(page, "#loss-note"), /Without a curve of the loss, whose targets are others: [^.]*context=64/);
  await page.close();
});

test("no two models that are shown have one colour, and those that have none are counted", async () => {
  const { page, complaints } = await open(report("seventeen").html, undefined, { motion: true });
  const boxes = page.locator("#cells input"),
    colours = () => page.locator("#loss-key path").evaluateAll((l) => l.map((p) => p.getAttribute("stroke")));
  assert.equal(new Set(await colours()).size, 8);
  assert.equal(await page.locator("#cells input:disabled").count(), 9);
  assert.match(await textOf(page, "#cells-note"), /^8 of 17 models .* leave one out to add another/);
  await boxes.nth(3).uncheck();
  await boxes.nth(16).check();
  assert.equal(await boxes.nth(16).evaluate((e) => e === document.activeElement), true);
  assert.equal(new Set(await colours()).size, 8);
  const swatches = page.locator("#variants .swatch"),
    of = (i) => swatches.nth(i).evaluate((e) => getComputedStyle(e).backgroundColor);
  assert.equal(await of(3), await of(12));
  assert.notEqual(await of(3), await of(16));
  assert.deepEqual(complaints, []);
  await page.close();
});

test("a name says in what its model is rare, and a model of one place on the axis is counted", async () => {
  const { page } = await open(report("usual").html);
  assert.deepEqual(await page.locator("#cells label").allTextContents(), [
    "baseline (2 runs)",
    "baseline heads=4 (1 seed)",
    "baseline lr=0.003 (1 seed)",
  ]);
  assert.match(await textOf(page, "#cells-note"), /What a name does not say is as in most: heads=2, lr=0\.001\.$/);
  assert.match(await textOf(page, "#story"), /in 2 of 2 runs/);
  await page.locator("#axis-x").selectOption("heads");
  await page.locator("#axis-colour").selectOption("nothing");
  assert.equal(await page.locator("#axis svg[role=img]").count(), 1);
  assert.match(await textOf(page, "#axis-note"), /^n = 3 finished runs.* 1 run without a counterpart at another heads not drawn\./);
  await page.close();
});

test("the models that the page begins with have their maps, wherever they stand", async () => {
  const { page } = await open(report("last").html);
  assert.match(await textOf(page, "#pick-a :checked"), /lr=0\.008/);
  assert.equal(await page.locator("#maps canvas.strip").count(), 2);
  await page.close();
});

test("a sweep that compares and expects nothing is held against the baseline of its file", async () => {
  const { db, html } = report("compares");
  const { page } = await open(html);
  const mean = (lr) => `(SELECT avg(sink_rate_03) FROM result WHERE lr = ${lr})`;
  const { d } = asked(db, `SELECT ${mean(3e-3)} - ${mean(1e-3)} AS d`);
  const [heads, last] = [await textOf(page, "#variants thead th"), page.locator("#variants tbody tr").nth(2)];
  assert.match(heads, /Δ late loss \| Δ sink rate$/);
  assert.ok(Math.abs((await last.locator("td").last().textContent()) - d) < 1e-3, d);
  assert.match(await textOf(page, "#variants-note"), /to the reference, lr=0\.001, of the same seed/);
  assert.match(await textOf(page, "#scale"), /^The reference, against which all are held: lr=0\.001\./);
  assert.match(await textOf(page, "#story"), /In lr=0\.001, /);
  await page.close();
});

test("the lesson asks first, and its answers are the database's", async () => {
  const { db, html } = report("story");
  const { page, complaints } = await open(html);
  const told = await readLesson(page, 1),
    middle = middleOf(db);
  const of = (question) => told.find((s) => s.question?.includes(question));
  assert.ok(told.filter((s) => s.question).every((s) => s.hidden === "" && s.answer));
  assert.equal(of("What will it look").right, "the first word");
  const drain = middle("baseline", "value_drain");
  assert.equal(of("value vector").right, drain < 0.8 ? "shorter" : "about as long");
  assert.ok(of("value vector").answer.includes(`${drain.toFixed(2)} times the length`));
  const [{ layer }] = [
    asked(
      db,
      `SELECT layer FROM eval_layer JOIN run ON id = run_id WHERE variant = 'baseline' AND probe = 'main'
       AND step = 300 GROUP BY layer ORDER BY avg(sink_rate_03) DESC LIMIT 1`,
    ),
  ];
  assert.equal(of("In which layer").right, `layer ${layer}`);
  const onset = middle("baseline", "onset");
  assert.equal(
    of("By when").right,
    onset < 30 ? "in the first tenth of training" : onset < 100 ? "in the first third" : "later",
  );
  assert.equal(of("of the sink in no_bos").right, "no sink forms");
  assert.equal(of("of the sink in head_rmsnorm").right, "no sink forms");
  assert.match(of("of the loss").right, /within 0\.05/);
  const right = told.filter((s) => s.answer?.startsWith("Right.")).length,
    questions = told.filter((s) => s.question).length;
  assert.ok(told.at(-1).text.endsWith(`You foresaw ${right} of ${questions}.`), told.at(-1).text);
  assert.deepEqual(complaints, []);
  await page.close();
});

test("a sweep over rates in two strata is told in its own words, cells and claim", async () => {
  const { db, html } = report("rates");
  const { page, complaints } = await open(html);
  assert.equal(await textOf(page, "#title"), "Watch a sink emerge");
  assert.match(await textOf(page, "#claim"), /rates puts to the test: A higher learning rate/);
  assert.match(
    await textOf(page, "#cells"),
    /lr=0\.0003 bos=row \(3 seeds\).*lr=0\.003 bos=none \(3 seeds\)/,
  );
  const story = await textOf(page, "#story");
  const rate = (lr) =>
    asked(
      db,
      `SELECT sink_rate_03 AS v FROM result WHERE bos = 'row' AND lr = ${lr} ORDER BY v LIMIT 1 OFFSET 1`,
    ).v;
  const told = [3e-4, 1e-3, 3e-3].map((lr) => `${(100 * rate(lr)).toFixed(0)} % at ${lr}`).join(", ");
  assert.ok(story.includes(`Along lr`) && story.includes(`bos=row: sink rate ${told}.`), story);
  assert.doesNotMatch(story, /What stops it/);
  const verdicts = await page.locator("#claims tbody tr").evaluateAll((rows) => rows.map((r) => r.innerText));
  assert.equal(await page.locator("#claims h3").count(), 1);
  assert.equal(verdicts.filter((v) => v.includes("bos=row")).length, 2);
  assert.equal(verdicts.filter((v) => v.includes("bos=none")).length, 2);
  await page.locator("#pick-sweep").selectOption({ label: "few (3 runs)" });
  assert.match(await textOf(page, "#claim"), /^What few says \(nothing of it is judged\): A claim of the smaller sweep/);
  assert.equal(await page.locator("#variants tbody tr").count(), 1);
  assert.deepEqual(complaints, []);
  await page.close();
});

test("a sweep's differences are to the baseline that it names; without any a line says why", async () => {
  const { db, html } = report("rates");
  const { page, complaints } = await open(html);
  const cells = page.locator("#variants tbody tr", { hasText: "lr=0.003 bos=row" }).locator("td");
  const mean = (lr) => `(SELECT avg(sink_rate_03) FROM result WHERE bos = 'row' AND lr = ${lr})`;
  const { d } = asked(db, `SELECT ${mean(3e-3)} - ${mean(3e-4)} AS d`);
  assert.ok(d > 0.4 && Math.abs((await cells.nth(9).textContent()) - d) < 1e-3, d);
  assert.equal(await cells.last().textContent(), "lr=0.0003 bos=row");
  const none = page.locator("#variants tbody tr", { hasText: "lr=0.003 bos=none" }).locator("td");
  assert.equal(await none.last().textContent(), "lr=0.0003 bos=none");
  const note = await textOf(page, "#variants-note");
  assert.match(note, /Δ: mean difference to the reference, lr=0\.0003 bos=row, of the same seed .* in another stratum/);
  assert.match(await textOf(page, "#scale"), /^The reference, against which all are held: lr=0\.0003 bos=row\./);
  await page.close();
  const plain = await open(report("one").html);
  assert.doesNotMatch(await textOf(plain.page, "#variants thead"), /Δ/);
  assert.match(await textOf(plain.page, "#variants-note"), /No Δ: no two models here/);
  assert.deepEqual([...complaints, ...plain.complaints], []);
  await plain.page.close();
});

test("a figure against an axis shows each seed, the mean and a log axis for rates", async () => {
  const { db, html } = report("rates");
  const { page, complaints } = await open(html);
  const counts = () =>
    page.locator('#axis [data-mark="dot"]').evaluateAll((l) => l.map((g) => g.children.length));
  assert.deepEqual(await counts(), [18, 6]);
  const ticks = await page
    .locator("#axis [data-mark='x-axis tick label'] text")
    .evaluateAll((l) => l.map((t) => t.textContent));
  assert.deepEqual(ticks, ["0.0003", "0.001", "0.003"]);
  const xs = await page
    .locator("#axis [data-mark='x-axis tick'] path")
    .evaluateAll((l) => l.map((p) => +/translate\(([\d.]+)/.exec(p.getAttribute("transform"))[1]));
  assert.ok(
    Math.abs(Math.log(1e-3 / 3e-4) / Math.log(10) - (xs[1] - xs[0]) / (xs[2] - xs[0])) < 0.01,
    xs.join(),
  );
  await page.locator("#axis-colour").selectOption("nothing");
  assert.deepEqual(await textOf(page, "#axis .link"), "bos=row | bos=none");
  assert.deepEqual(await counts(), [9, 3, 9, 3]);
  await page.locator("#axis-figure").selectOption("Onset of the sink");
  const onsets = asked(db, "SELECT count(*) AS n FROM final WHERE onset IS NOT NULL").n;
  assert.match(
    await textOf(page, "#axis-note"),
    new RegExp(`n = ${onsets} finished runs.*${18 - onsets} runs without this figure are left out`),
  );
  assert.deepEqual(complaints, []);
  await page.close();
});

test("models and colours of one place stand beside each other, and names are what a person would say", async () => {
  const { html } = report("open");
  const { page, complaints } = await open(html);
  assert.match(await textOf(page, "#cells"), /^Models showninit=none \(2 seeds\)init=0 /);
  assert.doesNotMatch(await textOf(page, "body > header, main"), /=null/);
  const bars = await page.locator('#onsets [data-mark="rect"] rect').evaluateAll((l) =>
    l.map((r) => ({ fill: r.getAttribute("fill"), ...r.getBoundingClientRect().toJSON() })),
  );
  const touch = (a, b) => a.top < b.bottom - 1 && b.top < a.bottom - 1 && a.left < b.right - 1 && b.left < a.right - 1;
  assert.equal(new Set(bars.map((b) => b.fill)).size, 2);
  for (const a of bars) assert.equal(bars.some((b) => a.fill !== b.fill && touch(a, b)), false);
  const marks = await page.locator("#heat-legend span").evaluateAll((l) => l.map((s) => s.getBoundingClientRect().toJSON()));
  marks.forEach((a, i) => assert.equal(marks.slice(0, i).some((b) => touch(a, b)), false, `mark ${i}`));
  await page.close();
  const alone = await open(html, undefined, { hash: "#sweep=alone" });
  assert.match(await textOf(alone.page, "#story"), /What formsIn baseline, /);
  assert.equal(await textOf(alone.page, "#claims"), "");
  await alone.page.close();
  const rates = await open(report("rates").html);
  const means = await rates.page.locator('#axis [data-mark="dot"]').nth(1).locator("path").evaluateAll((l) =>
    l.map((e) => Math.round(e.getBoundingClientRect().x)),
  );
  assert.equal(new Set(means).size, 6);
  assert.deepEqual([...complaints, ...alone.complaints, ...rates.complaints], []);
  await rates.page.close();
});

test("where nothing sinks no word says that something does, and keys that go with others name nothing", async () => {
  const { page } = await open(report("sinkless").html);
  assert.equal(await textOf(page, "#title"), "No sink forms here");
  const words = await textOf(page, "#story, #claim");
  assert.match(words, /no attention sink/);
  assert.match(words, /No sink forms in baseline heads=[12] either/);
  assert.doesNotMatch(words, /stops|emerge|weaker/);
  assert.match(await textOf(page, "#cells"), /baseline heads=1 \(2 seeds\).*baseline heads=2 \(2 seeds\)/);
  await page.close();
});

test("on a small screen the lesson's buttons stay in sight, however long its text", async () => {
  const { page } = await open(report("story").html, { width: 360, height: 640 });
  await page.locator("#lesson-open").click();
  await page.locator("#lesson-choices button").first().click();
  const [dock, answer, next] = await page.evaluate(() =>
    ["lesson", "lesson-answer", "lesson-next"].map((id) => document.getElementById(id).getBoundingClientRect().toJSON()));
  assert.ok(dock.top <= answer.bottom && answer.bottom <= next.top && next.bottom <= dock.bottom, JSON.stringify([dock, answer, next]));
  await page.close();
});

test("the lesson compares models that differ in one setting", async () => {
  const { page } = await open(report("two_changes").html);
  const told = (await readLesson(page)).map((s) => s.text).join(" ");
  assert.match(told, /Take the first token away[^]*In no_bos lr=0.001 a row begins/);
  assert.doesNotMatch(told, /In no_bos lr=0.003/);
  await page.close();
});

test("where no sink forms the lesson's answers say so, and what cannot be answered is not asked", async () => {
  const { page, complaints } = await open(report("flat").html);
  const story = await textOf(page, "#story"),
    told = await readLesson(page);
  const of = (question) => told.find((s) => s.question?.includes(question));
  assert.match(story, /Never: the sink rate of baseline did not pass 0\.1/);
  assert.equal(of("In which layer").right, "in none");
  assert.equal(of("By when").right, "never");
  assert.match(told[1].text, /In none of these runs does one form/);
  assert.doesNotMatch(told.map((s) => s.answer).join(" "), /can park its attention/);
  assert.equal(
    told.some((s) => s.question?.includes("What becomes of")),
    false,
  );
  assert.deepEqual(complaints, []);
  await page.close();
});

test("curves end at the slider's step until the reader asks for what comes", async () => {
  const { page } = await open(report("story").html);
  await moveTo(page, 0.5);
  const seen = () =>
    page
      .locator("#loss .over-time")
      .first()
      .evaluate((box) => {
        const [stage, curtain] = [".stage", ".curtain"].map((s) =>
          box.querySelector(s).getBoundingClientRect(),
        );
        const style = getComputedStyle(box.querySelector(".curtain"));
        return {
          share: (curtain.x - stage.x) / stage.width,
          hides: style.backgroundColor !== "rgba(0, 0, 0, 0)",
        };
      });
  const half = await seen();
  assert.ok(Math.abs(half.share - 0.5) < 0.01, half.share);
  assert.equal(half.hides, true);
  await page.locator("#pick-future").check();
  assert.equal((await seen()).hides, false);
  const chart = page.locator("#loss svg[role=img]").first(),
    { width } = await chart.boundingBox();
  await chart.click({ position: { x: 300, y: 90 } });
  assert.ok(Math.abs((await seen()).share - (300 - 48) / (width - 48 - 20)) < 0.02, (await seen()).share);
  assert.match(await page.locator("#loss .tips text").first().textContent(), /step \d+: 0?\.?\d/);
  await page.close();
});

test("values stand under the pointer, whatever it is over", async () => {
  const { db, html } = report("story");
  const { page, complaints } = await open(html, undefined, { hash: "#step=150" });
  const hint = async (locator, position) => {
    await locator.hover({ position });
    return (await page.locator("#hint").isVisible()) ? textOf(page, "#hint") : null;
  };
  const mass = (layer, head) =>
    asked(
      db,
      `SELECT first_mass AS v FROM step_head WHERE run_id = 1 AND step = 150 AND layer = ${layer} AND head = ${head}`,
    ).v;
  assert.equal(await hint(page.locator("#hero .glass").nth(2)), `layer 1, head 0: ${mass(1, 0).toFixed(3)}`);
  assert.match(
    await hint(page.locator("#heat-a svg"), { x: 200, y: 40 }),
    /^layer 0, head \d, step \d+: 0\.\d{3}$/,
  );
  const canvas = page.locator("#map-a canvas:not(.strip)");
  assert.match(
    await hint(canvas, { x: 5, y: 200 }),
    /^“.+” looks at “<bos>”: 0\.\d{3} \(uniform: 0\.\d{3}\)$/,
  );
  assert.equal(await hint(canvas, { x: 300, y: 20 }), null);
  assert.match(await hint(page.locator("#map-a .strip"), { x: 5, y: 20 }), /^“<bos>” receives 0\.\d{3}/);
  assert.match(
    await hint(page.locator("#layers svg").nth(3), { x: 200, y: 80 }),
    /^layer \d\nbaseline, seed 0: [\d.]+\n/,
  );
  // Anywhere on a bar it is the bar's own, and points there.
  const bar = page.locator('#onsets [data-mark="rect"] rect').first();
  await bar.scrollIntoViewIfNeeded();
  const box = await bar.boundingBox(),
    tip = page.locator("#onsets .tips");
  for (const share of [0.1, 0.5, 0.9]) {
    const x = box.x + share * box.width;
    await page.mouse.move(x, box.y + box.height / 2);
    assert.match(await tip.textContent(), /baseline, seed 0.*entropy < 0.5 in steps/);
    const places = await tip.locator("[transform]").evaluateAll((l) =>
      l.map((g) => g.closest("svg").getBoundingClientRect().x + Number(/translate\(([\d.]+)/.exec(g.getAttribute("transform"))?.[1])),
    );
    assert.ok(places.some((at) => Math.abs(at - x) <= 3), `${x}: ${places}`);
  }
  assert.deepEqual(complaints, []);
  await page.close();
});

test("an exercise is checked by the rows that its solution gives here", async () => {
  const { page, complaints } = await open(report("story").html);
  const items = page.locator("#exercises li");
  assert.equal(await items.count(), 6);
  const check = async (i, sql) => {
    await items.nth(i).locator("textarea").fill(sql);
    await items.nth(i).locator("button", { hasText: "Check" }).click();
    return items.nth(i).locator("output").textContent();
  };
  for (let i = 0; i < 6; i++) {
    const item = items.nth(i);
    assert.equal(await item.locator("details").getAttribute("open"), null);
    assert.equal(await check(i, await item.locator("pre").textContent()), "Right.");
  }
  assert.equal(await check(0, "SELECT sink_rate_03 FROM final ORDER BY 1 DESC LIMIT 1"), "Right.");
  assert.match(await check(0, "SELECT 0.123"), /^Not yet: as many rows/);
  assert.equal(await check(0, "SELECT run_id FROM final"), "Not yet: 9 rows, the answer has 1.");
  assert.match(await check(0, "SELECT x FROM final"), /no such column/);
  assert.deepEqual(complaints, []);
  await page.close();
});

test("the heads of the first screen fill when they are asked to, with the slider", async () => {
  const { page } = await open(report("story").html, undefined, { motion: true, hash: "" });
  await page.waitForTimeout(300);
  assert.equal(await page.locator("#step").inputValue(), "0");
  await page.locator("#hero-play").click();
  const glass = page.locator("#hero svg").first().locator("g rect").first();
  const filled = async () => [
    await page.locator("#step").inputValue(),
    await glass.getAttribute("transform"),
  ];
  const [step, fill] = await filled();
  await page.waitForFunction((s) => document.getElementById("step").value !== s, step);
  await page.locator("#play").click();
  await moveTo(page, 1);
  assert.notEqual((await filled())[1], fill);
  await page.close();
});

test("an address leads to a moment, and moving writes it", async () => {
  const { html } = report("story");
  const hash = "#step=150&a=no_bos&b=head_rmsnorm&head=3.1&word=4&relative=1&hidden=2&future=1&lesson=3";
  const { page, complaints } = await open(html, undefined, { hash: hash.replace("&lesson=3", "") });
  const state = () =>
    page.evaluate(() => ({
      step: document.getElementById("step-said").textContent,
      a: document.querySelector("#pick-a :checked").textContent,
      b: document.querySelector("#pick-b :checked").textContent,
      head: document.getElementById("pick-head").value,
      relative: document.getElementById("pick-relative").checked,
      shown: [...document.querySelectorAll("#cells input")].map((i) => i.checked),
      future: document.getElementById("pick-future").checked,
      word: document.querySelector("#map-a .sentence [aria-pressed=true]")?.textContent,
    }));
  const want = {
    step: "step 150",
    a: "no_bos",
    b: "head_rmsnorm",
    head: "3.1",
    relative: true,
    shown: [true, true, false],
    future: true,
    word: " a",
  };
  assert.deepEqual(await state(), want);
  await page.keyboard.press("ArrowRight");
  await page.waitForFunction(() => location.hash.includes("step=151"));
  const again = await open(html, undefined, { hash: await page.evaluate(() => location.hash) });
  await page.close();
  assert.equal(await again.page.locator("#step-said").textContent(), "step 151");
  await again.page.close();
  const hostile = await open(html, undefined, {
    hash: "#step=x&a=%3Cb%3E&head=9.9.9&word=-3&lesson=99&sweep=none&present=nowhere&s-table&b=no_bos&banana=1",
  });
  assert.equal(
    await textOf(hostile.page, "#link-said"),
    "Not understood in this page's link: step=x (shown: 0), a=<b> (shown: baseline), head=9.9.9 (shown: 2.0), " +
      "word=-3 (shown: none), lesson=99 (shown: none), sweep=none (shown: made-up), present=nowhere (shown: none), " +
      "banana=1 (shown: none).",
  );
  assert.deepEqual([...complaints, ...hostile.complaints], []);
  await hostile.page.close();
});

test("the outcome is covered until it is asked for, and while the lesson asks", async () => {
  const { page, complaints } = await open(report("story").html, { width: 1280, height: 800 }, { hash: "" });
  const seen = async () => (await page.locator("header, #results, #s-loss, #s-chain").evaluateAll((l) => l.map((e) => (e.checkVisibility() ? e.innerText : "")))).join("\n");
  const outcome = /emerge|no sink forms|RMSNorm only|in no other|by step|No onset|ends at/;
  assert.doesNotMatch(await seen(), outcome);
  assert.equal(await textOf(page, "#step-said"), "step 0");
  await page.locator("#results-show").press("Enter");
  for (const words of [/Watch a sink emerge/, /no sink forms/, /A sink forms in the baseline and in no other/])
    assert.match(await seen(), words);
  assert.equal(await textOf(page, "#step-said"), "step 300");
  await page.waitForFunction(() => location.hash.includes("results=1"));
  await page.locator("#lesson-open").click();
  assert.doesNotMatch(await seen(), outcome);
  assert.equal(await page.locator("#variants").isVisible(), false);
  await page.keyboard.press("Escape");
  assert.match(await seen(), /Watch a sink emerge/);
  assert.equal(await page.locator("#variants").isVisible(), true);
  await page.locator("#results-show").click();
  assert.doesNotMatch(await seen(), outcome);
  assert.deepEqual(complaints, []);
  await page.close();
});

test("a link to the lesson's last step leads to its figure, though the page grows above it", async () => {
  const { page } = await open(report("rates").html, undefined, { hash: "#lesson=7", motion: true });
  assert.equal(await textOf(page, "#lesson-place"), "7 of 7");
  await page.waitForFunction(() => document.querySelector("#s-sql.pointed tbody"));
  await page.waitForTimeout(1500); // of scrolling
  const { top, end } = await page.evaluate(() => ({
    top: document.querySelector(".pointed").getBoundingClientRect().top,
    end: document.documentElement.scrollHeight - innerHeight - scrollY,
  }));
  assert.ok(top >= 0 && (top < 40 || end < 2), `${top} px from the top, ${end} from the end`);
  await page.close();
});

test("where one figure is presented the lesson stands beside it and hides nothing of it", async () => {
  const { page } = await open(report("story").html, { width: 1280, height: 720 }, { hash: "#lesson=1&present=s-map" });
  const boxes = await page
    .locator("#s-map h2, #maps, #map-a canvas:not(.strip), #dock, #lesson-choices")
    .evaluateAll((l) => l.map((e) => e.getBoundingClientRect().toJSON()));
  const dock = boxes.splice(3, 1)[0];
  assert.ok(boxes.every((b) => b.top >= 0 && b.bottom <= 720), JSON.stringify(boxes));
  assert.ok(boxes.slice(0, 3).every((b) => b.right <= dock.left));
  await page.close();
});

test("on a phone no word of a figure is cut, and numbers of an axis stand apart", async () => {
  for (const kind of ["story", "lengths"]) {
    const { page } = await open(report(kind).html, { width: 360, height: 740 });
    const wrong = await page.locator("main svg[role=img]").evaluateAll((l) =>
      l.flatMap((svg) => {
        const boxes = (s) => [...svg.querySelectorAll(s)].map((t) => ({ text: t.textContent, ...t.getBoundingClientRect().toJSON() }));
        const cut = boxes("text").filter((b) => b.width && (b.left < 0 || b.right > innerWidth));
        const ticks = boxes('[data-mark="x-axis tick label"] text').filter((b) => b.height < 20); // slanted ones may reach under each other
        return [...cut, ...ticks.filter((b, i) => i && b.left < ticks[i - 1].right + 4)].map((b) => b.text);
      }),
    );
    assert.deepEqual(wrong, []);
    await page.close();
  }
});

test("each line across a logarithmic axis has its number, and labels of a map keep their descenders", async () => {
  const { page } = await open(report("story").html);
  // Of numbers that d3 gives no label to.
  await page.locator("#sql").fill("SELECT 1 AS step, 3.1 AS loss UNION ALL SELECT 2, 7.9");
  await page.locator("#sql-run").click();
  const numbers = await page.locator("main svg[role=img]").evaluateAll((l) =>
    l.map((svg) => [...svg.querySelectorAll('[data-mark="y-axis tick label"] text')].map((t) => t.textContent)),
  );
  assert.deepEqual(numbers.at(-1), ["4", "5", "6", "7"]);
  assert.equal(numbers.flat().includes(""), false);
  assert.equal(await page.locator("#map-a .labels span").first().evaluate((e) => getComputedStyle(e).overflowY), "visible");
  await page.close();
});

test("an address leads to a moment of the lesson, not to its step's own beginning", async () => {
  const { html } = report("story");
  const { page, complaints } = await open(html, undefined, { hash: "#step=150&b=head_rmsnorm&head=1.0&lesson=3" });
  const shown = async () => [
    await textOf(page, "#lesson-place"),
    await textOf(page, "#step-said"),
    await page.locator("#pick-head").inputValue(),
    await textOf(page, "#pick-b :checked"),
  ];
  const moment = ["3 of 8", "step 150", "1.0", "head_rmsnorm"];
  assert.deepEqual(await shown(), moment);
  assert.equal(await textOf(page, "#lesson-answer"), "");
  await page.waitForTimeout(600); // nothing plays on from there
  assert.deepEqual(await shown(), moment);
  await page.close();
  const begun = await open(html, undefined, { hash: "#lesson=3" });
  assert.equal(await textOf(begun.page, "#step-said"), "step 0");
  assert.deepEqual([...complaints, ...begun.complaints], []);
  await begun.page.close();
});

test("what the first key receives is drawn in the colour of the map's model", async () => {
  const { page } = await open(report("story").html, undefined, { hash: "#step=300&a=head_rmsnorm&b=baseline" });
  const bars = await page.locator("#maps .strip").evaluateAll((l) =>
    l.map((canvas) => {
      const at = (key) => [...canvas.getContext("2d").getImageData(8 * key + 4, canvas.height - 2, 1, 1).data.slice(0, 3)];
      return [at(0), at(1)].map((rgb) => `rgb(${rgb.join(", ")})`);
    }),
  );
  const colour = (name) =>
    page
      .locator("#cells label", { hasText: name })
      .locator("i")
      .evaluate((e) => getComputedStyle(e).backgroundColor);
  assert.deepEqual([bars[0][0], bars[1][0]], [await colour("head_rmsnorm"), await colour("baseline")]);
  assert.equal(bars[0][1], bars[1][1]);
  assert.ok(!bars.map(([first]) => first).includes(bars[0][1]));
  await page.close();
});

test("a sweep's chart is along the axis that it compares, though its models' names begin with another", async () => {
  const { page } = await open(report("rates").html, undefined, { hash: "#sweep=rows" });
  assert.match(await textOf(page, "#cells"), /lr=0\.001 bos=row/);
  assert.equal(await textOf(page, "#axis-x :checked"), "bos");
  assert.deepEqual(await page.locator("#axis-x option").allTextContents(), ["bos", "lr"]);
  assert.equal(await textOf(page, "#axis-colour :checked"), "lr");
  await page.close();
});

test("keys work wherever the focus is, but not where someone writes", async () => {
  const { page, complaints } = await open(report("story").html);
  await moveTo(page, 0);
  const at = () => page.locator("#step").inputValue().then(Number);
  for (const [key, place] of [
    ["ArrowRight", 1],
    ["Shift+ArrowRight", 11],
    ["ArrowLeft", 10],
    ["End", 300],
    ["Home", 0],
  ]) {
    await page.keyboard.press(key);
    assert.equal(await at(), place, key);
  }
  await page.locator("#step").focus();
  await page.keyboard.press("Space");
  await page.waitForFunction(() => document.getElementById("step").value > 0);
  await page.keyboard.press("Space");
  assert.equal(await page.locator("#play").getAttribute("aria-label"), "Play");
  await page.keyboard.press("n");
  assert.match(await textOf(page, "#lesson-place"), /^1 of/);
  await page.keyboard.press("1");
  assert.notEqual(await textOf(page, "#lesson-answer"), "");
  await page.keyboard.press("n");
  await page.keyboard.press("p");
  assert.match(await textOf(page, "#lesson-place"), /^1 of/);
  await page.keyboard.press("Escape");
  assert.equal(await page.locator("#lesson").isVisible(), false);
  await page.locator("#sql").fill("");
  await page.locator("#sql").pressSequentially("f n 1");
  assert.equal(await textOf(page, "#sql"), "f n 1");
  assert.equal(await page.evaluate(() => document.body.classList.contains("present")), false);
  assert.deepEqual(complaints, []);
  await page.close();
});

test("f shows one figure on the whole screen in large type, and the slider's keys still move it", async () => {
  const { page, complaints } = await open(report("story").html, undefined, { hash: "#step=10" });
  const sections = () =>
    page
      .locator("header:visible, main > section:visible")
      .evaluateAll((l) => l.map((s) => s.id || s.tagName));
  const before = (await sections()).length;
  await page.keyboard.press("2");
  await page.keyboard.press("f");
  assert.deepEqual(await sections(), ["s-heads"]);
  // Asked in one go: what is drawn anew meanwhile has no style any more.
  const size = await page.evaluate(() => parseFloat(getComputedStyle(document.querySelector("#heat-a svg text")).fontSize));
  assert.ok(size >= 18, size);
  await page.keyboard.press("1");
  assert.deepEqual(await sections(), ["s-loss"]);
  await page.keyboard.press("n");
  assert.deepEqual(await sections(), ["s-map"]);
  await page.screenshot({ path: `${shots}/present.png` });
  await page.keyboard.press("f");
  assert.equal((await sections()).length, before);
  assert.deepEqual(complaints, []);
  await page.close();
});

test("words of art are explained under the pointer, once a section", async () => {
  const { page } = await open(report("story").html);
  const terms = await page.locator(".term").evaluateAll((l) => l.map((t) => t.textContent));
  for (const word of ["sink rate", "residual vector", "head", "seeds", "uniform control", "onset"])
    assert.ok(terms.includes(word), word);
  await page
    .locator("#results .term", { hasText: /^sink rate$/ })
    .first()
    .hover();
  assert.match(await page.locator("#hint").textContent(), /^Share of \(sequence, layer, head\)/);
  const twice = await page.locator("header, #results, main > section").evaluateAll((l) =>
    l.filter((s) => {
      const words = [...s.querySelectorAll(".term")].map((t) => t.textContent);
      return new Set(words).size < words.length;
    }),
  );
  assert.equal(twice.length, 0);
  await page.close();
});

test("every figure is saved as SVG, PNG and CSV", async () => {
  const { db, html } = report("story");
  const { page, complaints } = await open(html);
  // What a browser would save; it has a limit of its own on how many files may follow each other.
  await page.evaluate(() => {
    window.saved = [];
    const make = URL.createObjectURL.bind(URL);
    let last;
    const packed = (blob) =>
      new Promise((done) => {
        const reader = new FileReader();
        reader.onload = () => done(reader.result.split(",")[1]);
        reader.readAsDataURL(blob);
      });
    URL.createObjectURL = (blob) => make((last = blob));
    HTMLAnchorElement.prototype.click = function () {
      window.saved.push(packed(last).then((bytes) => [this.download, bytes]));
    };
  });
  await page.locator("#sql-run").click();
  const files = await page.evaluate(async () => {
    const buttons = [...document.querySelectorAll(".save button")];
    for (const [i, button] of buttons.entries()) {
      button.click();
      while (window.saved.length <= i) await new Promise((done) => setTimeout(done, 5));
    }
    return Promise.all(window.saved);
  });
  for (const file of files) file[1] = Buffer.from(file[1], "base64");
  const fileOf = (name) => files.find(([n]) => n === `sinklab-${name}`)[1];
  const figures = [
    "hero",
    "loss",
    "axis",
    "heads",
    "maps",
    "onsets",
    "chain",
    "layers",
    "effect",
    "sql-plot",
  ];
  for (const figure of figures) {
    const svg = fileOf(`${figure}.svg`).toString();
    assert.match(svg, /^<svg[^]*<\/svg>$/, figure);
    assert.doesNotMatch(svg, /var\(--/, figure);
    assert.equal(fileOf(`${figure}.png`).subarray(1, 4).toString(), "PNG");
    assert.ok(fileOf(`${figure}.png`).length > 3000, figure);
    assert.ok(fileOf(`${figure}.csv`).toString().split("\n").length > 3, figure);
  }
  writeFileSync(`${shots}/saved-maps.png`, fileOf("maps.png"));
  writeFileSync(`${shots}/saved-chain.png`, fileOf("chain.png"));
  const rows = fileOf("loss.csv")
    .toString()
    .split("\n")
    .map((l) => l.split(","));
  const row = rows.find((r) => r[0] === "no_bos" && r[1] === "60" && r[2] === "sink_rate_03");
  const mean = asked(
    db,
    "SELECT avg(sink_rate_03) AS v FROM eval JOIN run ON id = run_id WHERE variant = 'no_bos' AND step = 60 AND probe = 'main'",
  ).v;
  assert.ok(Math.abs(row[3] - mean) < 1e-5);
  assert.match(fileOf("variants.csv").toString(), /^model,done,late loss,sink rate/);
  assert.deepEqual(complaints, []);
  await page.close();
});

test("an intervention's curve stands beside the untouched one", async () => {
  const { db, html } = report("story");
  const { page, complaints } = await open(html);
  assert.equal(await page.locator("#effect-do :checked").textContent(), "off(mlp 0)");
  assert.equal(await page.locator("#effect-figure :checked").textContent(), "Sink rate");
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.locator("#s-effect .save button", { hasText: "CSV" }).click(),
  ]);
  const rows = readFileSync(await download.path(), "utf8")
    .trim()
    .split("\n");
  const n = asked(db, "SELECT count(*) AS n FROM effect WHERE figure = 'sink_rate_03'").n;
  assert.equal(rows.length - 1, n);
  assert.deepEqual(complaints, []);
  await page.close();
  const plain = await open(report("one").html);
  assert.equal(await plain.page.locator("#s-effect").isVisible(), false);
  await plain.page.close();
});

test("paper gets two sheets, and the screen comes back as it was", async () => {
  for (const kind of ["story", "rates", "sinkless"]) {
    const { page, complaints } = await open(report(kind).html, undefined, { hash: "#step=20" });
    await page.emulateMedia({ colorScheme: "dark" });
    const pdf = await page.pdf({
      preferCSSPageSize: true,
      printBackground: true,
      path: `${shots}/${kind}.pdf`,
    });
    const sheets = pdf.toString("latin1").match(/\/Type \/Page\b(?!s)/g).length;
    assert.equal(sheets, 2, kind);
    // The questions on the first sheet, what came of it on the second.
    await page.emulateMedia({ media: "print" });
    await page.evaluate(() => dispatchEvent(new Event("beforeprint")));
    const [words, sheet] = await page.evaluate(() => [
      document.querySelector("header").innerText + document.getElementById("handout").innerText,
      getComputedStyle(document.getElementById("handout")).breakAfter,
    ]);
    assert.match(words, /Does an attention sink form\?[^]*Predict first/);
    assert.doesNotMatch(words, /emerge|Answers|ends at/);
    assert.equal(sheet, "page");
    assert.match(await textOf(page, "#handout-answers"), /^Answers: 1\) /);
    assert.equal(await page.evaluate(() => document.getElementById("handout").compareDocumentPosition(document.getElementById("results"))), 4);
    await page.evaluate(() => dispatchEvent(new Event("afterprint")));
    assert.equal(await page.locator("#step-said").textContent(), "step 20");
    assert.deepEqual(complaints, []);
    await page.close();
  }
});

test("axe finds no fault, light and dark, with the lesson open or what the editor completes", async () => {
  const axe = readFileSync("ablations/page/node_modules/axe-core/axe.min.js", "utf8");
  for (const [kind, colorScheme, lesson] of [
    ["story", "light", true],
    ["story", "dark", false],
    ["rates", "light", false],
  ]) {
    const { page } = await open(report(kind).html);
    await page.emulateMedia({ colorScheme });
    await page.locator("#sql").fill("SELECT step, sink_rate_03 FROM eval LIMIT 5");
    await page.locator("#sql-run").click();
    if (lesson) await page.locator("#lesson-open").click();
    else {
      await page.locator("#sql").press("Control+Space");
      await page.waitForSelector(".cm-tooltip-autocomplete");
    }
    await page.evaluate(`${axe}; undefined`);
    const { violations } = await page.evaluate(() => window.axe.run({ resultTypes: ["violations"] }));
    assert.deepEqual(
      violations.map((v) => `${v.id}: ${v.nodes.slice(0, 3).map((n) => `${n.target} ${n.failureSummary}`)}`),
      [],
    );
    await page.close();
  }
});

test("chart texts are 12 pixels or more", async () => {
  for (const width of [360, 1280]) {
    const { page } = await open(report("story").html, { width, height: 800 });
    const small = await page.locator("svg text").evaluateAll((l) =>
      l
        .filter((t) => t.textContent && t.getBoundingClientRect().width)
        .map((t) => [parseFloat(getComputedStyle(t).fontSize), t.getScreenCTM()])
        .map(([size, { a, b }]) => size * Math.hypot(a, b))
        .filter((size) => size < 11.9),
    );
    assert.deepEqual(small, []);
    await page.close();
  }
});

test("phases by layer are those of the last reading before the slider", async () => {
  const { page } = await open(report("story").html);
  const phases = () => page.locator("#phases tbody tr").first().locator("td").allTextContents();
  await moveTo(page, 0);
  assert.deepEqual(await phases(), ["mix", "mix", "mix", "mix"]);
  await moveTo(page, 1);
  assert.deepEqual(await phases(), ["compress", "refine", "refine", "refine"]);
  await page.close();
});

test("curves that share the time axis share their margins", async () => {
  const { page } = await open(report("story").html);
  await moveTo(page, 0.5);
  const places = await page
    .locator("#chain .curtain")
    .evaluateAll((l) => l.map((e) => Math.round(e.getBoundingClientRect().x)));
  assert.ok(places.length >= 6);
  assert.equal(new Set(places).size, 1);
  await page.close();
});

test("a query gives the rows that sqlite3 gives", async () => {
  const { db, html } = report("story");
  const { page } = await open(html);
  const sql =
    "SELECT r.variant, r.seed, e.step, round(e.sink_rate_03, 5) AS rate" +
    " FROM eval AS e JOIN run AS r ON r.id = e.run_id WHERE e.step % 60 = 0 ORDER BY 1, 2, 3";
  await page.locator("#sql").fill(sql);
  await page.keyboard.press("Control+Enter");
  const shown = await page
    .locator("#sql-rows tbody tr")
    .evaluateAll((rows) =>
      rows.map((r) =>
        [...r.cells].map((c) => (c.classList.contains("text") ? c.textContent : Number(c.textContent))),
      ),
    );
  const direct = JSON.parse(execFileSync("sqlite3", ["-json", db, sql]).toString()).map((r) =>
    Object.values(r),
  );
  assert.equal(shown.length, direct.length);
  shown.forEach((row, i) =>
    row.forEach((v, k) =>
      typeof v === "number" ? assert.ok(Math.abs(v - direct[i][k]) < 1e-3) : assert.equal(v, direct[i][k]),
    ),
  );
  await page.locator("#sql").fill("DELETE FROM run");
  await page.locator("#sql-run").click();
  assert.match(await page.locator("#sql-said").textContent(), /readonly|read-only|query_only/i);
  await page.close();
});

test("the editor of SQL colours words, completes tables and columns, and lets keys leave", async () => {
  const { page, complaints } = await open(report("story").html);
  const sql = page.locator("#sql"),
    { keyboard } = page,
    labels = page.locator("#s-sql .cm-completionLabel");
  const colours = await page.locator("#sql .cm-line span").evaluateAll((l) => l.map((e) => getComputedStyle(e).color));
  assert.ok(new Set(colours).size >= 3, "keywords, texts and comments");
  // Types at a text's "|" and takes what is offered for it.
  const complete = async (text, typed, wanted) => {
    await sql.fill(text.replace("|", ""));
    await keyboard.press("Control+Home");
    for (let i = 0; i < text.indexOf("|"); i++) await keyboard.press("ArrowRight");
    await keyboard.type(typed);
    await labels.filter({ hasText: new RegExp(`^${wanted}$`) }).waitFor();
    await page.waitForTimeout(100); // CodeMirror's own pause: what just came up is not taken by a key on its way
    await keyboard.press("Enter");
    return sql.textContent();
  };
  assert.equal(await complete("SELECT * FROM |", "eval_h", "eval_head"), "SELECT * FROM eval_head");
  assert.equal(await complete("SELECT | FROM eval", "uniform", "uniform_mass"), "SELECT uniform_mass FROM eval");
  const joined = "FROM eval AS e JOIN run AS r ON r.id = e.run_id";
  assert.equal(await complete(`SELECT | ${joined}`, "r.lab", "label"), `SELECT r.label ${joined}`);
  await keyboard.press("Control+z");
  assert.doesNotMatch(await sql.textContent(), /label/);
  await sql.fill("SELECT 41 + 1 AS n");
  await keyboard.press("Control+a");
  await keyboard.press("Control+x");
  assert.equal(await sql.textContent(), "");
  await keyboard.press("Control+v");
  await keyboard.press("Control+Enter");
  assert.equal(await textOf(page, "#sql-rows td"), "42");
  await keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.id), "sql-run");
  await keyboard.press("Shift+Tab");
  await keyboard.type(" FROM ru");
  await labels.first().waitFor();
  await keyboard.press("Escape");
  await labels.first().waitFor({ state: "detached" });
  assert.equal(await sql.evaluate((e) => e === document.activeElement), true);
  await keyboard.press("Escape");
  await keyboard.press("Home");
  assert.equal(await page.locator("#step").inputValue(), "0");
  assert.deepEqual(complaints, []);
  await page.close();
});

test("views over all steps come out as in the whole database", () => {
  const { db, html } = report("thirty");
  const packed = /id="database">([^<]+)</.exec(readFileSync(html, "utf8"))[1];
  const copy = join(folder, "copy.db");
  writeFileSync(copy, inflateSync(Buffer.from(packed, "base64")));
  const rows = (path, sql) => execFileSync("sqlite3", [path, sql]).toString();
  for (const sql of [
    "SELECT run_id, onset, round(seconds, 6) FROM final ORDER BY 1",
    "SELECT * FROM onset ORDER BY 1, 2, 3",
    "SELECT variant, seed, round(d_val_loss, 5) FROM paired ORDER BY 1, 2",
  ])
    assert.equal(rows(copy, sql), rows(db, sql));
  assert.ok(+rows(copy, "SELECT max(n) FROM (SELECT count(*) AS n FROM step GROUP BY run_id)") <= 302);
});

test("hostile names stay text", async () => {
  const { page, complaints } = await open(report("hostile").html);
  assert.equal(await page.evaluate(() => window.owned), undefined);
  assert.match(await page.locator("#cells").textContent(), /<\/script><script>window\.owned/);
  assert.match(await page.locator("#map-a .sentence").textContent(), /<\/script><b>🕳️/);
  await moveTo(page, 0.5);
  assert.deepEqual(complaints, []);
  await page.close();
});

test("thirty runs with the maps of six: under 8 MB", () => {
  const { html } = report("thirty");
  assert.ok(statSync(html).size < 8e6);
});

test("the lock file names no address", () => {
  const lock = readFileSync("ablations/page/package-lock.json", "utf8");
  assert.match(lock, /"integrity"/);
  assert.doesNotMatch(lock, /"resolved"|https?:/);
});

test("a program without the libraries beside it writes the static page and says so in a line", () => {
  const { db } = report("story");
  const program = join(folder, "sinklab"),
    html = join(folder, "static.html");
  copyFileSync("./sinklab", program);
  const said = spawnSync(program, ["report", "-o", html, "--db", db]);
  assert.equal(said.status, 0);
  assert.match(said.stderr.toString(), /^[^\n]*static page[^\n]*npm[^\n]*\n$/);
  const text = readFileSync(html, "utf8");
  for (const part of ["<svg", "Mass of the first key by head", "<table", "uniform control"])
    assert.ok(text.includes(part), part);
  assert.ok(!text.includes("<script"));
});

test("on a large screen words stand beside their figure, which reaches to the right edge; on a phone above it", async () => {
  for (const [width, beside] of [
    [360, false],
    [1280, true],
    [1920, true],
    [2560, true],
  ])
    for (const kind of ["story", "rates"]) {
      const { page } = await open(report(kind).html, { width, height: 1080 });
      const blocks = await page.locator(".beside:has(> .figures):visible").evaluateAll((l) =>
        l.map((block) => {
          const box = (e) => e.getBoundingClientRect(),
            [words, figure] = [box(block.firstElementChild), box(block.querySelector(":scope > .figures"))];
          const title = block.querySelector("h2, h3")?.textContent ?? block.id;
          return { title, left: figure.left >= words.right, below: figure.top >= words.bottom, gap: innerWidth - figure.right };
        }),
      );
      assert.ok(blocks.length >= 5);
      for (const { title, left, below, gap } of blocks) {
        assert.deepEqual([left, below], [beside, !beside], `${title} at ${width}`);
        assert.ok(gap < 0.03 * width + 16, `${title} at ${width}: ${gap} pixels are left`);
      }
      await page.close();
    }
});

test("screenshots for people, none too wide: three sizes, light and dark, and what is not the demo", async () => {
  const sizes = { phone: [360, 740], tablet: [820, 1100], screen: [1280, 900], wall: [3840, 2160] };
  for (const [kind, name, colorScheme] of [
    ...["phone", "tablet", "screen"].flatMap((n) => ["light", "dark"].map((scheme) => ["story", n, scheme])),
    ["story", "wall", "dark"],
    ["rates", "screen", "light"],
    ["rates", "phone", "dark"],
    ["sinkless", "screen", "dark"],
  ]) {
    const [width, height] = sizes[name];
    const { page } = await open(report(kind).html, { width, height });
    await page.emulateMedia({ colorScheme });
    await moveTo(page, 0.7);
    const fits = await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth);
    assert.equal(fits, true, `${kind} on a ${name} is too wide`);
    await page.screenshot({ path: `${shots}/${kind}-${name}-${colorScheme}.png`, fullPage: name !== "wall" });
    await page.close();
  }
});
