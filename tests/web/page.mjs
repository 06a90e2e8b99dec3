// node page.mjs CHROMIUM URL FOLDER: use a page as a person does; what it says then, as JSON, and pictures of it.

import { join } from "node:path";
import { chromium } from "playwright-core";

const [executablePath, url, folder] = process.argv.slice(2);
const arc = (x, y, rx, ry, from, to) => Array.from({ length: 10 }, (_, i) => {
  const angle = ((from + ((to - from) * i) / 9) * Math.PI) / 180;
  return [x + rx * Math.cos(angle), y + ry * Math.sin(angle)];
});
const DIGITS = [ // lines as a hand draws them, in parts of the sheet
  [arc(0.5, 0.5, 0.2, 0.34, -90, 270)],
  [[[0.42, 0.3], [0.54, 0.16], [0.54, 0.84]]],
  [[...arc(0.5, 0.34, 0.18, 0.18, -170, 40), [0.3, 0.84], [0.72, 0.84]]],
  [[...arc(0.48, 0.33, 0.18, 0.17, -150, 90), ...arc(0.48, 0.67, 0.2, 0.17, -90, 150)]],
  [[[0.5, 0.15], [0.3, 0.58], [0.74, 0.58]], [[0.6, 0.4], [0.56, 0.86]]],
  [[[0.68, 0.16], [0.38, 0.16], [0.36, 0.46], ...arc(0.48, 0.64, 0.2, 0.2, -110, 140)]],
  [[[0.6, 0.14], [0.42, 0.38], ...arc(0.5, 0.66, 0.17, 0.19, 180, 540)]],
  [[[0.28, 0.17], [0.72, 0.17], [0.56, 0.5], [0.46, 0.85]], [[0.4, 0.52], [0.68, 0.5]]],
  [[...arc(0.5, 0.32, 0.16, 0.17, 90, 450), ...arc(0.5, 0.67, 0.18, 0.18, -90, 270)]],
  [[...arc(0.5, 0.35, 0.17, 0.19, 0, 360), [0.66, 0.5], [0.6, 0.86]]],
];

const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
const found = { errors: [], requests: [], drawn: {} };

async function opened(context) {
  const page = await context.newPage();
  page.on("pageerror", (error) => found.errors.push(String(error)));
  page.on("console", (message) => { if (["error", "warning"].includes(message.type())) found.errors.push(message.text()); });
  page.on("request", (request) => { if (/^(https?|wss?|file):/.test(request.url())) found.requests.push(request.url()); });
  await page.goto(url);
  await page.waitForSelector("body[data-ready]");
  return page;
}

async function draw(page, lines) {
  await page.click("#clear");
  await page.waitForFunction(() => !document.querySelector("#said b"));
  const box = await page.locator("#pad").boundingBox();
  const place = ([x, y]) => [box.x + x * box.width, box.y + y * box.height];
  for (const [first, ...more] of lines) {
    await page.mouse.move(...place(first));
    await page.mouse.down();
    for (const point of more) await page.mouse.move(...place(point));
    await page.mouse.up();
  }
  await page.waitForTimeout(60);
  await page.waitForFunction(() => document.querySelector("#said b"));
}

const text = (page, selector) => page.locator(selector).innerText();
const trained = (page) => page.waitForFunction(() => document.querySelector("#train").textContent === "Train on", null, { timeout: 60000 });

const count = (page, selector) => page.locator(selector).count();

async function weights(page, name) {
  const [download] = await Promise.all([page.waitForEvent("download"), page.click("#save")]);
  await download.saveAs(join(folder, name));
}

const window = { viewport: { width: 1180, height: 1010 }, acceptDownloads: true, locale: "en" };

// Train as the spec says, and draw.
const page = await opened(await browser.newContext(window));
found.before = await text(page, "#accuracy");
const began = Date.now();
await page.click("#train");
await trained(page);
found.seconds = (Date.now() - began) / 1000;
found.after = await text(page, "#accuracy");
found.epoch = await text(page, "#epoch");
found.loss = await text(page, "#loss");
await weights(page, "whole.safetensors");
for (const [digit, lines] of DIGITS.entries()) {
  await draw(page, lines);
  found.drawn[digit] = await text(page, "#said b");
}
await draw(page, DIGITS[3]);
await page.mouse.move(0, 0);
await page.screenshot({ path: join(folder, "light.png") });
await page.emulateMedia({ colorScheme: "dark" });
await page.waitForTimeout(100);
await page.screenshot({ path: join(folder, "dark.png"), fullPage: true });
await page.setViewportSize({ width: 375, height: 800 });
await page.waitForTimeout(100);
await page.screenshot({ path: join(folder, "phone.png"), fullPage: true });
found.overflow = await page.evaluate(() => document.scrollingElement.scrollWidth - innerWidth);
await page.setViewportSize(window.viewport);

// Draw by keys alone.
await page.click("#clear");
await page.focus("#undo");
for (let i = 0; i < 2; i += 1) await page.keyboard.press("Shift+Tab");
for (const key of [...Array(7).fill("ArrowUp"), "Enter", ...Array(14).fill("ArrowDown"), "Enter"]) await page.keyboard.press(key);
await page.waitForTimeout(100);
await page.waitForFunction(() => document.querySelector("#said b"));
found.keys = await text(page, "#said b");

// Learn from drawings alone, from the beginning.
for (const [digit, lines] of DIGITS.entries()) {
  await draw(page, lines);
  await page.locator("#bars button").nth(digit).click();
}
found.own = await count(page, "#own li");
await page.click("#again");
await page.waitForFunction((before) => document.querySelector("#accuracy").textContent === before, found.before);
await page.selectOption("#source", "own");
await page.click("#train");
await trained(page);
found.loss_of_drawings = await text(page, "#loss");
found.redrawn = {};
for (const [digit, lines] of DIGITS.entries()) {
  await draw(page, lines);
  found.redrawn[digit] = await text(page, "#said b");
}

// Weights from a file, and a file that holds none.
await page.setInputFiles("#open", join(folder, "whole.safetensors"));
await page.waitForFunction((after) => document.querySelector("#accuracy").textContent === after, found.after);
await page.setInputFiles("#open", { name: "none.safetensors", mimeType: "", buffer: Buffer.from("no tensors at all") });
await page.waitForSelector("#failed:not([hidden])");
found.refused = await text(page, "#failed");

// Pause, close, and go on another time.
const other = await browser.newContext(window);
const first = await opened(other);
await first.click("#train");
await first.waitForFunction(() => Number(document.querySelector("#epoch").textContent) > 4);
await first.click("#train");
await trained(first);
await first.waitForTimeout(100);
found.paused = await text(first, "#epoch");
await first.close();
const second = await opened(other);
found.resumed = await text(second, "#epoch");
found.kept = await text(second, "#kept");
await second.click("#train");
await trained(second);
found.end = await text(second, "#epoch");
await weights(second, "resumed.safetensors");

console.log(JSON.stringify(found));
await browser.close();
