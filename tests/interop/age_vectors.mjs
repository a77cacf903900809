// Prints every vector of the C2SP CCTV age test kit (npm cctv-age), one a line: its name, its fields as
// `key: value` in JSON, and its file in base64, inflated where the kit keeps it compressed.
import { inflateSync } from "node:zlib";
import * as kit from "cctv-age";

for (const [name, bytes] of Object.entries(kit)) {
  const vector = Buffer.from(bytes);
  const end = vector.indexOf("\n\n");
  const fields = vector.subarray(0, end).toString().split("\n");
  const file = vector.subarray(end + 2);
  const whole = fields.includes("compressed: zlib") ? inflateSync(file) : file;
  console.log([name, JSON.stringify(fields), whole.toString("base64")].join("\t"));
}
