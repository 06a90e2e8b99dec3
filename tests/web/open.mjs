// node open.mjs CHROMIUM URL: open a page, train for a moment, show it a picture; what it says, as JSON.

import { chromium } from "playwright-core";

const [executablePath, url, photo] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
const page = await (await browser.newContext({ viewport: { width: 375, height: 800 }, locale: "en" })).newPage();
const found = { errors: [] };
page.on("pageerror", (error) => found.errors.push(String(error)));
page.on("console", (message) => { if (["error", "warning"].includes(message.type())) found.errors.push(message.text()); });
await page.goto(url);
await page.waitForSelector("body[data-ready]");
found.shown = await page.locator("#gallery li").count();
await page.click("#train");
await page.waitForFunction(() => document.querySelector("#train").textContent === "Train on", null, { timeout: 60000 });
found.epoch = await page.locator("#epoch").innerText();
found.accuracy = await page.locator("#accuracy").innerText();
if (photo) {
  await page.setInputFiles("#photo", photo);
  await page.waitForFunction(() => document.querySelector("#said b"));
  found.said = await page.locator("#said b").innerText();
  found.bars = await page.locator("#bars b").allInnerTexts();
}
found.overflow = await page.evaluate(() => document.scrollingElement.scrollWidth - innerWidth);
console.log(JSON.stringify(found));
await browser.close();
