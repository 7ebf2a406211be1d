// Filters: functions from log-probabilities to log-probabilities, where removed symbols have -Infinity.
// The order and the meaning are those of `charlm sample`: repeat penalty, top-k, typical, top-p, min-p; the temperature
// is last. Of equally likely symbols, the first in the alphabet counts as the likeliest.

/** Sums and limits that differ by less than this are equal. */
const SLACK = 1e-12;

/** Return the log-probabilities of the symbols that are kept, rescaled. */
function keeping(logP, kept) {
  return logSoftmax(logP.map((value, i) => (kept(i) ? value : -Infinity)));
}

/** Sort the symbols by keys, and keep the first ones, as long as kept(place, probability before) is true. */
function keepFirst(logP, keys, kept) {
  const order = Array.from(logP.keys());
  order.sort((a, b) => (keys[a] < keys[b] ? -1 : keys[a] > keys[b] ? 1 : a - b));
  const chosen = new Set();
  let before = 0;
  order.forEach((id, place) => {
    if (kept(place, before)) { chosen.add(id); }
    before += Math.exp(logP[id]);
  });
  return keeping(logP, (i) => chosen.has(i));
}

const negated = (logP) => logP.map((value) => -value);

const FILTERS = {
  repeat_penalty(logP, { repeat_penalty, repeat_window }, recent) {
    const last = new Set(recent.slice(-repeat_window));
    return logSoftmax(logP.map((value, i) => (last.has(i) ? value * repeat_penalty : value)));
  },
  top_k(logP, { top_k }) {
    return keepFirst(logP, negated(logP), (place) => place < top_k);
  },
  typical(logP, { typical }) {
    let entropy = 0;
    for (const value of logP) { entropy -= value === -Infinity ? 0 : Math.exp(value) * value; }
    const far = logP.map((value) => Math.abs(-value - entropy));
    return keepFirst(logP, far, (place, before) => before < typical - SLACK);
  },
  top_p(logP, { top_p }) {
    return keepFirst(logP, negated(logP), (place, before) => before < top_p - SLACK);
  },
  min_p(logP, { min_p }) {
    const least = logP.reduce((a, b) => Math.max(a, b), -Infinity) + Math.log(min_p) - SLACK;
    return keeping(logP, (i) => logP[i] >= least);
  },
};

/** The values that remove nothing; a filter with one of them, or without a value, is left out. */
const NEUTRAL = { repeat_penalty: 1, typical: 1, top_p: 1, min_p: 0 };

/**
 * Return the log-probabilities after the filters, before the temperature.
 *
 * logP: those of the model. settings: values of repeat_penalty, repeat_window, top_k, typical, top_p and min_p, each
 * null or absent if it is not used. recent: the ids of the text so far, for the penalty.
 */
function filtered(logP, settings, recent) {
  let left = Float64Array.from(logP);
  for (const [name, filter] of Object.entries(FILTERS)) {
    const value = settings[name] ?? null;
    if (value !== null && value !== NEUTRAL[name]) { left = filter(left, settings, recent); }
  }
  return left;
}

/** Return probabilities at a temperature; at 0 the likeliest symbol has all of it. */
function sharpened(logP, temperature) {
  const likeliest = logP.reduce((best, value, i) => (value > logP[best] ? i : best), 0);
  if (temperature === 0) { return logP.map((_, i) => (i === likeliest ? 1 : 0)); }
  const scale = Math.max(temperature, 1e-200);
  return logSoftmax(logP.map((value) => (value - logP[likeliest]) / scale)).map(Math.exp);
}

/** Return the symbol into whose part of the probability a uniform number of [0, 1) falls. */
function chosenSymbol(probabilities, uniform) {
  const total = probabilities.reduce((a, b) => a + b, 0);
  let sum = 0, last = 0;
  for (let i = 0; i < probabilities.length; i++) {
    if (probabilities[i] > 0) { last = i; }
    sum += probabilities[i];
    if (sum > uniform * total) { return i; }
  }
  return last;
}

/** Return a function that returns uniform numbers in [0, 1); the same seed gives the same numbers (mulberry32). */
function uniforms(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
