//! Our files are opened by other age programs, and theirs by us: Debian's `age` with classical recipients,
//! npm `age-encryption` with the hybrid one, and `docs/open_part.mjs` as a stranger to us would use it.

use std::fs;
use std::path::Path;
use std::process::Command;

use chancery::entropy::SystemEntropy;
use chancery::message::seal::{
    ReadingKey, Recipient, X25519Key, decrypt, encrypt, open, protect_with_work, seal, sealed_size, unprotect,
};

use crate::tools;

/// Lengths around the boundaries of chunks.
const LENGTHS: [usize; 5] = [0, 5, 65_535, 65_536, 200_000];

fn content(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index % 253) as u8).collect()
}

fn text(path: &Path) -> &str {
    path.to_str().expect("temporary paths are UTF-8")
}

#[test]
fn debian_age_opens_our_classical_files() {
    let directory = tempfile::tempdir().unwrap();
    let [identity, file] = ["identity", "file.age"].map(|name| directory.path().join(name));
    let key = X25519Key::generate(&SystemEntropy).unwrap();
    fs::write(&identity, key.secret_text().as_bytes()).unwrap();
    for length in LENGTHS {
        fs::write(&file, encrypt(&content(length), &[key.recipient()], &SystemEntropy).unwrap()).unwrap();
        let mut age = Command::new("age");
        age.arg("-d").arg("-i").arg(&identity).arg(&file);
        let Some(output) = tools::run(&mut age, "age opens our files") else { return };
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.stdout, content(length), "{length}");
    }
}

#[test]
fn we_open_classical_files_of_debian_age() {
    let directory = tempfile::tempdir().unwrap();
    let plain = directory.path().join("plain");
    let Some(identity) = tools::succeed(&mut Command::new("age-keygen"), "we open files of age") else {
        return;
    };
    let secret = identity.lines().find(|line| line.starts_with("AGE-SECRET-KEY-1")).unwrap();
    let key = X25519Key::parse(secret).unwrap();
    // age prints the recipient it computed; ours must be the same.
    assert!(identity.contains(&format!("# public key: {}", key.recipient())));
    for length in LENGTHS {
        fs::write(&plain, content(length)).unwrap();
        let mut age = Command::new("age");
        age.arg("-r").arg(key.recipient().to_string()).arg(&plain);
        let Some(output) = tools::run(&mut age, "we open files of age") else { return };
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(decrypt(&output.stdout, &[&key]).unwrap().as_slice(), content(length), "{length}");
    }
}

#[test]
fn npm_age_encryption_opens_our_hybrid_files() {
    let directory = tempfile::tempdir().unwrap();
    let [file, out] = ["file.age", "out"].map(|name| directory.path().join(name));
    let key = ReadingKey::generate(&SystemEntropy).unwrap();
    let other = ReadingKey::generate(&SystemEntropy).unwrap();
    for length in LENGTHS {
        let recipients = [other.recipient(), key.recipient()];
        fs::write(&file, encrypt(&content(length), &recipients, &SystemEntropy).unwrap()).unwrap();
        let arguments = ["decrypt", &key.secret_text(), text(&file), text(&out)];
        if tools::node_script("age_npm.mjs", "age-encryption", &arguments).is_none() {
            return;
        }
        assert_eq!(fs::read(&out).unwrap(), content(length), "{length}");
    }
}

#[test]
fn we_open_hybrid_files_of_npm_age_encryption() {
    let directory = tempfile::tempdir().unwrap();
    let [plain, file] = ["plain", "file.age"].map(|name| directory.path().join(name));
    let Some(identity) = tools::node_script("age_npm.mjs", "age-encryption", &["identity"]) else { return };
    let (secret, recipient) = identity.trim().split_once('\n').unwrap();
    let key = ReadingKey::parse(secret).unwrap();
    assert_eq!(key.recipient().to_string(), recipient);
    assert_eq!(Recipient::parse(recipient).unwrap(), key.recipient());
    for length in LENGTHS {
        fs::write(&plain, content(length)).unwrap();
        let arguments = ["encrypt", recipient, text(&plain), text(&file)];
        tools::node_script("age_npm.mjs", "age-encryption", &arguments).unwrap();
        assert_eq!(decrypt(&fs::read(&file).unwrap(), &[&key]).unwrap().as_slice(), content(length));
    }
    // Padded by the rules of the format, their file is one of our sealed parts.
    let mut padded = 5_u64.to_be_bytes().to_vec();
    padded.extend(b"plain");
    padded.resize(16 * 1024, 0);
    fs::write(&plain, padded).unwrap();
    tools::node_script("age_npm.mjs", "age-encryption", &["encrypt", recipient, text(&plain), text(&file)]);
    let part = fs::read(&file).unwrap();
    assert_eq!(part.len() as u64, sealed_size(5, 1));
    assert_eq!(open(&part, &[&key]).unwrap().as_slice(), b"plain");
}

#[test]
fn passphrases_protect_files_for_both() {
    let directory = tempfile::tempdir().unwrap();
    let [ours, theirs, out] = ["ours", "theirs", "out"].map(|name| directory.path().join(name));
    fs::write(&ours, protect_with_work("tulip", b"a key", 10, &SystemEntropy).unwrap()).unwrap();
    let run = |verb: &str, input: &Path, output: &Path| {
        tools::node_script("age_npm.mjs", "age-encryption", &[verb, "tulip", text(input), text(output)])
    };
    if run("unprotect", &ours, &out).is_none() {
        return;
    }
    assert_eq!(fs::read(&out).unwrap(), b"a key");
    run("protect", &out, &theirs).unwrap();
    assert_eq!(unprotect("tulip", &fs::read(&theirs).unwrap()).unwrap().as_slice(), b"a key");
}

#[cfg(unix)]
#[test]
fn the_script_in_docs_opens_a_sealed_part_and_refuses_an_altered_one() {
    if !tools::node_modules().join("age-encryption").is_dir() {
        eprintln!("SKIPPED open_part.mjs: npm package age-encryption not found");
        return;
    }
    // As its reader would have it: the script alone beside the packages npm installed.
    let directory = tempfile::tempdir().unwrap();
    let place = |name: &str| directory.path().join(name);
    std::os::unix::fs::symlink(tools::node_modules().canonicalize().unwrap(), place("node_modules")).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/open_part.mjs");
    fs::copy(script, place("open_part.mjs")).unwrap();
    let key = ReadingKey::generate(&SystemEntropy).unwrap();
    fs::write(place("identity"), format!("# reading key of XA\n{}\n", *key.secret_text())).unwrap();
    let open_part = |out: &str| {
        let mut node = Command::new("node");
        node.args(["open_part.mjs", "identity", "part", out]).current_dir(directory.path());
        tools::run(&mut node, "open_part.mjs")
    };
    for length in [0, 5, 200_000] {
        let part = seal(&content(length), &[key.recipient()], &SystemEntropy).unwrap();
        fs::write(place("part"), &part.bytes).unwrap();
        let out = format!("out-{length}");
        let Some(output) = open_part(&out) else { return };
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(fs::read(place(&out)).unwrap(), content(length));
        let mut altered = part.bytes;
        *altered.last_mut().unwrap() ^= 1;
        fs::write(place("part"), altered).unwrap();
        assert!(!open_part("altered").unwrap().status.success());
        assert!(!place("altered").exists());
    }
}
