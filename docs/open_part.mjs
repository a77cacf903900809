// Opens one sealed part of Chancery without Chancery. A sealed part is an age v1 file (c2sp.org/age) whose
// plaintext is: length (8 bytes, big-endian), that many bytes of content, then zeros.
//
//   npm install age-encryption          # once, in the directory of this script
//   node open_part.mjs IDENTITY_FILE SEALED OUT
//
// IDENTITY_FILE is text; its line that begins with AGE-SECRET-KEY-PQ-1 is the reading key. The disclosed key
// of this very part, 32 hexadecimal digits alone on a line, will do as well.
// Nothing is written unless every byte was authentic and the padding is zeros.
import { readFileSync, writeFileSync } from "node:fs";
import { Decrypter } from "age-encryption";

const [identityFile, sealedFile, outFile] = process.argv.slice(2);
if (outFile === undefined) fail("usage: node open_part.mjs IDENTITY_FILE SEALED OUT");

const keyText = readFileSync(identityFile, "utf8");
const identities = keyText.match(/^AGE-SECRET-KEY-PQ-1[0-9A-Z]+/gm) ?? [];
const disclosed = /^[0-9a-f]{32}\n$/.test(keyText) ? Buffer.from(keyText.trim(), "hex") : null;
if (identities.length === 0 && disclosed === null) fail(`${identityFile} holds no AGE-SECRET-KEY-PQ-1... identity`);

const decrypter = new Decrypter();
for (const identity of identities) decrypter.addIdentity(identity);
// Still a key for nothing else: the header of the part is authenticated with it.
if (disclosed !== null) decrypter.addIdentity({ unwrapFileKey: () => new Uint8Array(disclosed) });
const plain = await decrypter.decrypt(readFileSync(sealedFile)).catch((error) => fail(error.message));
const padded = Buffer.from(plain);

const length = padded.length < 8 ? -1n : padded.readBigUInt64BE(0);
if (length < 0n || length > BigInt(padded.length - 8)) fail("the length prefix is wrong");
const end = 8 + Number(length);
if (padded.subarray(end).some((byte) => byte !== 0)) fail("the padding is not zeros");

writeFileSync(outFile, padded.subarray(8, end), { flag: "wx", mode: 0o600 });

function fail(reason) {
  console.error(`nothing was opened: ${reason}`);
  process.exit(1);
}
