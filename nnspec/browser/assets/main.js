// The page: what is seen and pressed. What computes is in the worker.

import { answers, percent } from "page/answers";
import { draw, smoothed, thinned } from "page/chart";
import { canvas, gallery } from "page/gallery";
import { Pad } from "page/pad";
import { recall, remember } from "page/store";
import { flat, named, read, unpacked, written } from "page/tensors";

const at = (id) => document.getElementById(id);
const facts = JSON.parse(at("facts").textContent);
const count = (number) => number.toLocaleString("en");
const perEpoch = Math.floor(facts.rows / facts.batch_size) / facts.manifest.accumulate;
const planned = facts.updates; // that a press of the button makes, and that the learning rates are for
let worker, begin, pad, tell, show;
let training = false, goal = planned, current, own = [], losses = [], accuracies = [], ticket = 0, speeds = [];

function introduce() {
  at("name").textContent = facts.name.replaceAll("_", " ");
  const rows = facts.rows < facts.available ? `${count(facts.rows)} of ${count(facts.available)}` : count(facts.rows);
  at("lead").textContent = `${count(facts.parameters)} parameters learn from ${rows} pictures, right here: forward pass, `
    + "gradients and update run in this page, and nothing leaves this device.";
  at("held").textContent = `${count(facts.held)} pictures that it does not learn from, and what it takes them for`;
  const { file, name, input } = facts, weights = `${file} --weights ${name}.safetensors`;
  at("commands").textContent = `nnspec run ${weights} --input ${input}=…\nnnspec compile ${weights} -o ${name}.onnx`;
  at("spec").textContent = facts.spec;
  at("versions").textContent = `nnspec ${facts.versions.nnspec} · onnxruntime-web ${facts.versions["onnxruntime-web"]}, © Microsoft, MIT License`;
  at("source").append(new Option("everything", "all"), new Option("your drawings", "own"));
}

async function start() {
  introduce();
  const files = await unpacked(at("files").textContent);
  at("files").remove();
  begin = Object.fromEntries(Object.entries(read(files.state)).map(([name, { values }]) => [name, values]));
  const images = new { uint8: Uint8Array, float32: Float32Array }[facts.dtype](files["held.images"].slice().buffer);
  tell = gallery(at("gallery"), images, new Uint16Array(files["held.labels"].slice().buffer), facts);
  show = answers(at("bars"), at("said"), at("teach"), facts.classes, teach);
  pad = new Pad(at("pad"), at("palette"), facts, drawn);
  const saved = await recall(facts.key);
  if (saved) ({ losses, accuracies, own } = saved);
  worker = new Worker(URL.createObjectURL(new Blob([files.worker], { type: "text/javascript" }))); // no module: those are for pages of a server
  worker.onmessage = ({ data }) => heard[data.kind](data);
  worker.onerror = ({ message }) => heard.failed({ message: message || "this browser does not let the page start its worker" });
  const { step, update, predict } = files;
  worker.postMessage({
    kind: "start", facts, step, update, predict, begin, saved: saved?.state,
    module: files["ort.module"], binary: files["ort.binary"],
    images: files["train.images"], labels: files["train.labels"], heldImages: files["held.images"], heldLabels: files["held.labels"],
  });
  listOwn();
  show([]);
}

const heard = {
  ready(said) {
    for (const id of ["train", "again", "save", "open", "source"]) at(id).disabled = false;
    at("kept").textContent = said.updates ? "Goes on where this browser left off." : "";
    goal = Math.ceil((said.updates + 1) / planned) * planned;
    measured(said);
    see();
    document.body.dataset.ready = "yes";
  },
  step({ loss, updates, milliseconds }) {
    losses.push([updates, loss]);
    speeds = [...speeds.slice(-30), milliseconds];
    see();
  },
  epoch: (said) => { measured(said); keep(); },
  paused: (said) => { training = false; measured(said); keep(); },
  restored: (said) => { measured(said); keep(); },
  predicted({ scores, ticket: answered }) {
    if (answered !== ticket || pad.empty) return;
    const top = Math.max(...scores), raised = scores.map((score) => Math.exp(score - top)), sum = raised.reduce((a, b) => a + b);
    show(raised.map((value) => value / sum));
  },
  failed({ message }) {
    training = false;
    Object.assign(at("failed"), { textContent: message, hidden: false });
    see();
  },
};

function measured(said) {
  current = said;
  if (accuracies.at(-1)?.[0] === said.updates) accuracies.pop();
  accuracies.push([said.updates, said.accuracy]);
  tell(said.told);
  ask();
  see();
}

// Bring the page up to date, once a frame.
let waiting = false;
function see() {
  if (waiting) return;
  waiting = true;
  const once = () => { if (waiting) { waiting = false; shown(); } };
  requestAnimationFrame(once);
  setTimeout(once, 250); // a page in the background has no frames
}

function shown() {
  const updates = Math.max(losses.at(-1)?.[0] ?? 0, current?.updates ?? 0), mean = smoothed(losses);
  at("train").textContent = !current ? "Loading…" : training ? "Pause" : updates ? "Train on" : "Train";
  at("progress").value = training || updates % planned ? 1 - Math.min(Math.max((goal - updates) / planned, 0), 1) : Number(updates > 0);
  at("accuracy").textContent = current ? percent(current.accuracy) : "–";
  at("loss").textContent = mean.length ? mean.at(-1)[1].toFixed(3) : "–";
  at("epoch").textContent = updates ? (updates / perEpoch).toFixed(1) : "0";
  const time = speeds.reduce((a, b) => a + b, 0) / speeds.length;
  at("speed").textContent = speeds.length ? count(Math.round((facts.batch_size * facts.manifest.accumulate * 1000) / time)) : "–";
  const heights = losses.map(([, loss]) => loss), x = Math.max(updates, training ? goal : 0, 1);
  const top = heights.length ? heights.reduce((a, b) => Math.max(a, b)) : 1, low = heights.reduce((a, b) => Math.min(a, b), 0);
  const two = [{ points: thinned(losses), look: "raw" }, { points: thinned(mean), look: "mean" }];
  draw(at("losses"), two, { title: `Loss, now ${at("loss").textContent}`, x, y: [low, top], write: String, unit: "updates" });
  const title = `Held-out accuracy, now ${at("accuracy").textContent}`;
  const write = (part) => `${Math.round(part * 100)} %`;
  draw(at("accuracies"), [{ points: accuracies, look: "dots" }], { title, x, y: [0, 1], write, unit: "updates" });
}

// Remember the state, and what led to it, for the next time that the page is opened.
function keep() {
  if (!current) return undefined;
  const { vectors, draws, updates } = current;
  return remember(facts.key, { state: { vectors, draws, updates }, losses, accuracies, own });
}

function toggle() {
  if (training) return worker.postMessage({ kind: "pause" });
  training = true;
  at("failed").hidden = true;
  const done = current.updates;
  goal = done % planned ? Math.ceil(done / planned) * planned : done + planned;
  worker.postMessage({ kind: "train", count: goal - done });
  shown();
}

async function restore(saved) {
  while (training) {
    worker.postMessage({ kind: "pause" });
    await new Promise((resume) => { setTimeout(resume, 30); });
  }
  losses = [];
  accuracies = [];
  speeds = [];
  current = undefined;
  worker.postMessage({ kind: "restore", saved });
}

// What is drawn.

let asked = 0;
function drawn() {
  at("hint").hidden = !pad.empty;
  ask();
}

function ask() {
  clearTimeout(asked);
  asked = setTimeout(() => {
    if (!current) return;
    if (pad.empty) {
      show([]);
      at("seen").replaceChildren();
      return;
    }
    const pixels = pad.pixels();
    at("seen").replaceChildren(canvas(pixels, facts.shape, facts.look));
    ticket += 1;
    worker.postMessage({ kind: "predict", pixels, ticket });
  }, 16);
}

function teach(label) {
  if (pad.empty) return;
  own.push({ pixels: pad.pixels(), label });
  pad.clear();
  listOwn();
  keep();
}

function listOwn() {
  const drawings = { images: own.map(({ pixels }) => pixels), labels: own.map(({ label }) => label) };
  worker.postMessage({ kind: "own", own: drawings, alone: at("source").value === "own" });
  at("own").replaceChildren(...own.map((item, i) => {
    const row = document.createElement("li"), button = document.createElement("button");
    Object.assign(button, { type: "button", title: `${facts.classes[item.label]}: forget this drawing` });
    button.append(canvas(item.pixels, facts.shape, facts.look), facts.classes[item.label]);
    button.onclick = () => { own.splice(i, 1); listOwn(); keep(); };
    row.append(button);
    return row;
  }));
  at("source").options[1].disabled = !own.length;
  if (!own.length && at("source").value === "own") {
    at("source").value = "all";
    listOwn();
  }
}

// What is kept.

function save() {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(written(named(current.vectors, facts.manifest.tensors)));
  link.download = `${facts.name}.safetensors`;
  link.click();
  URL.revokeObjectURL(link.href);
}

async function open(file) {
  try {
    const vectors = flat(read(new Uint8Array(await file.arrayBuffer())), facts.manifest.tensors, begin);
    at("failed").hidden = true;
    await restore({ vectors, draws: 0, updates: 0 });
  } catch (error) {
    heard.failed({ message: `${file.name}: ${error.message}` });
  }
}

at("train").onclick = toggle;
at("again").onclick = () => restore();
at("clear").onclick = () => pad.clear();
at("undo").onclick = () => pad.undo();
at("source").onchange = listOwn;
at("save").onclick = save;
at("open").onchange = (event) => { if (event.target.files[0]) open(event.target.files[0]); event.target.value = ""; };
at("photo").onchange = (event) => { if (event.target.files[0]) pad.open(event.target.files[0]); event.target.value = ""; };
start().catch((error) => heard.failed(error));
