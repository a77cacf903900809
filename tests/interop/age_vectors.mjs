// Prints every vector of the C2SP CCTV age test kit (npm cctv-age), one a line: its name, its fields as
// JSON pairs, and its file in base64, inflated where the kit keeps it compressed.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { inflateSync } from "node:zlib";

const find = createRequire(new URL("../node_modules/", import.meta.url));
const kit = await import(pathToFileURL(find.resolve("cctv-age")));

for (const [name, bytes] of Object.entries(kit.default)) {
  const vector = Buffer.from(bytes);
  const end = vector.indexOf("\n\n");
  const fields = vector.subarray(0, end).toString().split("\n").map((line) => line.split(/: (.*)/s).slice(0, 2));
  const file = vector.subarray(end + 2);
  const compressed = fields.some(([key]) => key === "compressed");
  console.log([name, JSON.stringify(fields), (compressed ? inflateSync(file) : file).toString("base64")].join("\t"));
}
