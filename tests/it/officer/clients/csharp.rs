//! The first note in C#: the example and the lines of the guide, compiled and run by what `tests/dotnet` is made of.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::{Served, answers, counted, told};
use crate::officer::Ministries;

fn suite() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

/// Has the programs of C# find the OpenSSL of their time.
fn with_ssl(command: &mut Command) -> &mut Command {
    command.env("LD_LIBRARY_PATH", suite().join(".dotnet/ssl"))
}

/// The folder of what was built.
fn built() -> Option<&'static Path> {
    static BUILT: OnceLock<Option<PathBuf>> = OnceLock::new();
    let folder = BUILT.get_or_init(|| {
        let kit = suite().join(".dotnet");
        if !kit.join("complete").exists() {
            eprintln!(
                "SKIPPED the C# client: tests/.dotnet not found, CHANCERY_DOTNET=1 tests/prepare makes it"
            );
            return None;
        }
        for (program, args) in [
            ("protoc", &["--version"][..]),
            ("python3", &["-c", "import pythonnet, clr_loader, google.protobuf.descriptor_pb2"]),
        ] {
            if !answers(program, args) {
                eprintln!("SKIPPED the C# client: {program} {} not found", args.join(" "));
                return None;
            }
        }
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("csharp");
        let mut build = Command::new("python3");
        build.arg(suite().join("dotnet/build.py")).arg(&kit).arg(&folder);
        told(with_ssl(&mut build).output().unwrap());
        Some(folder)
    });
    folder.as_deref()
}

/// A program at a desk, with what its command line ends with. What .NET keeps of a user goes into the desk's own place.
fn dotnet(folder: &Path, program: &str, desk: &Served, name: &str, more: &[&str]) -> Command {
    let mut command = Command::new("timeout");
    command
        .arg("120")
        .arg(suite().join(".dotnet/dotnet/dotnet"))
        .arg(folder.join(program).with_extension("dll"));
    let (host, port) = desk.address.rsplit_once(':').unwrap();
    command.args([host, port, name]).arg(desk.place.path().join("clients")).args(more);
    with_ssl(&mut command).env("HOME", desk.place.path());
    command
}

#[test]
fn a_first_note_in_csharp_is_delivered_once_and_refusals_say_why() {
    let Some(folder) = built() else { return };
    let both = Ministries::found("csharp");
    let xa = Served::of(&both, "XA");
    let first =
        |to: &str, name: &str| dotnet(folder, "FirstNote", &xa, name, &[to, "J-2026-0820"]).output().unwrap();
    for _ in 0..2 {
        let said = told(first("XB", &xa.name));
        assert!(said.contains("delivered messages/"), "{said}");
        assert_eq!(counted(&both, "XA"), [1, 0]);
    }
    let again = first("XC", &xa.name);
    let refused = String::from_utf8_lossy(&again.stderr).into_owned();
    assert_eq!(again.status.code(), Some(1), "{refused}");
    assert!(refused.contains("reason REQUEST_ID_REUSED"), "{refused}");
    let other = first("XB", "other.desk.mfa.xa.example");
    let refused = String::from_utf8_lossy(&other.stderr).into_owned();
    assert!(refused.contains("certificate is invalid"), "{refused}");
}

#[test]
fn the_note_of_the_guide_in_csharp_is_released_as_the_guide_writes_it() {
    let Some(folder) = built() else { return };
    let both = Ministries::found("csguide");
    let xa = Served::of(&both, "XA");
    let said = told(dotnet(folder, "Guide", &xa, &xa.name, &[]).output().unwrap());
    assert!(said.starts_with("XA-XB-"), "{said}");
    assert_eq!(counted(&both, "XA"), [1, 0]);
    let stores = fs::metadata(xa.place.path().join(".dotnet"));
    assert!(stores.is_ok(), "what .NET keeps of a user went elsewhere");
}
