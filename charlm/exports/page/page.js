// The page: its parts, and what programs can call.

const page = JSON.parse(document.getElementById("model").textContent);
const model = new Model(page);
const symbols = new Symbols(page);
const writer = new Writer(model, symbols);
const surprisal = new Surprisal(model, symbols, page, (words) => writer.say(words));
document.getElementById("colour").addEventListener("click", () => surprisal.colour(writer.field.value));

/**
 * For programs, and for the console of the browser.
 *
 * charlm.logProbabilities(text): the natural logarithms of the probabilities of a text's symbols, each after those before
 * it, as `charlm score` computes them. Throws an Error for characters that the model cannot read.
 *
 * charlm.filtered(logProbabilities, settings, recent): the log-probabilities after the filters; -Infinity is removed.
 * The settings are those of `charlm sample`: {top_k: 5, top_p: 0.9, ...}; recent are the ids of the last symbols.
 */
window.charlm = Object.freeze({
  logProbabilities(text) {
    const { ids, unknown } = symbols.encodeWhole(text);
    if (unknown.size && symbols.unknown === null) { throw new Error(unknownWords(unknown, symbols)); }
    return Array.from(predictions(model, ids), ({ id, logP }) => logP[id]);
  },
  filtered: (logP, settings, recent = []) =>
    Array.from(filtered(logP, { repeat_window: 64, ...settings }, recent)),
});
