// Owns: a SentencePiece model of kind BPE: its tokenizer.model read, and text as its pieces, as spm_encode gives them to
// texts that the program prepares (data/sentencepiece.h). Does not own: where BOS stands (sentence.js).

// Fields of a Protocol Buffers message: [number, value], a value being a number or bytes.
function* fieldsOf(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 0;
  const varint = () => {
    for (let value = 0, scale = 1; ; scale *= 128) {
      const byte = bytes[at++];
      value += (byte & 127) * scale;
      if (!(byte & 128)) return value;
    }
  };
  while (at < bytes.length) {
    const tag = varint(),
      kind = tag & 7;
    if (kind === 0) yield [tag >> 3, varint()];
    else if (kind === 5) yield [tag >> 3, view.getFloat32((at += 4) - 4, true)];
    else if (kind === 2) {
      const size = varint();
      yield [tag >> 3, bytes.subarray(at, (at += size))];
    } else throw new Error(`tokenizer.model: a field of kind ${kind}`);
  }
}

const utf8Of = (bytes) => new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
const pieceKinds = { normal: 1, user: 4, byte: 6 };

// ModelProto: pieces (1: text 1, score 2, kind 3), normalizer_spec (3: add_dummy_prefix 3).
export function readPieces(bytes) {
  const model = { texts: [], scores: [], ids: new Map(), user: new Set(), bytes: [], prefix: true };
  for (const [field, value] of fieldsOf(bytes)) {
    if (field === 3) for (const [name, on] of fieldsOf(value)) if (name === 3) model.prefix = on !== 0;
    if (field !== 1) continue;
    const piece = Object.fromEntries(fieldsOf(value)),
      text = utf8Of(piece[1]),
      kind = piece[3] ?? pieceKinds.normal,
      id = model.texts.length;
    model.texts.push(text);
    model.scores.push(piece[2] ?? 0);
    if (kind === pieceKinds.normal || kind === pieceKinds.user) model.ids.set(text, id);
    if (kind === pieceKinds.user) model.user.add(text);
    if (kind === pieceKinds.byte) model.bytes[parseInt(text.slice(3, 5), 16)] = id;
  }
  return model;
}

// A line of text holds a newline as U+E000 and a space as U+2581. These two themselves, and NUL, are written as bytes.
const PIECE_NEWLINE = "\uE000",
  PIECE_SPACE = "\u2581";
const asBytes = new Set(["\0", PIECE_NEWLINE, PIECE_SPACE]);

// What merging begins with: characters; `fixed` ones stay as they are.
function symbolsOf(model, text) {
  const written = { "\n": PIECE_NEWLINE, " ": PIECE_SPACE };
  const symbols = Array.from(text.toWellFormed?.() ?? text, (c) => ({
    text: written[c] ?? c,
    source: c,
    fixed: asBytes.has(c) || model.user.has(written[c] ?? c),
    bytes: asBytes.has(c),
  }));
  return model.prefix ? [{ text: PIECE_SPACE, source: "", fixed: false }, ...symbols] : symbols;
}

// The pair whose piece has the highest score, the first of such; -1: none is a piece.
function bestPair(model, symbols) {
  let best = -1,
    score = -Infinity;
  for (let i = 0; i + 1 < symbols.length; i++) {
    const [a, b] = [symbols[i], symbols[i + 1]];
    const id = a.fixed || b.fixed ? undefined : model.ids.get(a.text + b.text);
    if (id !== undefined && model.scores[id] > score) [best, score] = [i, model.scores[id]];
  }
  return best;
}

// The tokens of a text: {id, text}, the text as it stood; of a character that is no piece, its bytes.
export function encode(model, text) {
  const symbols = symbolsOf(model, text);
  for (let i; (i = bestPair(model, symbols)) >= 0; ) {
    const [a, b] = symbols.splice(i, 2);
    symbols.splice(i, 0, { text: a.text + b.text, source: a.source + b.source, fixed: false });
  }
  return symbols.flatMap((s) => {
    const id = s.bytes ? undefined : model.ids.get(s.text);
    if (id !== undefined) return [{ id, text: s.source }];
    const hex = (byte) => `\\x${byte.toString(16).toUpperCase().padStart(2, "0")}`;
    return Array.from(new TextEncoder().encode(s.source), (byte) => ({ id: model.bytes[byte], text: hex(byte) }));
  });
}
