"use strict";
// What the server says of its models; every input of a form gives { shape, data }, and every output is drawn by what it is.
const said = JSON.parse(document.getElementById("said").textContent);
const $ = (id) => document.getElementById(id);
const INTEGERS = /^U?INT/;
let model = null, inputs = [], way = "curl", timer = 0, running = false, again = false;

function make(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}
const full = (shape) => shape.map((size) => (size === -1 ? 1 : size));
const count = (shape) => shape.reduce((a, b) => a * b, 1);
const short = (value) => (value === null ? "not a number" : typeof value !== "number" ? String(value)
  : Number.isInteger(value) ? String(value) : Math.abs(value) >= 1e5 || Math.abs(value) < 1e-4 ? value.toExponential(2) : String(+value.toPrecision(4)));

// ---- inputs

function fields(input) {
  const size = count(full(input.shape));
  const boxes = [];
  const grid = make("div", { className: "fields" });
  for (let i = 0; i < size; i++) {
    const type = input.datatype === "BYTES" ? "text" : input.datatype === "BOOL" ? "checkbox" : "number";
    const box = make("input", { type, oninput: changed });
    if (type === "number") Object.assign(box, { step: INTEGERS.test(input.datatype) ? 1 : "any", value: 0 });
    boxes.push(box);
    const name = input.columns.length === size ? input.columns[i] : size > 1 ? `${input.name}[${i}]` : input.name;
    grid.append(make("label", {}, name, type === "checkbox" ? make("br") : "", box));
  }
  return {
    element: grid,
    read: () => ({ shape: full(input.shape), data: boxes.map((box) => box.type === "checkbox" ? box.checked : box.type === "text" ? box.value : numberOf(box.value, input.name)) }),
    write: (example) => example.data.forEach((value, i) => { if (boxes[i].type === "checkbox") boxes[i].checked = value; else boxes[i].value = value; }),
    clear: () => boxes.forEach((box) => { box.checked = false; box.value = box.type === "number" ? 0 : ""; }),
  };
}

function numberOf(text, name) {
  if (text.trim() === "" || !Number.isFinite(Number(text))) throw new Error(`${name}: ${text || "nothing"} is no number`);
  return Number(text);
}

function drawing(input) {
  const at = { chw: [1, 2, 0], hwc: [0, 1, 2], hw: [0, 1, null] }[input.layout];
  const inner = input.shape.slice(1);
  const high = inner[at[0]] === -1 ? 64 : inner[at[0]], wide = inner[at[1]] === -1 ? 64 : inner[at[1]];
  const channels = at[2] === null ? 1 : inner[at[2]];
  const width = Math.max(280, wide);
  const board = make("canvas", { className: "board", width, height: Math.max(40, high, Math.round((width * high) / wide)) });
  const sees = make("canvas", { className: "sees", width: wide, height: high });
  const pen = board.getContext("2d", { willReadFrequently: true }), small = sees.getContext("2d", { willReadFrequently: true });
  const invert = make("input", { type: "checkbox", oninput: update });
  const white = make("input", { type: "number", value: input.white, step: "any", oninput: update });
  const brush = make("input", { type: "range", min: 4, max: 48, value: Math.min(40, Math.max(18, (1.1 * width) / wide)) });
  const colour = make("input", { type: "color", value: "#ffffff" });
  const file = make("input", { type: "file", accept: "image/*", hidden: true, onchange: () => file.files[0] && load(file.files[0]) });
  board.setAttribute("role", "img");
  board.setAttribute("aria-label", `${input.name}: draw here, or drop an image`);
  const side = make("div", { className: "side" }, `the model sees ${wide} × ${high}`, sees,
    make("label", {}, "brush", brush), channels === 3 ? make("label", {}, "colour", colour) : "",
    make("label", { title: "the number of a white pixel" }, "white is", white), make("label", {}, invert, "invert"),
    make("label", { className: "button", tabIndex: 0, style: "display:inline-block" }, "Open an image…", file));
  const element = make("div", { className: "drawing" }, make("div", {}, board, make("p", { className: "soft", style: "margin:6px 0 0" }, "draw, drop or paste")), side);
  let last = null, exact = null; // an example is sent as it was recorded, until something is drawn over it
  function blank() { exact = null; pen.fillStyle = "#000"; pen.fillRect(0, 0, board.width, board.height); shrink(); }
  function shrink() {
    const pixels = averaged(pen.getImageData(0, 0, board.width, board.height), wide, high);
    for (let i = 0; i < pixels.data.length; i += 4) {
      if (channels === 1) { const grey = 0.299 * pixels.data[i] + 0.587 * pixels.data[i + 1] + 0.114 * pixels.data[i + 2]; pixels.data.fill(grey, i, i + 3); }
      if (invert.checked) for (let c = 0; c < 3; c++) pixels.data[i + c] = 255 - pixels.data[i + c];
    }
    small.putImageData(pixels, 0, 0);
    return pixels.data;
  }
  function update() { exact = null; shrink(); changed(); }
  function place(event) { const box = board.getBoundingClientRect(); return [((event.clientX - box.left) * board.width) / box.width, ((event.clientY - box.top) * board.height) / box.height]; }
  function stroke(event) {
    const here = place(event);
    Object.assign(pen, { strokeStyle: channels === 3 ? colour.value : "#fff", lineWidth: brush.value, lineCap: "round", lineJoin: "round" });
    pen.beginPath(); pen.moveTo(...(last || here)); pen.lineTo(...here); pen.stroke();
    last = here; update();
  }
  board.onpointerdown = (event) => { event.preventDefault(); board.setPointerCapture(event.pointerId); last = null; stroke(event); };
  board.onpointermove = (event) => { if (last) stroke(event); };
  board.onpointerup = board.onpointercancel = () => { last = null; };
  async function load(source) {
    const image = await createImageBitmap(source).catch(() => null);
    if (!image) return problem(`${source.name || "this"} is no image`);
    blank();
    const scale = Math.min(board.width / image.width, board.height / image.height);
    const w = image.width * scale, h = image.height * scale;
    pen.drawImage(image, (board.width - w) / 2, (board.height - h) / 2, w, h);
    update();
  }
  element.ondragover = (event) => { event.preventDefault(); element.classList.add("over"); };
  element.ondragleave = () => element.classList.remove("over");
  element.ondrop = (event) => { event.preventDefault(); element.classList.remove("over"); if (event.dataTransfer.files[0]) load(event.dataTransfer.files[0]); };
  document.addEventListener("paste", (event) => { const item = [...event.clipboardData.items].find((i) => i.type.startsWith("image/")); if (item && element.isConnected) load(item.getAsFile()); });
  blank();
  const index = (y, x, c) => (input.layout === "chw" ? (c * high + y) * wide + x : input.layout === "hwc" ? (y * wide + x) * channels + c : y * wide + x);
  function picture(example) {
    const canvas = make("canvas", { width: wide, height: high }), pixels = new ImageData(wide, high);
    for (let y = 0; y < high; y++) for (let x = 0; x < wide; x++) for (let c = 0; c < 4; c++) {
      const value = c === 3 ? 255 : (example.data[index(y, x, channels === 3 ? c : 0)] / white.value) * 255;
      pixels.data[(y * wide + x) * 4 + c] = value;
    }
    canvas.getContext("2d").putImageData(pixels, 0, 0);
    return canvas;
  }
  return {
    element, picture,
    read: () => {
      if (exact) return exact;
      const pixels = shrink(), most = numberOf(white.value, "white is"), data = new Array(channels * high * wide);
      const whole = INTEGERS.test(input.datatype);
      for (let y = 0; y < high; y++) for (let x = 0; x < wide; x++) for (let c = 0; c < channels; c++) {
        const value = (pixels[(y * wide + x) * 4 + c] / 255) * most;
        data[index(y, x, c)] = whole ? Math.round(value) : +value.toPrecision(6);
      }
      const shape = [1, ...inner]; shape[1 + at[0]] = high; shape[1 + at[1]] = wide;
      return { shape, data };
    },
    write: (example) => {
      invert.checked = false; pen.imageSmoothingEnabled = false;
      pen.drawImage(picture(example), 0, 0, board.width, board.height);
      pen.imageSmoothingEnabled = true;
      shrink();
      exact = { shape: example.shape, data: example.data };
    },
    clear: blank,
  };
}

function text(input) {
  const known = new Map((input.vocabulary || []).map((part, i) => [part, i + 2]));
  const box = make("textarea", { oninput: changed, rows: 4, spellcheck: false, placeholder: "write something" });
  const line = make("p", { className: "soft", style: "margin:6px 0 0" });
  box.setAttribute("aria-label", input.name);
  function read() {
    let data;
    if (input.kind === "bytes") data = [...new TextEncoder().encode(box.value)];
    else if (input.kind === "list") data = box.value.split(/[\s,]+/).filter(Boolean).map((word) => numberOf(word, input.name));
    else data = (input.parts === "words" ? box.value.split(/\s+/).filter(Boolean) : [...box.value]).map((part) => known.get(part) || 1);
    const width = input.shape[1];
    if (!data.length) throw new Error(`${input.name}: write something`);
    if (width > 0) { if (data.length > width) throw new Error(`${input.name} takes ${width}, and these are ${data.length}`); while (data.length < width) data.push(0); }
    line.textContent = `${data.length} ${input.kind === "bytes" ? "bytes" : input.kind === "list" ? "ids" : input.parts}`;
    return { shape: [1, data.length], data };
  }
  const decode = (ids) => input.kind === "bytes" ? new TextDecoder().decode(new Uint8Array(ids)) : input.kind === "list" ? ids.join(" ")
    : ids.filter((id) => id > 0).map((id) => (input.vocabulary[id - 2] ?? "?")).join(input.parts === "words" ? " " : "");
  if (input.kind === "list") box.placeholder = "ids, such as 1 2 3";
  return { element: make("div", {}, box, line), read, write: (example) => { box.value = decode(example.data); }, clear: () => { box.value = ""; line.textContent = ""; } };
}

function json(input) {
  const box = make("textarea", { oninput: changed, rows: 6, spellcheck: false });
  box.setAttribute("aria-label", input.name);
  const nested = (shape) => shape.length ? Array.from({ length: shape[0] }, () => nested(shape.slice(1))) : input.datatype === "BYTES" ? "" : input.datatype === "BOOL" ? false : 0;
  const fold = (flat, shape) => shape.length < 2 ? flat : Array.from({ length: shape[0] }, (_, i) => { const step = flat.length / shape[0]; return fold(flat.slice(i * step, (i + 1) * step), shape.slice(1)); });
  const clear = () => { box.value = JSON.stringify(nested(full(input.shape))); };
  clear();
  return {
    element: make("div", {}, box), clear,
    write: (example) => { box.value = JSON.stringify(fold(example.data, example.shape)); },
    read: () => {
      let value;
      try { value = JSON.parse(box.value); } catch (error) { throw new Error(`${input.name}: ${error.message}`); }
      const shape = [], flat = [value].flat(Infinity);
      for (let part = value; Array.isArray(part); part = part[0]) shape.push(part.length);
      return { shape, data: flat };
    },
  };
}

function averaged(from, wide, high) {
  // Each pixel is the mean of what lies under it; what a browser makes of a small drawing is blurred or full of holes.
  const to = new ImageData(wide, high), dx = from.width / wide, dy = from.height / high;
  for (let y = 0; y < high; y++) for (let x = 0; x < wide; x++) {
    const sums = [0, 0, 0], x0 = Math.floor(x * dx), y0 = Math.floor(y * dy);
    const x1 = Math.max(x0 + 1, Math.floor((x + 1) * dx)), y1 = Math.max(y0 + 1, Math.floor((y + 1) * dy));
    for (let v = y0; v < y1; v++) for (let u = x0; u < x1; u++) for (let c = 0; c < 3; c++) sums[c] += from.data[(v * from.width + u) * 4 + c];
    for (let c = 0; c < 3; c++) to.data[(y * wide + x) * 4 + c] = sums[c] / ((x1 - x0) * (y1 - y0));
    to.data[(y * wide + x) * 4 + 3] = 255;
  }
  return to;
}

const KINDS = { fields, image: drawing, text, bytes: text, list: text, json };

// ---- outputs

const COLOURS = ["#30363d", "#0b62b8", "#e07b39", "#0a9a70", "#b8388f", "#c9a400", "#6f52d9", "#d1345b", "#2ba7c9", "#7a8b2f", "#9c6b4a", "#8794a3"];

function bars(values, names, limit = 10) {
  const total = values.reduce((a, b) => a + b, 0), chance = values.every((v) => v >= 0 && v <= 1.0001) && Math.abs(total - 1) < 0.01;
  const order = values.map((_, i) => i).sort((a, b) => values[b] - values[a]);
  const shown = values.length > limit ? order.slice(0, limit) : values.map((_, i) => i); // few stay in their places
  const low = chance ? 0 : Math.min(0, ...values), high = chance ? 1 : Math.max(...values, low + 1e-9);
  const grid = make("div", { className: "bars" });
  for (const i of shown) {
    const top = i === order[0] ? " top" : "", fill = make("div", {});
    fill.style.width = `${(100 * (values[i] - low)) / (high - low)}%`;
    const name = names ? names[i] : String(i);
    grid.append(make("span", { className: "what" + top, title: name }, name), make("div", { className: "track" + top }, fill),
      make("span", { className: "number" + top }, chance ? `${(100 * values[i]).toFixed(1)} %` : short(values[i])));
  }
  const best = order[0], more = values.length - shown.length;
  return [names ? make("p", { className: "big" }, names[best], make("small", {}, chance ? `${(100 * values[best]).toFixed(1)} %` : short(values[best]))) : "", grid,
    more > 0 ? make("p", { className: "soft" }, `and ${more} more`) : ""];
}

function picture(output, channels, high, wide) {
  const data = output.data, plane = high * wide, pixels = new ImageData(wide, high), seen = new Set();
  const low = Math.min(...data), span = Math.max(...data) - low || 1;
  for (let i = 0; i < plane; i++) {
    let rgb;
    if (channels === 1) rgb = Array(3).fill(((data[i] - low) / span) * 255);
    else if (channels === 3 && !output.classes) rgb = [0, 1, 2].map((c) => ((data[c * plane + i] - low) / span) * 255);
    else {
      let best = 0;
      for (let c = 1; c < channels; c++) if (data[c * plane + i] > data[best * plane + i]) best = c;
      seen.add(best);
      const hex = COLOURS[best % COLOURS.length];
      rgb = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
    }
    pixels.data.set([...rgb, 255], i * 4);
  }
  const canvas = make("canvas", { className: "picture", width: wide, height: high });
  canvas.getContext("2d").putImageData(pixels, 0, 0);
  const legend = make("div", { className: "legend" });
  for (const c of [...seen].sort((a, b) => a - b)) { const mark = make("i"); mark.style.background = COLOURS[c % COLOURS.length]; legend.append(make("span", {}, mark, output.classes ? output.classes[c] : `class ${c}`)); }
  return [canvas, legend, channels === 1 ? make("p", { className: "soft" }, `black is ${short(low)}, white ${short(low + span)}`) : ""];
}

function drawn(output) {
  const known = model.outputs.find((o) => o.name === output.name), names = known.classes, values = output.data;
  const inner = model.rows ? output.shape.slice(1) : output.shape, numbers = typeof values[0] === "number" && values.every((v) => v !== null);
  if (values.length === 1) return [make("p", { className: "big" }, short(values[0]))];
  if (numbers && inner.length === 1) return bars(values, names);
  if (numbers && inner.length === 3 && inner[1] >= 4 && inner[2] >= 4) return picture({ ...output, classes: names && names.length === inner[0] ? names : null }, ...inner);
  if (numbers && inner.length === 2 && inner[0] > 1 && inner[1] > 1) {
    const size = inner[1], last = values.slice(-size), letters = size === 256 ? Array.from({ length: 256 }, (_, i) => JSON.stringify(String.fromCharCode(i))) : names;
    return [make("p", { className: "soft" }, `the last of ${inner[0]} steps`), ...bars(last, letters)];
  }
  const most = 400, cut = values.slice(0, most).map(short).join(", ");
  return [make("pre", {}, `[${cut}${values.length > most ? `, … ${values.length - most} more` : ""}]`)];
}

// ---- asking

function problem(message) { $("problem").hidden = !message; $("problem").textContent = message; }

function body() {
  return { inputs: inputs.map(({ input, form }) => ({ name: input.name, ...withType(form.read(), input.datatype) })) };
}
const withType = ({ shape, data }, datatype) => ({ shape, datatype, data });

async function run() {
  if (running) { again = true; return; }
  let asked;
  try { asked = body(); } catch (error) { problem(error.message); return; }
  running = true;
  const begun = performance.now(), asking = model;
  try {
    const reply = await fetch(`/v2/models/${model.name}/infer`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(asked) });
    const answer = await reply.json(), seconds = performance.now() - begun;
    if (asking === model) {
      if (!reply.ok) problem(answer.error);
      else {
        problem("");
        $("time").textContent = `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} ms there and back`;
        $("outputs").replaceChildren(...answer.outputs.map((output) => make("div", { className: "output" },
          make("p", { className: "name" }, output.name, make("code", {}, model.outputs.find((o) => o.name === output.name).type)), ...drawn(output))));
        show(asked);
      }
    }
  } catch (error) { problem(`The server does not answer: ${error.message}`); }
  running = false;
  if (again) { again = false; run(); }
}

function changed() { if ($("live").checked) { clearTimeout(timer); timer = setTimeout(run, 60); } }

function show(asked) {
  const url = `${location.origin}/v2/models/${model.name}/infer`, content = JSON.stringify(asked);
  const long = content.length > 1500, cut = long ? `${content.slice(0, 700)} … ${content.slice(-40)}` : content;
  const python = content.replaceAll("true", "True").replaceAll("false", "False");
  const lines = {
    curl: `curl ${url} -d '${content.replaceAll("'", "'\\''")}'`,
    python: `import json, urllib.request\n\nbody = ${python}\nreply = urllib.request.urlopen("${url}", json.dumps(body).encode())\nprint(json.load(reply)["outputs"])`,
    json: JSON.stringify(asked, null, 1).replace(/\[\s+([^[\]{}]*?)\s+\]/g, (_, inner) => `[${inner.replace(/\s+/g, " ")}]`),
  };
  $("request").textContent = long ? lines[way].replace(content, cut).replace(python, cut).slice(0, 1600) : lines[way];
  $("copy").onclick = async () => { await navigator.clipboard.writeText(lines[way]); $("copy").textContent = "Copied"; setTimeout(() => { $("copy").textContent = "Copy"; }, 1200); };
  show.last = asked;
}

function choose(chosen) {
  model = chosen;
  document.title = `${model.name} · nnspec serve`;
  $("title").textContent = model.name;
  const signature = (items) => items.map((item) => `${item.name} ${item.type}`).join(", ");
  $("lead").replaceChildren(make("code", {}, signature(model.inputs)), " → ", make("code", {}, signature(model.outputs)), ` · ${model.how}`);
  for (const button of $("models").children) button.setAttribute("aria-pressed", button.textContent === model.name);
  inputs = model.inputs.map((input) => ({ input, form: KINDS[input.kind](input) }));
  $("inputs").replaceChildren(...inputs.map(({ input, form }) => make("div", { className: "input" }, make("p", { className: "name" }, input.name, make("code", {}, input.type)), form.element)));
  const drawn = inputs.find(({ form }) => form.picture);
  if (drawn && model.examples.length) {
    drawn.form.element.append(make("div", { className: "thumbs", style: "flex-basis:100%;margin-top:-6px" }, ...model.examples.map((example, i) => {
      const button = make("button", { title: `example ${i + 1}`, onclick: () => fill(example) }, drawn.form.picture(example[drawn.input.name]));
      button.setAttribute("aria-label", `example ${i + 1}`);
      return button;
    })));
  }
  $("example").hidden = !model.examples.length;
  $("outputs").replaceChildren(make("p", { className: "soft" }, "Nothing yet."));
  $("time").textContent = ""; $("request").textContent = "";
  problem("");
  if (model.examples.length) fill(model.examples[0]);
  else if (model.inputs.every((input) => ["fields", "json"].includes(input.kind))) run();
}

let turn = 0;
function fill(example) { for (const { input, form } of inputs) form.write(example[input.name]); run(); }

$("version").textContent = said.version;
if (said.models.length > 1) $("models").append(...said.models.map((one) => make("button", { onclick: () => { history.replaceState(null, "", `#${one.name}`); choose(one); } }, one.name)));
$("run").onclick = run;
$("clear").onclick = () => { inputs.forEach(({ form }) => form.clear()); problem(""); $("outputs").replaceChildren(make("p", { className: "soft" }, "Nothing yet.")); $("time").textContent = ""; };
$("example").onclick = () => { turn = (turn + 1) % model.examples.length; fill(model.examples[turn]); };
for (const tab of document.querySelectorAll("[data-way]")) tab.onclick = () => {
  way = tab.dataset.way;
  for (const other of document.querySelectorAll("[data-way]")) other.setAttribute("aria-selected", other === tab);
  if (show.last) show(show.last);
};
choose(said.models.find((one) => `#${one.name}` === location.hash) || said.models[0]);
