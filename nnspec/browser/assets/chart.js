// A line over time, as SVG.

const NAMESPACE = "http://www.w3.org/2000/svg", MOST = 300; // points that are drawn
const HEIGHT = 240, LEFT = 46, RIGHT = 12, TOP = 10, BOTTOM = 24;

function element(name, attributes = {}, text = "") {
  const made = document.createElementNS(NAMESPACE, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.textContent = text;
  return made;
}

// Round numbers from low to high, about `many`.
export function ticks(low, high, many) {
  const rough = (high - low) / many || 1, power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough);
  const found = [];
  for (let at = Math.ceil(low / step - 1e-9) * step; at <= high + step * 1e-9; at += step) found.push(Number(at.toPrecision(12)));
  return found;
}

// At most MOST points: means of neighbours.
export function thinned(points) {
  const size = Math.ceil(points.length / MOST);
  if (size < 2) return points;
  const found = [];
  for (let i = 0; i < points.length; i += size) {
    const part = points.slice(i, i + size);
    found.push([part.at(-1)[0], part.reduce((sum, [, y]) => sum + y, 0) / part.length]);
  }
  return found;
}

// The running mean of what scatters from step to step; its beginning counts no more than it should (Kingma and Ba, 2015).
export function smoothed(points, keep = 0.8) {
  let mean = 0, weight = 0;
  return points.map(([x, y]) => {
    mean = keep * mean + (1 - keep) * y;
    weight = keep * weight + (1 - keep);
    return [x, mean / weight];
  });
}

// Draw lines [{points: [[x, y], …], look}] into `place`; `y` is [low, high], `write` makes text of a value.
export function draw(place, lines, { title, x: xs, y: [low, high], write, unit }) {
  const last = Math.max(xs, 1), width = Math.max(place.clientWidth, 240);
  const x = (value) => LEFT + (value / last) * (width - LEFT - RIGHT);
  const y = (value) => TOP + (1 - (value - low) / (high - low || 1)) * (HEIGHT - TOP - BOTTOM);
  const picture = element("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, role: "img", "aria-label": title });
  for (const value of ticks(low, high, 4)) {
    picture.append(element("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: y(value), y2: y(value) }));
    picture.append(element("text", { class: "end", x: LEFT - 7, y: y(value) + 4 }, write(value)));
  }
  for (const value of ticks(0, last, 5)) {
    if (value === 0 || !Number.isInteger(value) || x(value) > width - RIGHT - 72) continue; // there the unit stands
    picture.append(element("text", { class: "middle", x: x(value), y: HEIGHT - 6 }, value.toLocaleString("en")));
  }
  picture.append(element("text", { class: "end", x: width - RIGHT, y: HEIGHT - 6 }, unit));
  for (const { points, look } of lines) {
    const path = points.map(([a, b]) => `${x(a).toFixed(1)},${y(Math.min(Math.max(b, low), high)).toFixed(1)}`).join(" ");
    picture.append(element("polyline", { class: `line ${look}`, points: path }));
    if (look === "dots") for (const [a, b] of points) picture.append(element("circle", { class: "dots", cx: x(a), cy: y(b), r: 3 }));
  }
  place.replaceChildren(picture);
}
