// node serving.mjs CHROMIUM URL PICTURE: try models on the page of nnspec serve; what it says, as JSON.

import { chromium } from "playwright-core";

const [executablePath, url, picture] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
const found = { errors: [], overflow: [] };

async function open(name, options = {}) {
  const page = await (await browser.newContext({ viewport: { width: 1100, height: 1000 }, ...options })).newPage();
  page.on("pageerror", (error) => found.errors.push(String(error)));
  page.on("console", (message) => { if (["error", "warning"].includes(message.type())) found.errors.push(message.text()); });
  await page.goto(`${url}/#${name}`);
  return page;
}
const best = (page) => page.locator(".big").first().evaluate((element) => element.firstChild.textContent);
const answered = (page, text) => page.waitForFunction((text) => document.querySelector(".big")?.textContent.startsWith(text), text);

const digits = await open("digits", { colorScheme: "dark" });
found.examples = [];
for (let i = 0; i < 4; i++) {
  await digits.locator(".thumbs button").nth(i).click();
  await digits.waitForTimeout(300);
  found.examples.push(await best(digits));
}
await digits.click("#clear");
const box = await digits.locator(".board").boundingBox();
const at = (x, y) => [box.x + box.width * x, box.y + box.height * y];
await digits.mouse.move(...at(0.5, 0.06));
await digits.mouse.down();
await digits.mouse.move(...at(0.5, 0.94), { steps: 12 });
await digits.mouse.up();
await digits.waitForTimeout(500);
found.drawn = await best(digits);
found.request = await digits.locator("#request").innerText();
if (picture) await digits.screenshot({ path: picture });

const flowers = await open("flowers", { viewport: { width: 375, height: 800 } });
await flowers.waitForSelector(".big");
const fields = flowers.locator(".fields input");
for (const [i, value] of [6.3, 2.9, 5.6, 1.8].entries()) await fields.nth(i).fill(String(value));
await answered(flowers, "virginica");
found.labels = await flowers.locator(".fields label").allInnerTexts();
await fields.nth(0).fill("");
await flowers.waitForSelector("#problem:not([hidden])");
found.problem = await flowers.locator("#problem").innerText();
for (const page of [digits, flowers]) found.overflow.push(await page.evaluate(() => document.scrollingElement.scrollWidth - innerWidth));
console.log(JSON.stringify(found));
await browser.close();
