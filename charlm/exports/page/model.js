// The model: its weights, the formulas of its cells, and reading a text symbol by symbol.

/** Return the little-endian numbers that base64 encodes, as an array of a type. */
function numbers(base64, Type) {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) { bytes[i] = text.charCodeAt(i); }
  return new Type(bytes.buffer);
}

/** Return a matrix or vector; one of 8 bits is a whole number times the scale of its row. */
function tensor({ rows, columns, data, scales }) {
  if (scales === undefined) { return { rows, columns, data: numbers(data, Float32Array) }; }
  const whole = numbers(data, Int8Array), scale = numbers(scales, Float32Array);
  const values = new Float32Array(whole.length);
  for (let i = 0, at = 0; i < rows; i++) {
    for (const end = at + columns; at < end; at++) { values[at] = whole[at] * scale[i]; }
  }
  return { rows, columns, data: values };
}

/**
 * Add W x to y. The weights are stored row after row, so the loop reads memory in its order. With four rows at once
 * a number of x is read once for four products, and their sums need not wait for each other: half the time of one row.
 */
function addProduct(y, W, x) {
  const { rows, columns, data } = W;
  const whole = rows - rows % 4;
  for (let i = 0; i < whole; i += 4) {
    const a = i * columns, b = a + columns, c = b + columns, d = c + columns;
    let s = 0, t = 0, u = 0, v = 0;
    for (let j = 0; j < columns; j++) {
      const value = x[j];
      s += data[a + j] * value;
      t += data[b + j] * value;
      u += data[c + j] * value;
      v += data[d + j] * value;
    }
    y[i] += s;
    y[i + 1] += t;
    y[i + 2] += u;
    y[i + 3] += v;
  }
  for (let i = whole; i < rows; i++) {
    for (let j = 0; j < columns; j++) { y[i] += data[i * columns + j] * x[j]; }
  }
}

function logistic(x) { return 1 / (1 + Math.exp(-x)); }

/** Return ln(1 + e^x), without overflow. */
function softplus(x) { return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))); }

/** Return the state of a minimal cell: a part of the old one and, for the rest, the positive candidate from a. */
function blended(part, state, a) {
  return part * state + (1 - part) * (a >= 0 ? a + 0.5 : logistic(a));
}

/** Give a vector mean 0 and deviation 1, then the gain and the offset if there are any. */
function normalise(x, gain, offset) {
  const n = x.length;
  let mean = 0, square = 0;
  for (const value of x) { mean += value / n; }
  for (const value of x) { square += (value - mean) ** 2 / n; }
  const deviation = Math.sqrt(square) + 1e-8;
  return x.map((value, i) => {
    const z = (value - mean) / deviation;
    return gain === undefined ? z : gain.data[i] * z + offset.data[i];
  });
}

/** Return the states of an LSTM from the sums of its gates i, f, o, g; `seen` is what h' sees of c'. */
function lstmStates(a, c, seen) {
  const H = c.length, next = new Float64Array(H);
  for (let i = 0; i < H; i++) {
    next[i] = logistic(a[i]) * Math.tanh(a[3 * H + i]) + logistic(a[H + i]) * c[i];
  }
  const h = seen(next);
  for (let i = 0; i < H; i++) { h[i] = logistic(a[2 * H + i]) * Math.tanh(h[i]); }
  return [next, h];
}

/** Return the states of an LSTM with one gate for both keeping and admitting; `w` are its weights. */
function coupledStates(w, a, [c, h]) {
  const H = c.length;
  addProduct(a, w.Wh, h);
  const i = a.subarray(0, H), o = a.subarray(H, 2 * H), candidate = a.subarray(2 * H);
  if (w.Wci !== undefined) { addProduct(i, w.Wci, c); }
  const next = c.map((kept, k) => {
    const admitted = logistic(i[k]);
    return (1 - admitted) * kept + admitted * Math.tanh(candidate[k]);
  });
  if (w.Wco !== undefined) { addProduct(o, w.Wco, next); }
  return [next, next.map((value, k) => logistic(o[k]) * Math.tanh(value))];
}

/**
 * The cells. Each has the number of its states and a function that returns the states after a step, h last, from
 * the layer's weights, the sums a = b + Wx x of all gates, the states before, and whether they are those of the start.
 */
const CELLS = {
  rnn: { states: 1, step(w, a, [h]) {
    addProduct(a, w.Wh, h);
    return [a.map(Math.tanh)];
  } },
  gru: { states: 1, step(w, a, [h]) {
    const H = h.length, gates = a.subarray(0, 2 * H), candidate = a.subarray(2 * H);
    addProduct(gates, w.Wh, h);
    addProduct(candidate, w.Whc, h.map((value, i) => logistic(gates[H + i]) * value));
    return [h.map((value, i) => {
      const z = logistic(gates[i]);
      return (1 - z) * value + z * Math.tanh(candidate[i]);
    })];
  } },
  gru_after: { states: 1, step(w, a, [h]) {
    const H = h.length, u = new Float64Array(3 * H);
    addProduct(u, w.Wh, h);
    return [h.map((value, i) => {
      const r = logistic(a[i] + u[i]), z = logistic(a[H + i] + u[H + i]);
      return (1 - z) * Math.tanh(a[2 * H + i] + r * (u[2 * H + i] + w.bn.data[i])) + z * value;
    })];
  } },
  lstm: { states: 2, step(w, a, [c, h]) {
    addProduct(a, w.Wh, h);
    return lstmStates(a, c, (memory) => memory.slice());
  } },
  min_gru: { states: 1, step(w, a, [h]) {
    const H = h.length;
    return [h.map((value, i) => blended(logistic(-a[i]), value, a[H + i]))];
  } },
  min_lstm: { states: 1, step(w, a, [h]) {
    const H = h.length;
    return [h.map((value, i) => blended(logistic(softplus(-a[H + i]) - softplus(-a[i])), value, a[2 * H + i]))];
  } },
  norm_lstm: { states: 2, step(w, a, [c, h], start) {
    const sums = normalise(a, w.gx, w.bx).map((sum, i) => sum + w.b.data[i]);
    if (!start) {  // where training has no h either
      const product = new Float64Array(a.length);
      addProduct(product, w.Wh, h);
      normalise(product, w.gh, w.bh).forEach((value, i) => { sums[i] += value; });
    }
    return lstmStates(sums, c, (memory) => normalise(memory, w.gc, w.bc));
  } },
  coupled_lstm: { states: 2, step: coupledStates },
  fast_lstm: { states: 2, step: coupledStates },
};

/** P(next symbol | symbols so far) = softmax(b + W h), h the output of the top layer. */
class Model {
  constructor(data) {
    const weights = (group) =>
      Object.fromEntries(Object.entries(group).map(([name, value]) => [name, tensor(value)]));
    this.cell = CELLS[data.cell];
    this.eos = data.eos;
    this.start = data.start;
    this.layers = data.layers.map(weights);
    this.norms = data.norms.map(weights);
    this.embedding = tensor(data.embedding);
    this.W = data.output === null ? this.embedding : tensor(data.output);
    this.b = tensor(data.bias).data;
    this.rows = [];
  }

  /** Return the sums b + Wx x of a layer; those of the lowest are computed once for each symbol. */
  sums(k, x) {
    const { Wx, bias } = this.layers[k];
    const a = new Float64Array(Wx.rows);
    if (bias !== undefined) { a.set(bias.data); }
    addProduct(a, Wx, x);
    return a;
  }

  firstSums(symbol) {
    if (this.rows[symbol] === undefined) {
      const { columns, data } = this.embedding;
      this.rows[symbol] = this.sums(0, data.subarray(symbol * columns, (symbol + 1) * columns));
    }
    return this.rows[symbol].slice();
  }

  /**
   * Read a symbol, and return the state after it. The state null is that of the start, and a model of lines begins
   * every line with it.
   */
  read(symbol, state) {
    const start = state === null || symbol === this.eos;
    const layers = [];
    let x = null;
    this.layers.forEach((weights, k) => {
      const a = k === 0 ? this.firstSums(symbol) : this.sums(k, x);
      const H = (k + 1 < this.layers.length ? this.layers[k + 1].Wx : this.W).columns;  // that reads this layer
      const before = start
        ? Array.from({ length: this.cell.states }, () => new Float64Array(H)) : state.layers[k];
      const after = this.cell.step(weights, a, before, start);
      layers.push(after);
      x = after[after.length - 1];
      if (this.norms.length) { x = normalise(x, this.norms[k].g, this.norms[k].b); }
    });
    return { layers, output: x };
  }

  /** Return the log-probabilities of all symbols after a state, in nats. */
  logProbabilities(state) {
    const scores = Float64Array.from(this.b);
    addProduct(scores, this.W, state.output);
    return logSoftmax(scores);
  }
}

/** Return log-probabilities from scores that differ from them by a constant. */
function logSoftmax(scores) {
  const largest = scores.reduce((a, b) => Math.max(a, b), -Infinity);
  let sum = 0;
  for (const score of scores) { sum += Math.exp(score - largest); }
  const log = Math.log(sum);
  return scores.map((score) => score - largest - log);
}
