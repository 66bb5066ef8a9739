// Runs all test vectors through secam.mjs: `node proto-spec/secam.test.mjs`. With the path of another module and a
// connection, runs the valid ones of that connection's messages through the module.

import { readFileSync, readdirSync } from "node:fs";
import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";

const [, , path, connection] = process.argv;
const { decode, encode, limits, MessageStream, WireError } =
  await import(path === undefined ? "./secam.mjs" : pathToFileURL(path));

const folder = new URL("vectors/", import.meta.url);
const schema = JSON.parse(readFileSync(new URL("schema.json", import.meta.url), "utf8"));
const permitted = schema.connections.find(({ name }) => name === connection)?.messages.map(({ message }) => message);

function* vectors(kind) {
  for (const file of readdirSync(new URL(`${kind}/`, folder)).sort()) {
    yield [file, JSON.parse(readFileSync(new URL(`${kind}/${file}`, folder), "utf8"))];
  }
}

const bytesOf = (hex) => Uint8Array.from(Buffer.from(hex, "hex"));
const hexOf = (bytes) => Buffer.from(bytes).toString("hex");

/** A field as the vectors write it. */
function plain(value) {
  if (typeof value === "bigint") return value.toString();
  if (typeof value === "boolean") return Number(value);
  if (value instanceof Uint8Array) return hexOf(value);
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, plain(field)]));
}

let count = 0;
let failures = 0;

function run(file, test) {
  count += 1;
  try {
    test();
  } catch (error) {
    failures += 1;
    console.error(`${file}: ${error.stack}`);
  }
}

const all = [];
for (const [file, vector] of vectors("ok")) {
  if (permitted !== undefined && !permitted.includes(vector.message)) continue;
  const bytes = bytesOf(vector.hex);
  run(file, () => {
    const decoded = decode(bytes);
    assert.equal(decoded.message, vector.message);
    assert.deepEqual(plain(decoded.fields), vector.fields);
    const written = hexOf(encode(decoded.message, decoded.fields));
    if (vector.newer || vector.older) assert.notEqual(written, vector.hex);
    else assert.equal(written, vector.hex);
  });
  run(`${file}, cut short`, () => {
    for (let end = 0; end < bytes.length; end++) {
      assert.throws(() => decode(bytes.subarray(0, end)), { errorClass: "truncated" });
    }
  });
  all.push(bytes);
}

for (const [file, vector] of permitted === undefined ? vectors("bad") : []) {
  run(file, () => {
    assert.throws(() => decode(bytesOf(vector.hex), vector.limit ?? limits.meshMessage), (error) => {
      assert.ok(error instanceof WireError, error.stack);
      assert.equal(error.errorClass, vector.error);
      assert.equal(error.field, vector.field);
      return true;
    });
  });
}

run("all vectors as one stream", () => {
  const stream = new MessageStream(limits.meshMessage);
  const bytes = Buffer.concat(all);
  let received = 0;
  for (let offset = 0; offset < bytes.length; offset += 1009) {
    stream.append(bytes.subarray(offset, offset + 1009));
    while (stream.next() !== undefined) received += 1;
  }
  assert.equal(received, all.length);
});

run("values that the protocol does not allow", () => {
  assert.throws(() => encode("CREDIT", { flow: 1, frames: 1025 }), RangeError);
  assert.throws(() => encode("CREDIT", { flow: 1 }), TypeError);
  assert.throws(() => encode("UNWATCH", { camera: -1n }), RangeError);
  const bye = decode(encode("BYE", { reason: 1, detail: "é".repeat(600) }));
  assert.equal(bye.fields.detail, "é".repeat(512));
});

console.log(`${count} tests, ${failures} failed`);
process.exit(failures === 0 ? 0 : 1);
