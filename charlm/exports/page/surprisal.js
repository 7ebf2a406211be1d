// The surprisal of a text: each character coloured by its rank, with the likeliest alternatives.

const MOST = 20000;  // characters in colours: browsers are slow with more
const ALTERNATIVES = 5;

/** Yield for each symbol of a text its id and the log-probabilities before it. */
function* predictions(model, ids) {
  let state = model.read(model.start, null);
  for (const id of ids) {
    yield { id, logP: model.logProbabilities(state) };
    state = model.read(id, state);
  }
}

/** Return the ids of the likeliest symbols, the likeliest first. */
function likeliest(logP, count) {
  const best = [];
  logP.forEach((value, id) => {
    if (best.length === count && value <= logP[best[count - 1]]) { return; }
    let place = best.length;
    while (place > 0 && value > logP[best[place - 1]]) { place--; }
    best.splice(place, 0, id);
    best.length = Math.min(best.length, count);
  });
  return best;
}

class Surprisal {
  /** page: the data of the page. say: shows a message. */
  constructor(model, symbols, page, say) {
    this.model = model;
    this.symbols = symbols;
    this.lineEnds = new Set(page.line_ends);
    this.rankEnds = page.rank_ends;
    this.say = say;
    this.section = document.getElementById("surprisal");
    this.turn = 0;
  }

  /** Colour a text. */
  async colour(text) {
    const turn = ++this.turn;
    const { ids, unknown } = this.symbols.encodeWhole(text);
    if (!ids.length) { return this.say("There is no text to colour: type or paste one."); }
    const spans = document.createDocumentFragment(), notes = [];
    let bits = 0, count = 0, until = performance.now() + FRAME;
    for (const { id, logP } of predictions(this.model, ids)) {
      bits -= logP[id] / Math.LN2;
      if (count++ < MOST) { notes.push(this.mark(spans, id, logP)); }
      if (performance.now() > until) {
        this.say(count.toLocaleString("en") + " of " + counted(ids.length, this.symbols.unit) + " are scored.");
        await pause();
        if (turn !== this.turn) { return; }
        until = performance.now() + FRAME;
      }
    }
    this.show(spans, notes);
    const unit = this.symbols.bytes ? "byte" : "char";
    const more = count > MOST ? " The first " + MOST.toLocaleString("en") + " are shown in colours below." : "";
    this.say([counted(count, this.symbols.unit) + ": " + (bits / count).toFixed(4) + " bits/" + unit
      + "." + more, unknownWords(unknown, this.symbols)].filter(Boolean).join(" "));
    this.section.scrollIntoView({ block: "nearest" });
  }

  /** Add the span of a symbol, and return its note. */
  mark(spans, id, logP) {
    let rank = 1, entropy = 0;
    for (const value of logP) {
      if (value > logP[id]) { rank++; }
      if (value > -Infinity) { entropy -= Math.exp(value) * value / Math.LN2; }
    }
    const level = this.rankEnds.filter((end) => end < rank).length;
    const ends = this.lineEnds.has(id), name = this.symbols.names[id];
    const span = element("span", ends ? "\u21b5" : name);
    span.className = level ? "o" + level : "p";
    spans.append(span);
    if (ends) { spans.append("\n"); }
    const surprisal = (-logP[id] / Math.LN2).toFixed(2);
    const note = "rank " + rank + ", surprisal " + surprisal + " bits, entropy " + entropy.toFixed(2) + " bits";
    const others = likeliest(logP, ALTERNATIVES).map((other) => [this.symbols.names[other], Math.exp(logP[other])]);
    return [name, note, others];
  }

  show(spans, notes) {
    const old = document.getElementById("text"), text = old.cloneNode(false);  // without listeners
    text.removeAttribute("aria-activedescendant");
    text.append(spans);
    old.replaceWith(text);
    const details = document.getElementById("details");
    details.replaceChildren(element("p", "No character is chosen."));
    this.section.hidden = false;
    readable(text, details, notes);
  }
}
