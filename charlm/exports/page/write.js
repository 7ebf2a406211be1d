// The text that a person and the model write together.

const AT_ONCE = 4;  // symbols between two pictures: fast, but one sees it being written
const FRAME = 16;  // milliseconds between two pictures

class Writer {
  constructor(model, symbols) {
    this.model = model;
    this.symbols = symbols;
    this.context = new Context(model);
    this.field = document.getElementById("field");
    this.button = document.getElementById("write");
    this.back = document.getElementById("back");
    this.status = document.getElementById("status");
    this.spoken = document.getElementById("spoken");
    this.turn = 0;  // counts edits: work on an older text ends
    this.writing = false;
    this.settings = new Settings(() => this.show());
    this.bars = new Bars(document.getElementById("bars"), symbols, (id) => this.choose(id));
    this.field.addEventListener("input", () => this.edited());
    this.button.addEventListener("click", () => this.pressed());
    this.back.addEventListener("click", () => this.takeBack());
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape") { this.writing = false; }
    });
    this.field.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { this.pressed(); }
    });
    this.typed = "";  // the text at the last edit,
    this.typedIds = [];  // its symbols,
    this.added = [];  // those that were added since,
    this.shown = "";  // and what the field shows
    this.edited();
  }

  get ids() { return [...this.typedIds, ...this.added]; }

  /** Read the text again after a person changed it, or a page was opened again. */
  edited() {
    const value = this.field.value;
    const { ids, unknown } = this.symbols.encode(value);
    if (this.symbols.bytes && value.startsWith(this.shown)) {
      // what the model wrote may have bytes that are no UTF-8, which the text does not show
      const whole = this.ids.slice(0, this.ids.length - this.symbols.unfinished(this.ids));
      this.typedIds = [...whole, ...this.symbols.encode(value.slice(this.shown.length)).ids];
    } else {
      this.typedIds = ids;
    }
    this.typed = this.shown = value;
    this.added = [];
    this.remember(null);
    this.say(unknownWords(unknown, this.symbols));
    this.follow();
  }

  /** Read the text so far, in short pieces of time; return whether it is still the text after that. */
  async follow() {
    const turn = ++this.turn, said = this.status.textContent;
    while (!this.context.advance(this.ids, performance.now() + FRAME)) {
      this.say("The model reads the text: " + this.context.ids.length.toLocaleString("en") + " of "
        + this.ids.length.toLocaleString("en") + " " + this.symbols.unit + "s.");
      await pause();
      if (turn !== this.turn) { return false; }
    }
    this.say(said);
    this.show();
    return true;
  }

  /** Return what comes next: the model's probabilities, and those after the settings. */
  next() {
    const settings = this.settings.values();
    const logP = this.context.next(this.symbols.unknown);
    const { ids } = this.context;
    const line = this.model.eos === null ? ids : ids.slice(ids.lastIndexOf(this.model.eos) + 1);
    const left = sharpened(filtered(logP, settings, line), settings.temperature);
    return { own: logP.map(Math.exp), left, settings };
  }

  show() {
    if (this.context.ids.length !== this.typedIds.length + this.added.length) { return; }
    const { own, left } = this.next();
    this.bars.show(left, own, left.some((p, i) => Math.abs(p - own[i]) > 1e-9));
  }

  /** Add a symbol to the text. */
  append(id) {
    this.added.push(id);
    this.context.push(id);
  }

  /** Show the text in the field. */
  showText() {
    this.field.value = this.typed + this.symbols.text(this.added);
    this.shown = this.field.value;  // as the browser gives it back
    this.field.scrollTop = this.field.scrollHeight;
    const unfinished = this.symbols.unfinished(this.added);
    if (unfinished && !this.writing) {
      const names = this.added.slice(-unfinished).map((id) => this.symbols.name(id)).join(" ");
      this.say("A character is not complete yet: " + names);
    }
  }

  async choose(id) {
    if (this.writing || !(await this.follow())) { return; }
    this.remember([this.typed, this.typedIds, this.added.slice()]);
    this.say("");
    this.append(id);
    this.showText();
    this.show();
  }

  pressed() {
    if (this.writing) { this.writing = false; } else { this.write(); }
  }

  /** Continue the text until it ends, has its length, or a person stops it. */
  async write() {
    this.busy(true);
    const before = [this.typed, this.typedIds, this.added.slice()];
    if (!(await this.follow())) { return this.busy(false); }
    const { length, seed } = this.settings.values();
    const chosenSeed = seed ?? Math.floor(Math.random() * 2 ** 32);
    const uniform = uniforms(chosenSeed);
    const began = this.added.length;
    let ended = false;
    this.say("The model writes.");
    while (this.writing && !ended && this.added.length - began < length) {
      const until = performance.now() + FRAME / 2;
      for (let n = 0; n < AT_ONCE && !ended && this.added.length - began < length; n++) {
        const id = chosenSymbol(this.next().left, uniform());
        this.append(id);
        ended = id === this.model.eos;
        if (performance.now() > until) { break; }
      }
      this.showText();
      this.show();
      await pause(FRAME);
    }
    this.added.length -= this.symbols.unfinished(this.added);
    this.remember(before);
    this.busy(false);
    this.context.advance(this.ids, Infinity);
    this.showText();
    this.show();
    const written = this.added.slice(began);
    const count = written.length - (ended ? 1 : 0);
    this.say(counted(count, this.symbols.unit) + " written with seed " + chosenSeed + (ended ? "; the text ends here." : "."));
    this.spoken.textContent = this.symbols.text(written);
  }

  busy(writing) {
    this.writing = writing;
    this.field.readOnly = writing;
    this.button.textContent = writing ? "Stop" : "Continue the text";
  }

  /** Keep a text to which one can go back. */
  remember(text) {
    this.earlier = text;
    this.back.disabled = text === null;
  }

  takeBack() {
    if (this.writing) { return; }
    [this.typed, this.typedIds, this.added] = this.earlier;
    this.remember(null);
    this.field.focus();  // the button is disabled now
    this.showText();
    this.say("The last addition is taken back.");
    this.follow();
  }

  say(words) {
    if (this.status.textContent !== words) { this.status.textContent = words; }
  }
}

function counted(count, unit) {
  return count.toLocaleString("en") + " " + unit + (count === 1 ? "" : "s");
}

/** Return what to say about characters of a text that the model does not know. */
function unknownWords(unknown, symbols) {
  if (!unknown.size) { return ""; }
  const shown = [...unknown].slice(0, 20).map(described).join(", ") + (unknown.size > 20 ? ", ..." : "");
  const done = symbols.unknown === null ? "left out" : "read as <UNK>";
  return "The model does not know " + counted(unknown.size, "character") + " of the text, "
    + (unknown.size === 1 ? "which is " : "which are ") + done + ": " + shown;
}
