// Owns: the title and the sentences at the top of the page: what came of the models that are shown, whatever they are.
// Does not own: the figures in them (facts.js), the lesson's words (lesson.js).
import { plural, scaleOf } from "./data.js";
import { fixed, orderOf, outcomeOf, outcomes, percent, sharesTargets, stepWords } from "./facts.js";

const MOST = 6; // models named in a sentence

const sentences = (...parts) => parts.filter(Boolean).join(" ");
const number = d3.format(",");

function titleOf({ all, reference, sinking }) {
  if (!all.length) return "No run has finished yet";
  if (reference.sinks) return "Watch a sink emerge";
  return sinking.length
    ? `A sink emerges in ${sinking.length} of ${plural(all.length, "model")}`
    : "No sink forms here";
}

function whatForms(f) {
  return sentences(
    `In ${f.name}, ${percent(f.rate)} of all (sequence, layer, head) end up giving the first key`,
    `more than ${percent(0.3)} of their attention: ${f.sinks ? "an attention sink" : "no attention sink"}.`,
    `Over all heads it gets ${percent(f.mass)}; spread evenly, attention would give it ${percent(f.uniform)}.`,
  );
}

function when(page, f) {
  if (!f.onset) return `Never: the sink rate of ${f.name} did not pass 0.1 for two evaluations.`;
  const { n, after, by } = f.onset;
  return sentences(
    `Between ${stepWords(after)} and ${number(by)} of ${number(f.steps)}, in ${n} of ${plural(f.n, f.unit)}.`,
    `The order for the first token: ${orderOf(page, f).join(", ")}.`,
  );
}

function where(f) {
  const most = f.layers.filter((l) => l.rate > 0.1);
  if (!most.length) return null;
  const told = most.map((l) => `layer ${l.layer} (sink rate ${percent(l.rate)})`).join(", ");
  const hardly = d3.sort(f.layers.filter((l) => l.rate <= 0.1).map((l) => l.layer)).join(", ");
  return hardly ? `In ${told}; hardly in layer ${hardly}.` : `In ${told}.`;
}

// The settings in which a variant differs from the reference, "(data.bos: none)"; a sweep's cell is named by them.
function differences(cell, reference) {
  if (cell.name.includes("=")) return "";
  const changed = ([key, value]) => key !== "variant" && value !== reference.settings[key];
  const keys = Object.entries(cell.settings).filter(changed);
  const told = keys.map(([key, value]) => `${key}: ${value.replaceAll('"', "")}`).join(", ");
  return keys.length && keys.length < 4 ? ` (${told})` : "";
}

function tellOthers(models, reference) {
  const told = d3
    .sort(models, (f) => f.rate)
    .slice(0, MOST)
    .map((f) => {
      const date = f.onset
        ? `, ${f.sinks ? "" : "passed 0.1 "}by ${stepWords(f.onset.middle)} in ${f.onset.n} of ${plural(f.n, f.unit)}`
        : "";
      const model = `${f.name}${differences(f.cell, reference.cell)}`;
      return `${model}: ${outcomeOf(f, reference)}, sink rate ${percent(f.rate)}${date}.`;
    });
  const more = models.length - told.length;
  return sentences(...told, more > 0 && `The other ${more > 1 ? plural(more, "model") : "one"}: section 5.`);
}

// Sink rates along an axis of three numbers or more, a sentence for each rest of a cell that has several of them.
function along(axis, all) {
  const restOf = (f) =>
    f.name
      .split(" ")
      .filter((part) => !part.startsWith(`${axis.name}=`))
      .join(" ");
  const groups = d3.groups(all, restOf).filter(([, group]) => group.length > 1);
  const told = groups.map(([rest, group]) => {
    const points = d3.sort(group, (f) => +f.cell.axes[axis.name]);
    const rates = points.map((f) => `${percent(f.rate)} at ${f.cell.axes[axis.name]}`).join(", ");
    return `${rest ? `${rest}: ` : ""}sink rate ${rates}.`;
  });
  const rest = told.length > MOST || d3.sum(groups, ([, group]) => group.length) < all.length;
  return sentences(...told.slice(0, MOST), told.length > 0 && rest && "The rest: section 5.");
}

// What is said of the others, under its name.
function whatChanges(page, { all, reference, others }) {
  const axis = page.axes.find((a) => a.numeric && a.values.length > 2);
  const told = axis && along(axis, all);
  if (told) return [`Along ${axis.name}`, told];
  const sinking = others.filter((f) => f.sinks);
  if (!others.length) return null;
  if (reference.sinks) {
    // Where every model is a baseline nothing was tried against the sink.
    if (others.every((f) => f.cell.isBaseline)) return ["The others", tellOthers(others, reference)];
    const some = (outcome) => others.some((f) => outcomeOf(f, reference) === outcome);
    const effects = [some(outcomes[0]) && "stops", some(outcomes[1]) && "weakens"].filter(Boolean).join(" or ");
    return [effects ? `What ${effects} it` : "What does not stop it", tellOthers(others, reference)];
  }
  if (sinking.length) return ["Where one forms", tellOthers(sinking, reference)];
  const none = others.length > 1 ? `In none of the ${others.length} other models does a sink form.` : null;
  return ["The others", none ?? `No sink forms in ${others[0].name} either.`];
}

// Final losses over the same targets, and what they say of the sink's use.
function lossWords(page) {
  const { all, reference } = page.facts;
  if (!reference || reference.loss === null) return "Loss falls while they train.";
  const compared = all.filter((f) => f === reference || sharesTargets(f, reference));
  const told = compared.slice(0, MOST).map((f) => `${fixed(f.loss, 2)} (${f.name})`);
  // Along an axis of numbers both sink and loss follow that number: one says nothing of the other.
  const alike = reference.sinks && !page.axes.some((a) => a.numeric);
  const without = alike ? compared.filter((f) => !f.sinks) : [];
  const within = without.filter((f) => f.loss < reference.loss + 0.05).map((f) => f.name);
  return sentences(
    `Validation loss over late targets ends at ${told.join(", ")} nats a token.`,
    within.length && `No sink, and a loss less than 0.05 above that of ${reference.name}: ${within.join(", ")}.`,
    without.length && !within.length && "The models without a sink end higher by 0.05 or more.",
  );
}

function conditions(page) {
  const { text, sequences, control } = scaleOf(page.series, page.cells);
  const masses = control.map((c) => c.toFixed(4)).join(", ");
  const rate = control.some((c) => c > 0.3) ? "up to 1" : "0";
  return sentences(
    page.facts.others.length && `The reference, against which all are held: ${page.facts.reference.name}.`,
    `${text}; probe main: ${sequences} held-out sequences; medians over finished seeds.`,
    masses &&
      `Uniform control: evenly spread attention gives key 0 a mass of ${masses}, a sink rate of ${rate}.`,
    !page.has.heads && "Heads by step were not kept: no section 2.",
    !page.has.maps && "Attention maps were not kept: no section 3.",
  );
}

// What is measured, which gives no outcome away, and the claim, which does.
const lead = ({ sweep, cells }) => {
  const runs = plural(d3.sum(cells, (c) => c.runs.length), "run");
  return (
    `${plural(cells.length, "small GPT")}, ${runs}${sweep ? ` of ${sweep.name}` : ""}, measured while they train: ` +
    "which heads look at the first token, and since when."
  );
};

const claimWords = ({ name, claim, expectations }) =>
  `${expectations ? `The claim that ${name} puts to the test` : `What ${name} says (nothing of it is judged)`}: ${claim}`;

// Returns the title that tells the outcome.
export function tellStory(page) {
  const { all, reference } = page.facts;
  const points = (
    reference
      ? [
          ["What forms", whatForms(reference)],
          ["When", when(page, reference)],
          ["Where", where(reference)],
          whatChanges(page, page.facts),
        ]
      : [["What came of it", "No run has finished yet."]]
  ).filter((point) => point?.[1]);
  const items = d3.select("#story").selectAll("div").data(points).join("div");
  items.selectAll("*").remove();
  items.append("dt").text(([name]) => name);
  items.append("dd").text(([, words]) => words);
  document.title = `sinklab: ${page.sweep?.name ?? "all runs"}`;
  document.getElementById("lead").textContent = lead(page);
  document.getElementById("claim").textContent = page.sweep?.claim ? claimWords(page.sweep) : "";
  document.getElementById("loss-words").textContent = lossWords(page);
  document.getElementById("scale").textContent = conditions(page);
  return titleOf({ all, reference, sinking: page.facts.sinking });
}
