// Trains beside the page, so that the page stays awake. It is told what to do by messages and answers by messages; the
// graphs say how to compute, and the manifest what to feed them.

const ARRAYS = { float32: Float32Array, uint8: Uint8Array, uint32: Uint32Array, int64: BigInt64Array, int32: Int32Array };
const CHUNK = 256; // pictures that are predicted at once

let ort, facts, sessions, images, labels, held, begin;
let state, draws, updates; // vectors by name, and how many gradients and updates there were
let own = { images: [], labels: [] }, alone = false; // drawings, and whether they are all that is learned from
let running = false;

const say = (kind, more = {}, moved = []) => postMessage({ kind, ...more }, moved);
const channel = new MessageChannel();
const breath = () => new Promise((resume) => { channel.port1.onmessage = resume; channel.port2.postMessage(0); });

async function start(told) {
  facts = told.facts;
  ort = await import(URL.createObjectURL(new Blob([told.module], { type: "text/javascript" })));
  ort.env.wasm.numThreads = 1; // more would ask for headers of a server, and a page has none
  ort.env.wasm.wasmBinary = told.binary;
  sessions = {};
  for (const name of ["step", "update", "predict"]) sessions[name] = await ort.InferenceSession.create(told[name]);
  const Images = ARRAYS[facts.dtype];
  images = new Images(told.images.slice().buffer);
  labels = new Uint16Array(told.labels.slice().buffer);
  held = { images: new Images(told.heldImages.slice().buffer), labels: new Uint16Array(told.heldLabels.slice().buffer) };
  begin = told.begin;
  restore(told.saved);
  say("ready", await measured());
}

function restore(saved) {
  state = {};
  for (const [name, values] of Object.entries(saved?.vectors ?? begin)) state[name] = tensor("float32", values.slice(), [values.length]);
  draws = saved?.draws ?? 0;
  updates = saved?.updates ?? 0;
}

const tensor = (dtype, values, dims) => new ort.Tensor(dtype, values, dims);
const vectors = () => Object.fromEntries(Object.entries(state).map(([name, { data }]) => [name, data.slice()]));
const size = () => facts.shape.reduce((a, b) => a * b);
const perEpoch = () => Math.floor(facts.rows / facts.batch_size);

// A scalar of the manifest at its n-th use. A list, as of learning rates, spans a training and begins again behind it;
// batches here are all full, so there may be fewer of them.
function scalar({ dtype, value, add }, n) {
  const at = (many) => Math.floor(((n % facts.updates) * many) / facts.updates);
  const number = Array.isArray(value) ? value[at(value.length)] : value + n * (add ?? 0);
  return tensor(dtype, ARRAYS[dtype].of(dtype === "int64" ? BigInt(number) : number), []);
}

async function run(part, n, more) {
  const said = facts.manifest[part], feeds = { ...more };
  for (const name of said.state) feeds[name] = state[name];
  for (const [name, of] of Object.entries(said.scalars ?? {})) feeds[name] = scalar(of, n);
  const found = await sessions[part].run(feeds);
  for (const [name, into] of Object.entries(said.feed_back ?? {})) state[into] = found[name];
  return found;
}

// mulberry32 (Ettinger, 2017): the same order of pictures for the same seed and epoch, wherever training goes on.
function random(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

let order = { epoch: -1 };
function shuffled(epoch) {
  if (order.epoch === epoch) return order.rows;
  const rows = Uint32Array.from({ length: facts.rows }, (_, i) => i);
  const draw = random(facts.manifest.step.scalars.seed.value * 65537 + epoch);
  for (let i = rows.length - 1; i > 0; i -= 1) {
    const j = Math.floor(draw() * (i + 1));
    [rows[i], rows[j]] = [rows[j], rows[i]];
  }
  order = { epoch, rows };
  return rows;
}

// The n-th batch: rows of the epoch, up to a quarter of them drawings. Batches of drawings alone repeat them.
function batch(n) {
  const many = facts.batch_size, each = size(), rows = shuffled(Math.floor(n / perEpoch()));
  const drawn = own.labels.length, mine = alone && drawn ? many : Math.min(Math.floor(many / 4), drawn);
  const pixels = new ARRAYS[facts.dtype](many * each), classes = [];
  for (let i = 0; i < many; i += 1) {
    const k = i < mine ? (n * mine + i) % drawn : rows[(n % perEpoch()) * many + i];
    pixels.set(i < mine ? own.images[k] : images.subarray(k * each, (k + 1) * each), i * each);
    classes.push(i < mine ? own.labels[k] : labels[k]);
  }
  const { dtype } = facts.manifest.batch[facts.target];
  const target = ARRAYS[dtype].from(classes, dtype === "int64" ? BigInt : Number);
  return { [facts.input]: tensor(facts.dtype, pixels, [many, ...facts.shape]), [facts.target]: tensor(dtype, target, [many]) };
}

// One update, of as many batches as the spec says; its loss.
async function step() {
  const { accumulate } = facts.manifest;
  let loss = 0, gradient, total;
  for (let i = 0; i < accumulate; i += 1) {
    const more = batch(draws);
    if (accumulate > 1) {
      total ??= tensor("float32", new Float32Array(state.parameters.data.length), state.parameters.dims);
      Object.assign(more, { total, weight: tensor("float32", Float32Array.of(1 / accumulate), []) });
    }
    const found = await run("step", draws, more);
    loss += found.loss.data[0] / accumulate;
    total = found["new/total"];
    gradient = total ?? found.gradient;
    draws += 1;
  }
  await run("update", updates, { gradient });
  updates += 1;
  return loss;
}

async function scores(pixels) {
  const many = pixels.length / size();
  const found = await run("predict", 0, { [facts.input]: tensor(facts.dtype, pixels, [many, ...facts.shape]) });
  return found.scores.data;
}

// How the pictures that nothing is learned from are told.
async function measured() {
  const each = size(), many = held.labels.length, classes = facts.classes.length, told = new Uint16Array(many);
  for (let from = 0; from < many; from += CHUNK) {
    const found = await scores(held.images.slice(from * each, Math.min(from + CHUNK, many) * each));
    for (let i = 0; i * classes < found.length; i += 1) {
      const row = found.subarray(i * classes, (i + 1) * classes);
      told[from + i] = row.indexOf(Math.max(...row));
    }
  }
  const right = told.reduce((sum, label, i) => sum + (label === held.labels[i]), 0);
  return { accuracy: right / many, told, updates, draws, vectors: vectors() };
}

async function train(count) {
  running = true;
  const last = updates + count;
  while (running && updates < last) {
    const began = performance.now(), loss = await step();
    say("step", { loss, updates, milliseconds: performance.now() - began });
    if (!Number.isFinite(loss)) throw new Error("the loss is no finite number any more: start over, with another spec");
    if (draws % perEpoch() < facts.manifest.accumulate) say("epoch", await measured());
    await breath();
  }
  running = false;
  say("paused", await measured());
}

const answers = {
  start,
  train: ({ count }) => (running ? undefined : train(count)),
  pause: () => { running = false; },
  restore: async ({ saved }) => { restore(saved); say("restored", await measured()); },
  own: (told) => { own = told.own; alone = told.alone; },
  predict: async ({ pixels, ticket }) => say("predicted", { scores: Array.from(await scores(pixels)), ticket }),
};

// One after another, so that no two answers run a session at once; only a pause overtakes.
let busy = Promise.resolve();
onmessage = ({ data }) => {
  const failed = (error) => { running = false; say("failed", { message: String(error?.message ?? error) }); };
  if (data.kind === "train" || data.kind === "pause" || running) Promise.resolve(answers[data.kind](data)).catch(failed);
  else busy = busy.then(() => answers[data.kind](data)).catch(failed);
};
