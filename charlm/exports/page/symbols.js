// Texts as symbols: characters, or bytes of UTF-8.

/** The symbols of a model; ids are their numbers. */
class Symbols {
  constructor(data) {
    this.names = data.names;
    this.bytes = data.bytes;
    this.eos = data.eos;
    this.lines = data.framing === "lines";
    this.unknown = data.unknown;
    this.form = data.normalize;
    this.unit = data.bytes ? "byte" : "character";
    this.ids = new Map(data.bytes ? [] : data.symbols.map((symbol, id) => [symbol, id]));
  }

  /** Return a text as the model's own text was prepared. */
  prepared(text) {
    if (this.bytes) { return text; }
    const lines = text.replace(/^\ufeff/, "").replace(/\r\n?/g, "\n");
    return this.form === "none" ? lines : lines.normalize(this.form);
  }

  /**
   * Return the ids of a text, and the characters that the model does not know. These are read as <UNK> where the model
   * has this symbol, and else left out. For a model of lines, a line end is <EOS>.
   */
  encode(text) {
    const unknown = new Set(), ids = [];
    if (this.bytes) {
      for (const value of new TextEncoder().encode(text)) {
        ids.push(value === 10 && this.lines ? this.eos : value);
      }
      return { ids, unknown };
    }
    for (const character of this.prepared(text)) {
      const id = this.id(character);
      if (id === undefined || id === this.unknown) { unknown.add(character); }
      if (id !== undefined) { ids.push(id); }
    }
    return { ids, unknown };
  }

  /** Return the id of a character; undefined if it cannot be read. */
  id(character) {
    if (character === "\n" && this.lines) { return this.eos; }
    // the names <EOS>, <EOD> and <UNK> are longer than a character, so no character is taken for them
    return this.ids.get(character) ?? this.unknown ?? undefined;
  }

  /**
   * Return the ids of a text to score. For a model of lines, empty lines are left out, and the last line gets an end;
   * for a model of documents, the text gets one.
   */
  encodeWhole(text) {
    const { ids, unknown } = this.encode(text);
    if (this.eos === null) { return { ids, unknown }; }
    if (!this.lines) { return { ids: ids.length ? [...ids, this.eos] : ids, unknown }; }
    const kept = ids.filter((id, at) => id !== this.eos || (at > 0 && ids[at - 1] !== this.eos));
    if (kept.length && kept[kept.length - 1] !== this.eos) { kept.push(this.eos); }
    return { ids: kept, unknown };
  }

  /** Return the text of ids; bytes at the end that begin a character are left out. */
  text(ids) {
    if (!this.bytes) {
      return ids.map((id) => this.spelled(id)).join("");
    }
    const whole = ids.slice(0, ids.length - this.unfinished(ids));
    const values = Uint8Array.from(whole, (id) => (id === this.eos ? 10 : id));
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(values);
  }

  spelled(id) {
    if (id === this.eos) { return "\n"; }
    if (this.spellings === undefined) { this.spellings = [...this.ids.keys()]; }
    return id === this.unknown ? "\ufffd" : this.spellings[id];
  }

  /** Return how many symbols at the end are bytes of a character that is not complete. */
  unfinished(ids) {
    if (!this.bytes) { return 0; }
    for (let back = 1; back <= Math.min(3, ids.length); back++) {
      const byte = ids[ids.length - back];
      if (byte >= 0x80 && byte < 0xc0) { continue; }
      const length = byte > 0xf4 || byte < 0xc2 ? 1 : byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
      return length > back ? back : 0;
    }
    return 0;
  }

  /** Return the name of a symbol on the page. */
  name(id) {
    return { " ": "space", "\\n": "line end", "<EOS>": "end", "<EOD>": "end" }[this.names[id]] ?? this.names[id];
  }
}

/** Return how a person finds a character: itself and its code point. */
function described(character) {
  const point = character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
  return /[\p{L}\p{N}\p{P}\p{S}]/u.test(character) ? character + " (U+" + point + ")" : "U+" + point;
}
