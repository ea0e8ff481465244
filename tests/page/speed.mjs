// Prints how heavy the page of a 30-run database is: bytes, milliseconds until it can be used, frames a second
// while the slider moves, and the processor time of both. Judges nothing. From the top of the tree:
//   make page sinklab && node tests/page/speed.mjs [FILE.html]
import { execFileSync } from "node:child_process";
import { statSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { openBrowser } from "./browser.mjs";
import { kinds, makeDatabase } from "./databases.mjs";

const TIMES = 3, MOVES = 120;

function makePage(folder) {
  const db = join(folder, "thirty.db"), html = join(folder, "thirty.html");
  makeDatabase(db, kinds.thirty);
  execFileSync("./sinklab", ["report", "-o", html, "--db", db]);
  return html;
}

// Seconds that the page's process has computed so far, in scripts and in all.
async function spent(session) {
  const { metrics } = await session.send("Performance.getMetrics");
  const of = (name) => metrics.find((m) => m.name === name).value;
  return { script: of("ScriptDuration"), all: of("TaskDuration") };
}

// The slider from one end to the other, a move a frame.
const slide = (moves) => new Promise((done) => {
  const slider = document.getElementById("step"), from = performance.now();
  let i = 0;
  const next = () => {
    if (i > moves) return done((1000 * moves) / (performance.now() - from));
    slider.value = Math.round((i++ / moves) * slider.max);
    slider.dispatchEvent(new Event("input"));
    requestAnimationFrame(next);
  };
  requestAnimationFrame(next);
});

async function measure(browser, html) {
  const page = await browser.newPage(), session = await browser.newCDPSession(page);
  await page.setViewportSize({ width: 1280, height: 900 });
  await session.send("Performance.enable", { timeDomain: "threadTicks" });
  await page.goto(pathToFileURL(html).href);
  await page.waitForSelector("body[data-ready]", { state: "attached" });
  const ready = +(await page.evaluate(() => document.body.dataset.ready));
  await page.waitForTimeout(1000); // what is left to do after it
  const opened = await spent(session), frames = await page.evaluate(slide, MOVES), moved = await spent(session);
  await page.close();
  return { ready, frames, openScript: 1000 * opened.script, openAll: 1000 * opened.all,
           moveScript: (1000 * (moved.script - opened.script)) / MOVES, moveAll: (1000 * (moved.all - opened.all)) / MOVES };
}

const { browser, folder, close } = await openBrowser();
const html = process.argv[2] ?? makePage(folder), figures = [];
for (let i = 0; i < TIMES; i++) figures.push(await measure(browser, html));
await close();
const middle = (key) => figures.map((f) => f[key]).sort((a, b) => a - b)[TIMES >> 1];
console.log(`page of ${(statSync(html).size / 1e6).toFixed(2)} MB; medians of ${TIMES} openings:
ready after ${middle("ready").toFixed(0)} ms; until it rests, scripts ${middle("openScript").toFixed(0)} ms, all work ${middle("openAll").toFixed(0)} ms of processor time
slider: ${middle("frames").toFixed(1)} frames a second; a move takes scripts ${middle("moveScript").toFixed(2)} ms, all work ${middle("moveAll").toFixed(2)} ms of processor time`);
