// Owns: what a page served by `sinklab watch` adds: a strip of the runs that go, asked for every second, and a button that
// draws the page anew. Does not own: the page's own figures. Texts stay texts: nothing of them is read as HTML.
const SVG = "http://www.w3.org/2000/svg",
  WIDTH = 260,
  HEIGHT = 48;

const make = (parent, name, text, attributes = {}, space) => {
  const e = space ? document.createElementNS(space, name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) e.setAttribute(key, value);
  if (text !== undefined) e.textContent = text;
  return parent.appendChild(e);
};

// A line of [step, value] from step 0 to the run's end; `floor` and `ceiling` widen what is shown.
function drawLine(parent, title, points, steps, floor, ceiling) {
  const values = points.map((p) => p[1]).filter((v) => v !== null);
  const low = Math.min(floor ?? Infinity, ...values),
    high = Math.max(ceiling ?? -Infinity, ...values);
  const x = (step) => (step / Math.max(1, steps)) * WIDTH,
    y = (v) => HEIGHT - 2 - ((v - low) / (high - low || 1)) * (HEIGHT - 4);
  const label = `${title} ${values.length ? values.at(-1) : "not yet"}`;
  const svg = make(parent, "svg", undefined, { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label }, SVG);
  make(svg, "title", label, {}, SVG);
  const line = points.filter((p) => p[1] !== null).map((p) => `${x(p[0]).toFixed(1)},${y(p[1]).toFixed(1)}`);
  make(svg, "polyline", undefined, { points: line.join(" "), fill: "none", stroke: "currentColor", "stroke-width": 1.5 }, SVG);
}

const clock = (seconds) => {
  const s = Math.round(seconds),
    two = (n) => String(n).padStart(2, "0");
  return s >= 3600 ? `${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}` : `${Math.floor(s / 60)}:${two(s % 60)}`;
};

function drawRun(list, run) {
  const item = make(list, "li");
  make(item, "b", run.name);
  const last = (points) => points.filter((p) => p[1] !== null).at(-1)?.[1];
  const words = [`step ${run.step ?? 0} of ${run.steps}`, `loss ${last(run.loss) ?? "-"}`, `sink rate ${last(run.sink) ?? "-"}`];
  if (run.status !== "running") words.push(run.status);
  else if (run.left !== null) words.push(`${clock(run.left)} left`);
  make(item, "span", words.join(", "));
  const figures = make(item, "div");
  drawLine(figures, "loss", run.loss, run.steps);
  drawLine(figures, "sink rate", run.sink, run.steps, 0, 1);
}

function makeStrip() {
  const strip = make(document.body, "section", undefined, { id: "live", "aria-label": "Runs as they go" });
  document.body.prepend(strip);
  make(strip, "style", `#live{max-width:var(--page,70rem);margin:0 auto;padding:.6rem 1rem;font:14px/1.45 system-ui,sans-serif}
    #live ul{list-style:none;margin:.4rem 0;padding:0;display:grid;gap:.8rem;grid-template-columns:repeat(auto-fit,minmax(min(100%,300px),1fr))}
    #live li{border:1px solid #8886;border-radius:6px;padding:.4rem .6rem;overflow-wrap:anywhere}
    #live li span{display:block}#live li div{display:flex;gap:.5rem}#live svg{flex:1;min-width:0;height:auto}`);
  const head = make(strip, "p", undefined, { role: "status" }),
    again = make(strip, "button", "Draw the page with what is new", { type: "button" });
  again.addEventListener("click", () => location.reload());
  again.hidden = true;
  return { head, again, list: make(strip, "ul") };
}

function draw(strip, news, drawn) {
  strip.head.textContent = `Live: ${news.done} of ${news.all} runs done`;
  strip.again.hidden = news.evaluations === drawn;
  strip.list.replaceChildren();
  for (const run of news.runs) drawRun(strip.list, run);
}

const strip = makeStrip();
let drawn = null;

async function look() {
  try {
    const reply = await fetch("/figures", { cache: "no-cache" });
    if (!reply.ok) throw new Error(await reply.text());
    const news = await reply.json();
    drawn ??= news.evaluations;
    draw(strip, news, drawn);
  } catch (error) {
    strip.head.textContent = `Nothing new is heard: ${error.message} (has sinklab watch ended?)`;
  }
  setTimeout(look, 1000);
}
look();
