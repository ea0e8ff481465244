// Owns: the state of the page in the address: a link leads to a moment, and what of it is not understood is said. Does not
// own: the state (main.js).
import { ask } from "./data.js";

const EVERY_MS = 300; // browsers refuse an address that changes too often

export const readHash = () => new URLSearchParams(location.hash.slice(1));

const nameOf = (page, side) => page.cells[page.state[side]]?.name;

function hashOf(page) {
  const { step, layer, head, query, sequence, relative, results } = page.state;
  const hidden = page.cells.filter((c) => !c.shown).map((c) => c.index);
  return new URLSearchParams(
    Object.entries({
      sweep: page.sweep?.name,
      text: page.texts.length > 1 ? page.text.name : null,
      results: results ? 1 : null,
      step,
      a: nameOf(page, "a"),
      b: nameOf(page, "b"),
      head: `${layer}.${head}`,
      sentence: sequence || null,
      word: query < 0 ? null : query,
      relative: relative ? 1 : null,
      future: page.hidesFuture() ? null : 1,
      hidden: hidden.length ? hidden.join(".") : null,
      lesson: page.lesson?.place() >= 0 ? page.lesson.place() + 1 : null,
      present: page.presented(),
    }).filter(([, value]) => value != null),
  );
}

let pending = 0;

// Soon writes the address of what is shown now.
export function writeHash(page) {
  pending ||= setTimeout(() => {
    pending = 0;
    history.replaceState(null, "", `#${hashOf(page)}`);
  }, EVERY_MS);
}

// What an address says of the cells' places, head, sentence, word and scale; what is not here is passed over.
export function stateOf(page, hash) {
  const changes = { relative: hash.get("relative") === "1", results: hash.get("results") === "1" };
  for (const side of ["a", "b"]) {
    const i = page.cells.findIndex((c) => c.name === hash.get(side));
    if (i >= 0) changes[side] = i;
  }
  const run = page.side("a", changes.a).run,
    head = /^(\d+)\.(\d+)$/.exec(hash.get("head") ?? "")?.slice(1).map(Number);
  const there = (r) => r.layer === head[0] && r.head === head[1];
  if (head && page.series.head.get(run?.id).some(there)) Object.assign(changes, { layer: head[0], head: head[1] });
  const sentences = ask(page.db, "SELECT sequence, max(position) AS last FROM map_token WHERE run_id = ? GROUP BY sequence", [run?.id ?? null]);
  const number = (name) => (/^\d+$/.test(hash.get(name) ?? "") ? +hash.get(name) : null),
    sentence = sentences.find((s) => s.sequence === (number("sentence") ?? page.state.sequence));
  if (!sentence) return changes;
  changes.sequence = sentence.sequence;
  if (number("word") !== null && number("word") <= sentence.last) changes.query = number("word");
  return changes;
}

// What may be left out of an address.
const unsaid = { relative: "0", results: "0", future: "0", sentence: "0" };
const short = (text) => (text.length > 40 ? `${text.slice(0, 40)}...` : text);

// In a line, what an address asks for and this page does not show, with what it shows instead.
export function strangersOf(page, hash) {
  const shown = hashOf(page);
  const told = [...hash]
    .filter(([name, value]) => value !== (shown.get(name) ?? unsaid[name]) && (value || !document.getElementById(name)))
    .map(([name, value]) => `${short(name)}=${short(value)} (shown: ${shown.get(name) ?? "none"})`);
  return told.length ? `Not understood in this page's link: ${told.join(", ")}.` : "";
}
