// The other side of age_interop.rs: npm age-encryption, an implementation by the author of the format.
//   node age_npm.mjs identity                       prints a new hybrid identity and its recipient
//   node age_npm.mjs encrypt RECIPIENT IN OUT
//   node age_npm.mjs decrypt IDENTITY IN OUT
//   node age_npm.mjs protect PASSPHRASE IN OUT
//   node age_npm.mjs unprotect PASSPHRASE IN OUT
import { readFileSync, writeFileSync } from "node:fs";
import { Decrypter, Encrypter, generateHybridIdentity, identityToRecipient } from "age-encryption";

const [verb, key, input, output] = process.argv.slice(2);
const encrypter = new Encrypter();
const decrypter = new Decrypter();
const verbs = {
  async identity() {
    const identity = await generateHybridIdentity();
    console.log(identity + "\n" + (await identityToRecipient(identity)));
  },
  async encrypt() {
    encrypter.addRecipient(key);
    writeFileSync(output, await encrypter.encrypt(readFileSync(input)));
  },
  async decrypt() {
    decrypter.addIdentity(key);
    writeFileSync(output, await decrypter.decrypt(readFileSync(input)));
  },
  async protect() {
    encrypter.setScryptWorkFactor(10);
    encrypter.setPassphrase(key);
    writeFileSync(output, await encrypter.encrypt(readFileSync(input)));
  },
  async unprotect() {
    decrypter.addPassphrase(key);
    writeFileSync(output, await decrypter.decrypt(readFileSync(input)));
  },
};
await verbs[verb]();
