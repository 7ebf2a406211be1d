// The model's state after a text that people edit.

/** Every so many symbols the state is kept, so that an edit near the end does not read the whole text again. */
const EVERY = 64;

class Context {
  constructor(model) {
    this.model = model;
    this.ids = [];
    this.state = model.read(model.start, null);
    this.kept = [this.state];
  }

  /** Read a symbol. */
  push(id) {
    this.state = this.model.read(id, this.state);
    this.ids.push(id);
    if (this.ids.length % EVERY === 0) { this.kept.push(this.state); }
  }

  /** Read towards the end of `ids` until a time in milliseconds; return whether all is read. */
  advance(ids, until) {
    let same = 0;
    while (same < this.ids.length && this.ids[same] === ids[same]) { same++; }
    if (same < this.ids.length) {
      const back = Math.floor(same / EVERY);
      this.kept.length = back + 1;
      this.ids.length = back * EVERY;
      this.state = this.kept[back];
    }
    while (this.ids.length < ids.length) {
      if (performance.now() > until) { return false; }
      this.push(ids[this.ids.length]);
    }
    return true;
  }

  /** Return the log-probabilities of what follows; the unknown symbol has no text, and is left out. */
  next(unknown) {
    const logP = this.model.logProbabilities(this.state);
    if (unknown === null) { return logP; }
    logP[unknown] = -Infinity;
    return logSoftmax(logP);
  }
}

/** Let the browser show what has changed and listen to people. */
function pause(milliseconds = 0) {
  return new Promise((resume) => setTimeout(resume, milliseconds));
}
