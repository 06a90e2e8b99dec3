// Opens a spec in Visual Studio Code (code-server) with the extension, and prints what the editor shows.
// Arguments: the address, the file's name, where a picture goes.
import { existsSync } from "node:fs";
import { chromium } from "playwright-core";

const [address, name, picture] = process.argv.slice(2);
const executablePath = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
const page = await browser.newPage({ viewport: { width: 1300, height: 800 } });
await page.goto(address, { waitUntil: "domcontentloaded" });

await page.locator(`.explorer-folders-view [aria-label^="${name}"]`).dblclick({ timeout: 90_000 });
await page.locator(".squiggly-error").first().waitFor({ state: "attached", timeout: 60_000 });
await page.getByText("float32[N, 4]", { exact: false }).first().waitFor();
const lines = await page.locator(".view-line").allTextContents();
const colours = await page.locator(".view-line span[class*=mtk]").evaluateAll((spans) => new Set(spans.map((one) => one.className)).size);
const squiggles = await page.locator(".squiggly-error").count();

const layer = await page.locator(".view-line span[class^=mtk]", { hasText: /^dense$/ }).first().boundingBox();
await page.mouse.move(layer.x + 10, layer.y + 60);
await page.mouse.move(layer.x + 12, layer.y + layer.height / 2, { steps: 5 });
const hover = page.locator(".monaco-hover-content:visible", { hasText: "units" }).first();
await hover.waitFor({ timeout: 20_000 });
const said = await hover.textContent();
if (picture) await page.screenshot({ path: picture });

await page.keyboard.press("Escape");
await page.mouse.move(900, 700);
const wrong = await page.locator(".squiggly-error").first().boundingBox();
await page.mouse.click(wrong.x + 10, wrong.y + wrong.height / 2);
await page.waitForTimeout(1500);
await page.keyboard.press("Control+.");
await page.waitForTimeout(1500);
const action = page.locator(".action-widget .monaco-list-row", { hasText: "relu" }).first();
await action.waitFor({ timeout: 20_000 });
const fix = await action.textContent();
await page.keyboard.press("Enter");
await page.locator(".squiggly-error").first().waitFor({ state: "detached", timeout: 20_000 });
const mended = await page.locator(".view-line").allTextContents();
await browser.close();

const plain = (texts) => texts.map((text) => text.replaceAll("\u00a0", " "));
console.log(JSON.stringify({ lines: plain(lines), colours, squiggles, hover: plain([said])[0], fix, mended: plain(mended) }));
