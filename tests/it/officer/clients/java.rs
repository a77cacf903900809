//! The clients in Java: compiled by what Debian packages, and run against two real ministries.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use super::{Served, annex, answers, bounded, came_of_it, counted, examples, told};
use crate::officer::Ministries;

/// The arguments for `java` of what was built.
fn built() -> Option<&'static Path> {
    static BUILT: OnceLock<Option<PathBuf>> = OnceLock::new();
    let arguments = BUILT.get_or_init(|| {
        for (program, args) in [
            ("javac", &["-version"][..]),
            ("protoc", &["--version"]),
            ("python3", &["-c", "import google.rpc.error_details_pb2"]),
            ("sh", &["-c", "command -v grpc_java_plugin && ls /usr/share/java/grpc-netty.jar"]),
            ("sh", &["-c", "ls /usr/share/java/netty-tcnative.jar /usr/lib/*/jni/libnetty-tcnative.so"]),
        ] {
            if !answers(program, args) {
                eprintln!("SKIPPED the Java client: {program} {} not found", args.join(" "));
                return None;
            }
        }
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("java");
        told(Command::new(examples().join("java/build.sh")).arg(&folder).output().unwrap());
        Some(folder.join("arguments"))
    });
    arguments.as_deref()
}

/// A program of the example at a desk, with what its command line ends with.
fn java(arguments: &Path, program: &str, desk: &Served, more: &[&str]) -> Command {
    let mut command = bounded("java");
    let (host, port) = desk.address.rsplit_once(':').unwrap();
    command.arg(format!("@{}", arguments.display())).args([program, host, port, &desk.name]);
    command.arg(desk.place.path().join("clients")).args(more);
    command
}

#[test]
fn a_java_system_asks_another_ministry_and_is_answered_with_a_document() {
    let Some(arguments) = built() else { return };
    let both = Ministries::found("java");
    let (xa, xb) = (Served::of(&both, "XA"), Served::of(&both, "XB"));
    let (path, document) = annex(xb.place.path());
    let [asking, answering] = [&xa, &xb].map(|desk| desk.state().to_str().unwrap().to_owned());
    let mut answer =
        java(arguments, "MinistrySystem", &xb, &[&answering, "answer", "XA", path.to_str().unwrap()]);
    let answer = answer.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let ask = || {
        told(java(arguments, "MinistrySystem", &xa, &[&asking, "ask", "XB", "J-2026-0818"]).output().unwrap())
    };
    let asked = ask();
    told(answer.wait_with_output().unwrap());
    assert!(asked.contains("Annex: procedure: 800009 bytes, as signed"), "{asked}");
    came_of_it(&both, &xa, "J-2026-0818", &document);
    // The whole of it again, as after a crash: every step finds what it did before.
    let released = |said: &str| said.lines().find(|line| line.starts_with("released")).map(str::to_owned);
    assert_eq!(released(&ask()), released(&asked));
    assert_eq!(counted(&both, "XA"), [1, 1]);

    // The second time it was delivered long before, and nothing is waited for.
    for _ in 0..2 {
        let first = java(arguments, "FirstNote", &xa, &["XB", "J-2026-0819"]).output().unwrap();
        assert!(told(first).contains("delivered messages/"));
    }
    let again = java(arguments, "FirstNote", &xa, &["XC", "J-2026-0819"]).output().unwrap();
    let refused = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(refused.contains("reason REQUEST_ID_REUSED"), "{refused}");
}
