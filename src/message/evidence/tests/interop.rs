//! The commands of the README, tried by a shell with openssl, Python and node instead of us.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use super::fixture::*;
use crate::message::terms::AuthenticationKind;

/// The lines of the README that are commands, from its beginning to the line that holds `until`.
fn commands(readme: &str, until: &str) -> String {
    let body = readme.split(until).next().unwrap();
    let tools = ["openssl cms ", "python3 verify_proof.py ", "names", "grep "];
    let lines: Vec<&str> =
        body.lines().filter(|line| tools.iter().any(|tool| line.starts_with(tool))).collect();
    assert!(lines.len() > 10, "the README has lost its commands");
    lines.join("\n")
}

fn unpack(file: &[u8], place: &Path) {
    for (name, content) in entries(file) {
        let path = place.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
}

fn shell(script: &str, place: &Path) -> Output {
    let mut shell = Command::new("sh");
    shell.args(["-e", "-u", "-c", script]).current_dir(place);
    shell.stdin(Stdio::null()).output().unwrap()
}

fn has(tool: &str, arguments: &[&str]) -> bool {
    let found = Command::new(tool).args(arguments).output().is_ok_and(|output| output.status.success());
    if !found {
        writeln!(std::io::stderr(), "SKIPPED the commands of an evidence file: {tool} not found").unwrap();
    }
    found
}

/// A file unpacked and found good by the commands of its own readme; where it lies, the commands, and what they said.
fn checked_without_us(file: &[u8]) -> (tempfile::TempDir, String, String) {
    let place = tempfile::tempdir().unwrap();
    unpack(file, place.path());
    let readme = fs::read_to_string(place.path().join("README.txt")).unwrap();
    let script = commands(&readme, "\n3. Sealed parts");
    let output = shell(&script, place.path());
    assert!(output.status.success(), "{script}\n{output:#?}");
    (place, script, String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn the_commands_of_the_readme_check_the_file_without_us() {
    if !has("openssl", &["version"]) || !has("python3", &["-c", "import cryptography"]) {
        return;
    }
    let world = World::of_three(&Recipe::default());
    let file = world.file(&[0, 1]);
    let (place, script, said) = checked_without_us(&file);
    assert_eq!(said.matches("GOOD").count(), 6);
    let disclosed = "messages/XA-XB-2026-0001/disclosed/";
    for name in [
        "messages/XA-XB-2026-0002/header.bin",
        "messages/XA-XB-2026-0001/parts/2.age",
        "messages/XB-XA-2026-0001/received.leaf",
        "trust/XB.record.bin",
        &format!("{disclosed}dispatch.bin"),
        &format!("{disclosed}documents/text-0.pdf"),
    ] {
        let path = place.path().join(name);
        let good = fs::read(&path).unwrap();
        let mut altered = good.clone();
        altered[good.len() / 2] ^= 1;
        fs::write(&path, altered).unwrap();
        assert!(!shell(&script, place.path()).status.success(), "{name} was altered");
        fs::write(&path, good).unwrap();
    }
}

/// A note that went from drafter over clearances to signature and seal, as it bears them: kinds 7, 8, 9, 3 and 2.
fn cleared() -> Recipe {
    use AuthenticationKind::{Clearance, Draft, LegalClearance, Seal, Signature};
    Recipe {
        authorities: [Draft, Clearance, LegalClearance, Signature, Seal]
            .map(AuthenticationKind::authority)
            .into(),
        kinds: vec![Draft, Clearance, LegalClearance, Signature, Seal],
        ..Recipe::default()
    }
}

#[test]
fn drafter_and_clearances_of_a_disclosed_note_are_checked_without_us_each_by_its_signature() {
    if !has("openssl", &["version"]) || !has("python3", &["-c", "import cryptography"]) {
        return;
    }
    let world = World::of_one(&cleared());
    let file = world.file(&[0, 1]);
    let judged = check(&file, &world.basis());
    assert!(failures(&judged).is_empty(), "{judged:?}");
    let (place, script, _) = checked_without_us(&file);
    for number in 1..=5 {
        let name = format!("messages/XA-XB-2026-0001/disclosed/authentication-{number}.p7s");
        assert_eq!(script.matches(&name).count(), 1, "{name} is checked once");
        let path = place.path().join(&name);
        let good = fs::read(&path).unwrap();
        fs::write(&path, fs::read(place.path().join("trust/XA.record.p7s")).unwrap()).unwrap();
        assert!(!shell(&script, place.path()).status.success(), "{name} was another signature");
        fs::write(&path, good).unwrap();
    }
}

#[test]
fn another_zip_program_unpacks_the_file() {
    if !has("python3", &["-c", "import zipfile"]) {
        return;
    }
    let world = World::of_one(&Recipe::default());
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("evidence.zip");
    fs::write(&path, world.file(&[0])).unwrap();
    let script = "import sys, zipfile; f = zipfile.ZipFile(sys.argv[1]); sys.exit(f.testzip() is not None)";
    let output = Command::new("python3").args(["-c", script]).arg(&path).output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn the_script_in_the_file_opens_parts_with_a_reading_key_or_a_disclosed_one() {
    let modules = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/node_modules");
    if !modules.join("age-encryption").is_dir() {
        writeln!(std::io::stderr(), "SKIPPED open_part.mjs: npm package age-encryption not found").unwrap();
        return;
    }
    let world = World::of_one(&Recipe::default());
    let place = tempfile::tempdir().unwrap();
    unpack(&world.file(&[0, 1]), place.path());
    std::os::unix::fs::symlink(modules, place.path().join("node_modules")).unwrap();
    fs::write(place.path().join("IDENTITY"), world.xb.reading.secret_text().as_bytes()).unwrap();
    let readme = fs::read_to_string(place.path().join("README.txt")).unwrap();
    let tools = ["node ", "cmp ", "holds"];
    let commands = readme.lines().filter(|line| tools.iter().any(|tool| line.starts_with(tool)));
    let commands: Vec<&str> = commands.collect();
    assert_eq!(commands.len(), 3 + 1 + 2 * 2);
    let output = shell(&commands.join("\n"), place.path());
    assert!(output.status.success(), "{output:?}");
    assert_eq!(fs::read(place.path().join("XA-XB-2026-0001-2.out")).unwrap(), b"two");
    // The disclosed key of one part opens no other.
    let base = "messages/XA-XB-2026-0001";
    let other = format!("node open_part.mjs {base}/disclosed/1.key {base}/parts/2.age other");
    assert!(!shell(&other, place.path()).status.success() && !place.path().join("other").exists());
}
