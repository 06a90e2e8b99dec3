// A place to draw. What was drawn is kept as lines, and drawn again as small as the pictures of the data are.

const FINE = 8; // pixels for a pixel of the data, before they are averaged
const COLORS = ["#111111", "#e5383b", "#f4a300", "#2a9d3a", "#2469d6", "#7b3fbf", "#8b5a2b", "#ffffff"];

export class Pad {
  constructor(screen, palette, facts, changed) {
    Object.assign(this, { screen, facts, changed, lines: [], photo: null, color: COLORS[0], keys: { x: 0.5, y: 0.5, line: null } });
    this.pen = facts.look.pen ?? 0.06; // in the picture; on the screen it is thin enough to write with
    screen.addEventListener("pointerdown", (event) => this.#down(event));
    screen.addEventListener("pointermove", (event) => this.#move(event));
    for (const name of ["pointerup", "pointercancel"]) screen.addEventListener(name, () => { this.line = null; });
    screen.addEventListener("keydown", (event) => this.#key(event));
    screen.addEventListener("blur", () => { this.keys.line = null; this.show(); });
    screen.addEventListener("focus", () => this.show());
    if (facts.shape[0] === 3) this.#colors(palette);
    new ResizeObserver(() => this.show()).observe(screen);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.show());
  }

  get empty() { return !this.lines.length && !this.photo; }

  clear() { this.lines = []; this.photo = null; this.keys.line = null; this.#done(); }

  undo() { this.lines.pop(); this.keys.line = null; this.#done(); }

  // Let the picture be that of a file.
  async open(file) { this.lines = []; this.photo = await createImageBitmap(file); this.#done(); }

  #done() { this.show(); this.changed(); }

  #place(event) {
    const box = this.screen.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  }

  #down(event) {
    if (event.button) return;
    event.preventDefault();
    this.screen.focus({ preventScroll: true, focusVisible: false });
    this.screen.setPointerCapture(event.pointerId);
    this.line = { color: this.color, points: [this.#place(event)] };
    this.lines.push(this.line);
    this.#done();
  }

  #move(event) {
    if (!this.line) return;
    for (const part of event.getCoalescedEvents?.() ?? [event]) this.line.points.push(this.#place(part));
    this.#done();
  }

  // The arrows move a cross; Enter or Space puts the pen down and lifts it.
  #key(event) {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key], keys = this.keys;
    if (way) {
      keys.x = Math.min(Math.max(keys.x + way[0] * 0.04, 0.02), 0.98);
      keys.y = Math.min(Math.max(keys.y + way[1] * 0.04, 0.02), 0.98);
      keys.line?.points.push([keys.x, keys.y]);
    } else if (event.key === " " || event.key === "Enter") {
      keys.line = keys.line ? null : { color: this.color, points: [[keys.x, keys.y]] };
      if (keys.line) this.lines.push(keys.line);
    } else return;
    event.preventDefault();
    this.#done();
  }

  #colors(palette) {
    for (const color of COLORS) {
      const button = document.createElement("button");
      Object.assign(button, { type: "button", className: "color", title: color });
      button.style.background = color;
      button.onclick = () => { this.color = color; };
      palette.append(button);
    }
  }

  // The drawing on the screen, in the colours of the page, or of the data where those are colours.
  show() {
    const side = Math.round(this.screen.clientWidth * devicePixelRatio), style = getComputedStyle(this.screen);
    if (!side) return;
    Object.assign(this.screen, { width: side, height: Math.round((side * this.facts.shape[1]) / this.facts.shape[2]) });
    const pen = this.screen.getContext("2d"), { width, height } = this.screen;
    pen.fillStyle = this.facts.shape[0] === 3 ? this.#background() : style.backgroundColor;
    pen.fillRect(0, 0, width, height);
    if (this.photo) this.#photo(pen, width, height);
    const ink = this.facts.shape[0] === 3 ? null : style.color;
    this.#draw(pen, this.lines, { x: width, y: height, left: 0, top: 0, pen: Math.min(this.pen, 0.1) * height, ink });
    if (document.activeElement !== this.screen || !this.screen.matches(":focus-visible")) return;
    const { x, y, line } = this.keys;
    pen.strokeStyle = style.outlineColor;
    pen.lineWidth = (line ? 4 : 2) * devicePixelRatio;
    pen.beginPath();
    for (const [a, b] of [[14, 0], [0, 14]].map(([a, b]) => [a * devicePixelRatio, b * devicePixelRatio])) {
      pen.moveTo(x * width - a, y * height - b);
      pen.lineTo(x * width + a, y * height + b);
    }
    pen.stroke();
  }

  #draw(pen, lines, { x, y, left, top, pen: width, ink }) {
    Object.assign(pen, { lineWidth: width, lineCap: "round", lineJoin: "round" });
    for (const { points, color } of lines) {
      pen.strokeStyle = ink ?? color;
      pen.beginPath();
      for (const [a, b] of points.length > 1 ? points : [points[0], points[0]]) pen.lineTo(left + a * x, top + b * y);
      pen.stroke();
    }
  }

  #photo(pen, width, height) {
    const scale = Math.max(width / this.photo.width, height / this.photo.height); // it covers the frame
    const [w, h] = [this.photo.width * scale, this.photo.height * scale];
    pen.drawImage(this.photo, (width - w) / 2, (height - h) / 2, w, h);
  }

  #background() {
    const { background, low, high } = this.facts.look;
    return `rgb(${background.map((value) => Math.round(((value - low) / (high - low || 1)) * 255)).join(" ")})`;
  }

  // Where the drawing lies in a frame like those of the data: as large, and in the same middle.
  #frame(width, height) {
    const { size, center } = this.facts.look, pen = this.pen * height;
    if (!size) return { x: width, y: height, left: 0, top: 0, pen };
    const points = this.lines.flatMap((line) => line.points), [xs, ys] = [0, 1].map((axis) => points.map((point) => point[axis]));
    const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
    const scale = Math.min((size - this.pen) / Math.max(right - left, bottom - top, 1e-6), 4);
    const [x, y] = [scale * width, scale * height];
    return { x, y, left: center[0] * width - ((left + right) / 2) * x, top: center[1] * height - ((top + bottom) / 2) * y, pen };
  }

  // The picture in the numbers of the data, [channels, height, width].
  pixels() {
    const { shape: [channels, height, width], look, dtype } = this.facts;
    const fine = new OffscreenCanvas(width * FINE, height * FINE), pen = fine.getContext("2d", { willReadFrequently: true });
    const flat = look.ink !== undefined && !this.photo; // lines on a plain ground: how much of each pixel they cover
    pen.fillStyle = flat ? "#000" : channels === 3 ? this.#background() : "#fff";
    pen.fillRect(0, 0, fine.width, fine.height);
    if (this.photo) this.#photo(pen, fine.width, fine.height);
    if (this.lines.length) this.#draw(pen, this.lines, { ...this.#frame(fine.width, fine.height), ink: flat ? "#fff" : null });
    const { data } = pen.getImageData(0, 0, fine.width, fine.height);
    const mean = (c, row, column) => {
      let sum = 0;
      for (let i = 0; i < FINE * FINE; i += 1) {
        const at = 4 * ((row * FINE + Math.floor(i / FINE)) * fine.width + column * FINE + (i % FINE));
        sum += channels === 3 ? data[at + c] : (data[at] + data[at + 1] + data[at + 2]) / 3;
      }
      return sum / (FINE * FINE * 255);
    };
    const [from, to] = flat ? [look.background[0], look.ink] : [look.low, look.high];
    const found = new { uint8: Uint8Array, float32: Float32Array }[dtype](channels * height * width);
    for (let i = 0; i < found.length; i += 1) {
      const part = mean(Math.floor(i / (height * width)), Math.floor(i / width) % height, i % width);
      const value = from + part * (to - from);
      found[i] = dtype === "uint8" ? Math.round(value) : value;
    }
    return found;
  }
}
