// Owns: the state of the page in the address: a link leads to a moment. Does not own: the state (main.js).

const EVERY_MS = 300; // browsers refuse an address that changes too often

export const readHash = () => new URLSearchParams(location.hash.slice(1));

const nameOf = (page, side) => page.cells[page.state[side]]?.name;

function hashOf(page) {
  const { step, layer, head, query, sequence, relative } = page.state;
  const hidden = page.cells.filter((c) => !c.shown).map((c) => c.index);
  return new URLSearchParams(
    Object.entries({
      sweep: page.sweep?.name,
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

// What an address says of the cells' places, head, sentence, word and scale; names that are not here are passed over.
export function stateOf(page, hash) {
  const changes = {};
  for (const side of ["a", "b"]) {
    const i = page.cells.findIndex((c) => c.name === hash.get(side));
    if (i >= 0) changes[side] = i;
  }
  const head = /^(\d+)\.(\d+)$/.exec(hash.get("head") ?? "");
  if (head) Object.assign(changes, { layer: +head[1], head: +head[2] });
  for (const [name, key] of [
    ["sentence", "sequence"],
    ["word", "query"],
  ])
    if (/^\d+$/.test(hash.get(name) ?? "")) changes[key] = +hash.get(name);
  changes.relative = hash.get("relative") === "1";
  return changes;
}
