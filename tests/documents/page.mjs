// Looks at the page in a browser: node page.mjs FOLDER CHROMIUM, with shop.html in the folder.
// Pictures go into the folder. MEMQ_BLESS=1 takes them as what is right from now on.
import assert from "node:assert/strict";
import { copyFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { chromium } from "playwright-core";
import { PNG } from "pngjs";

const [folder, executablePath] = process.argv.slice(2);
const own = process.env.MEMQ_PICTURES ?? dirname(fileURLToPath(import.meta.url));
const file = resolve(folder, "shop.html");

// Fonts differ between machines: pictures are compared by the mean colour of squares.
const SQUARE = 40;
const FAR = 48; // of 255, in one square
const MANY = 0.08; // of all squares

function squares(path) {
  const { width, height, data } = PNG.sync.read(readFileSync(path));
  const wide = Math.ceil(width / SQUARE);
  const sums = new Map();
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = Math.floor(y / SQUARE) * wide + Math.floor(x / SQUARE);
      const sum = sums.get(at) ?? [0, 0, 0, 0];
      for (let c = 0; c < 3; c++) sum[c] += data[(y * width + x) * 4 + c];
      sum[3] += 1;
      sums.set(at, sum);
    }
  }
  return { wide, means: [...sums.entries()].sort(([a], [b]) => a - b).map(([, s]) => s.slice(0, 3).map((c) => c / s[3])) };
}

/// The share of squares that are far from each other; rows that one has more are far.
function differs(left, right) {
  const [a, b] = [squares(left), squares(right)];
  assert.equal(a.wide, b.wide, "the pictures have one width");
  const count = Math.max(a.means.length, b.means.length);
  let far = 0;
  for (let at = 0; at < count; at++) {
    const [p, q] = [a.means[at], b.means[at]];
    if (!p || !q || p.some((c, i) => Math.abs(c - q[i]) > FAR)) far += 1;
  }
  return far / count;
}

const browser = await chromium.launch({
  executablePath,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
try {
  for (const [name, options] of Object.entries({
    wide: { viewport: { width: 1200, height: 900 }, colorScheme: "light" },
    narrow: { viewport: { width: 400, height: 800 }, colorScheme: "dark" },
  })) {
    const page = await browser.newPage(options);
    const asked = [];
    const trouble = [];
    page.on("request", (request) => asked.push(request.url()));
    page.on("console", (message) => trouble.push(message.text()));
    page.on("pageerror", (error) => trouble.push(String(error)));
    await page.goto(pathToFileURL(file).href);
    assert.deepEqual(asked, [pathToFileURL(file).href], "the page loads nothing");
    assert.deepEqual(trouble, []);
    assert.match(await page.title(), /^Tea shop 1\.2\.0$/);

    const headings = await page.locator("h2").allInnerTexts();
    for (const topic of ["orders", "payments", "shop.stock", "Types"]) assert.ok(headings.includes(topic), topic);
    assert.equal(await page.getByText("Where it is brought, if not to the customer.").isVisible(), true);
    assert.equal(await page.getByText("after 3 attempts to").isVisible(), true);

    // Every link leads somewhere, and nothing is wider than the window but what scrolls by itself.
    const dead = await page.evaluate(() =>
      [...document.querySelectorAll("a[href^='#']")].map((a) => a.getAttribute("href").slice(1)).filter((id) => !document.getElementById(id)));
    assert.deepEqual(dead, []);
    const ids = await page.evaluate(() => [...document.querySelectorAll("[id]")].map((of) => of.id));
    assert.equal(new Set(ids).size, ids.length, "ids are there once");
    const [inside, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    assert.ok(inside <= window, `${name}: ${inside} of ${window} pixels`);

    await page.locator("summary").first().click();
    assert.equal(await page.locator("pre").first().isVisible(), true);

    const [picture, right] = [`${folder}/${name}.png`, `${own}/${name}.png`];
    await page.screenshot({ path: picture, fullPage: true });
    if (process.env.MEMQ_BLESS === "1") {
      mkdirSync(own, { recursive: true });
      copyFileSync(picture, right);
    }
    assert.ok(existsSync(right), `${right} is missing: look at ${picture}, and run this with MEMQ_BLESS=1`);
    const far = differs(picture, right);
    console.log(`${name}: ${(far * 100).toFixed(1)} % of the squares differ`);
    assert.ok(far <= MANY, `${picture} is not ${right}: where it is right, run this with MEMQ_BLESS=1`);
    await page.close();
  }
} finally {
  await browser.close();
}
