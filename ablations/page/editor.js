// Owns: the editor of SQL: colours of its words, completion of tables and columns, history; CodeMirror and how it is
// loaded. Does not own: what is asked (console.js), which tables there are.
import { unpack } from "./data.js";

// CodeMirror's packages are CommonJS, packed in this page: a function `require` of their names. They are written into the
// page as one script, for its policy lets no text be evaluated.
async function openPackages() {
  const files = [...document.querySelectorAll('script[id$=".cjs"]')].map(({ id }) => id),
    texts = (await Promise.all(files.map(unpack))).map((bytes) => new TextDecoder().decode(bytes));
  const script = document.createElement("script");
  script.textContent = `var packages = [${texts.map((text) => `(exports, require, module) => {${text}\n}`)}];`;
  document.head.append(script);
  const modules = new Map();
  const require = (name) => {
    if (!modules.has(name)) {
      const module = { exports: {} },
        file = files.findIndex((f) => f.startsWith(`node_modules/${name}/`));
      modules.set(name, module);
      packages[file](module.exports, require, module);
    }
    return modules.get(name).exports;
  };
  return require;
}

const opening = openPackages(); // while the database is unpacked

const optionOf = ({ name, type, meaning }) => ({ label: name, detail: type, info: meaning || undefined, type: "property" });

// Columns by themselves, of the tables that the text names; after a dot they are the package's own affair.
const columnsNamed = (tables) => (context) => {
  const word = context.matchBefore(/[\w.]+/);
  if (!word || word.text.includes(".")) return null;
  const words = new Set(context.state.doc.toString().match(/\w+/g));
  const named = tables.filter((t) => words.has(t.name)).flatMap((t) => t.columns);
  return { from: word.from, options: [...d3.group(named, (c) => c.name).values()].map(([c]) => optionOf(c)), validFor: /^\w*$/ };
};

function languageOf(require, tables) {
  const { sql, SQLite } = require("@codemirror/lang-sql"),
    { ifNotIn } = require("@codemirror/autocomplete");
  const schema = tables.map((t) => [t.name, { self: optionOf(t), children: t.columns.map(optionOf) }]);
  const texts = ["String", "LineComment", "BlockComment"];
  return [
    sql({ dialect: SQLite, upperCaseKeywords: true, schema: Object.fromEntries(schema) }),
    SQLite.language.data.of({ autocomplete: ifNotIn(texts, columnsNamed(tables)) }),
  ];
}

// What is written and what completes it keep clear of the slider, which stands over the page.
const dock = () => document.getElementById("dock").offsetHeight;
const clearOfDock = ({ EditorView, tooltips }) => [
  EditorView.scrollMargins.of(() => ({ bottom: dock() })),
  tooltips({ tooltipSpace: () => ({ top: 0, left: 0, right: innerWidth, bottom: innerHeight - dock() }) }),
];

// An editor in a node: its text, and what is called when that changes or is to be run. Tab leaves it, and so does Escape,
// after which the keys are the page's again.
export async function openEditor(node, { tables, changed, run }) {
  const require = await opening,
    views = require("@codemirror/view"),
    { EditorView, keymap } = views,
    { defaultKeymap, history, historyKeymap } = require("@codemirror/commands"),
    { bracketMatching, syntaxHighlighting } = require("@codemirror/language");
  const keys = [
    ...["Ctrl-Enter", "Mod-Enter"].map((key) => ({ key, run: () => (run(), true) })),
    ...defaultKeymap,
    ...historyKeymap,
    { key: "Escape", run: (view) => (view.contentDOM.blur(), true) },
  ];
  const view = new EditorView({
    parent: node,
    extensions: [
      keymap.of(keys),
      history(),
      bracketMatching(),
      syntaxHighlighting(require("@lezer/highlight").classHighlighter),
      // As many as need no scrolling, which keys could not do; arrows bring what follows.
      require("@codemirror/autocomplete").autocompletion({ icons: false, maxRenderedOptions: 8 }),
      clearOfDock(views),
      languageOf(require, tables),
      EditorView.lineWrapping,
      EditorView.contentAttributes.of({ id: "sql", "aria-label": "SQL" }),
      EditorView.updateListener.of((update) => update.docChanged && changed()),
    ],
  });
  return {
    get value() {
      return view.state.doc.toString();
    },
    set value(insert) {
      view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert } });
    },
  };
}
