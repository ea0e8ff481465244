// Prints how heavy the page of a 30-run database is, or one that is named: bytes, milliseconds until it can be
// used, frames a second while the slider moves, the processor time of both. Judges nothing. From the top of
// the tree: make page sinklab && node tests/page/speed.mjs [FILE.html]
import { execFileSync } from "node:child_process";
import { statSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { openBrowser } from "./browser.mjs";
import { kinds, makeDatabase } from "./databases.mjs";

const TIMES = 5;
const MOVES = 240;

function makePage(folder) {
  const db = join(folder, "thirty.db"),
    html = join(folder, "thirty.html");
  makeDatabase(db, kinds.thirty);
  execFileSync("./sinklab", ["report", "-o", html, "--db", db]);
  return html;
}

// Milliseconds of processor time that the page's main thread has computed so far.
async function spent(session) {
  const { metrics } = await session.send("Performance.getMetrics");
  return 1000 * metrics.find((m) => m.name === "TaskDuration").value;
}

// The slider from one end to the other, a move a frame.
const slide = (moves) =>
  new Promise((done) => {
    const slider = document.getElementById("step"),
      from = performance.now();
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
  const page = await browser.newPage(),
    session = await browser.newCDPSession(page);
  await page.setViewportSize({ width: 1280, height: 900 });
  await session.send("Performance.enable", { timeDomain: "threadTicks" });
  await page.goto(pathToFileURL(html).href);
  await page.waitForSelector("body[data-ready]", { state: "attached" });
  const ready = +(await page.evaluate(() => document.body.dataset.ready));
  await page.waitForTimeout(1000); // what is left to do after it
  const opening = await spent(session);
  const frames = await page.evaluate(slide, MOVES);
  const move = ((await spent(session)) - opening) / MOVES;
  await page.close();
  return { ready, opening, frames, move };
}

const { browser, folder, close } = await openBrowser();
const html = process.argv[2] ?? makePage(folder),
  figures = [];
for (let i = 0; i < TIMES; i++) figures.push(await measure(browser, html));
const megabytes = statSync(html).size / 1e6;
await close();
const middle = (key, digits) =>
  figures
    .map((f) => f[key])
    .sort((a, b) => a - b)
    [TIMES >> 1].toFixed(digits);
console.log(`page of ${megabytes.toFixed(2)} MB; medians of ${TIMES} openings`);
console.log(
  `opening: ready after ${middle("ready", 0)} ms; its main thread computes ${middle("opening", 0)} ms`,
);
console.log(
  `slider: ${middle("frames", 1)} frames a second; its main thread computes ${middle("move", 2)} ms a move`,
);
