// Holds documents to AsyncAPI, by its own parser, which has the official schema.
// node asyncapi.mjs FOLDER: shop.json, shop.yaml, nats.json and odd.json in it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Parser } from "@asyncapi/parser";

const folder = process.argv[2];
const read = (name) => readFileSync(`${folder}/${name}`, "utf8");

async function faults(text) {
  const { document, diagnostics } = await new Parser().parse(text);
  const errors = diagnostics.filter((found) => found.severity === 0);
  return { document, errors: errors.map((found) => `${found.path.join(".")}: ${found.message}`) };
}

const seen = {};
for (const name of ["shop.json", "shop.yaml", "nats.json", "odd.json"]) {
  const { document, errors } = await faults(read(name));
  assert.deepEqual(errors, [], name);
  seen[name] = document;
  console.log(`${name}: AsyncAPI ${document.version()}, ${document.channels().all().length} channels`);
}

// The YAML says what the JSON says.
const plain = (document) => JSON.parse(JSON.stringify(document.json(), (key, value) => (key.startsWith("x-parser") ? undefined : value)));
assert.deepEqual(plain(seen["shop.yaml"]), plain(seen["shop.json"]));

// What is wrong is found: else this test could not fail.
const broken = JSON.parse(read("shop.json"));
delete broken.info.title;
assert.notDeepEqual((await faults(JSON.stringify(broken))).errors, []);
const dangling = JSON.parse(read("shop.json"));
Object.values(dangling.operations)[0].channel.$ref = "#/channels/nowhere";
assert.notDeepEqual((await faults(JSON.stringify(dangling))).errors, []);

// Examples are what the schemas of their messages say.
const shop = seen["shop.json"];
assert.ok(shop.allMessages().all().some((message) => message.examples().all().length > 0));
