//! A file system that can lose its power, and the game of cutting it.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::super::chance::Chance;
use super::super::process::{eventually, freeze, pause};
use super::{What, archive};

/// Sparse, and more than any game fills; xfs makes none that is smaller than 300 MB.
const IMAGE_BYTES: u64 = 1024 * 1024 * 1024;

/// FS_IOC_SHUTDOWN with NOLOGFLUSH: nothing that has not been flushed reaches the disk any more. It waits for a
/// line, so that an interpreter that starts slowly does not delay the cut.
const CUTTER: &str = "
import fcntl, os, struct, sys
mount = os.open(sys.argv[1], os.O_RDONLY)
print('ready', flush=True)
sys.stdin.readline()
fcntl.ioctl(mount, 0x8004587d, struct.pack('I', 2))
print('cut', flush=True)
";

/// Why no file system of this kind can be cut here.
pub fn missing(file_system: &str) -> Option<String> {
    let known = std::fs::read_to_string("/proc/filesystems").unwrap_or_default();
    if !known.lines().any(|line| line.trim() == file_system) && !runs("modprobe", &[file_system]) {
        return Some(format!("this system knows no {file_system}"));
    }
    let tools = [("unshare", "--version"), ("losetup", "--version"), (&format!("mkfs.{file_system}"), "-V")];
    let lacking = tools.into_iter().find(|(tool, version)| !runs(tool, &[version]));
    if let Some((tool, _)) = lacking {
        return Some(format!("{tool} not found"));
    }
    if !runs(&archive::python().to_string_lossy(), &["--version"]) {
        return Some("python3 not found".to_owned());
    }
    let apart = runs("unshare", &["--mount", "--propagation", "private", "true"]);
    (!apart).then(|| "this host gives no mount namespace".to_owned())
}

pub fn runs(tool: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(tool);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

pub fn must(tool: &str, arguments: &[&str]) {
    let output = Command::new(tool).args(arguments).output().unwrap();
    let said =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.success(), "{tool} {arguments:?}: {said}");
}

/// How far each sequence of the writer is: by name.
type Counts = BTreeMap<String, u64>;

/// Cuts the power again and again and compares what was acknowledged with what is there.
pub fn play(what: What, file_system: &str, cuts: u64, place: &Path) {
    let mut chance = Chance::draw(&format!("power cuts of a {} on {file_system}", what.word()));
    let mount = place.join("mount");
    std::fs::create_dir(&mount).unwrap();
    let rig = Rig::below(file_system, place, &mount);
    if !rig.mounts() {
        println!("SKIPPED power cuts of a {} on {file_system}: this host mounts no loop device", what.word());
        return;
    }
    let begin = Instant::now();
    let (mut last, mut losses) = (Counts::new(), Vec::new());
    for cut in 0..cuts {
        let acknowledged = rig.cut(what, &last, Duration::from_millis(chance.between(40, 350)));
        let held = rig.audit(what);
        for (sequence, number) in &acknowledged {
            let there = held.get(sequence).copied().unwrap_or(0);
            if there < *number {
                losses.push(format!("cut {cut}: {sequence} had {number} acknowledged and holds {there}"));
            }
        }
        last = held;
        if what == What::UnsafeStore && !losses.is_empty() {
            break;
        }
    }
    let kept: u64 = last.values().sum();
    println!(
        "of {cuts} cuts: a {} on {file_system} holds {kept} entries, {} losses, {:.1?}",
        what.word(),
        losses.len(),
        begin.elapsed(),
    );
    match what {
        What::Register | What::Store => {
            assert!(losses.is_empty(), "{losses:#?}");
            assert!(kept > 5 * cuts, "next to nothing was written");
        }
        What::UnsafeStore | What::Gateway | What::UnsafeGateway => {
            assert!(!losses.is_empty(), "a store that does not sync lost nothing: the cuts are none")
        }
    }
}

/// A file system in an image, and where it is mounted.
pub struct Rig {
    file_system: String,
    image: PathBuf,
    mount: PathBuf,
}

impl Rig {
    /// Makes the image in `place`, to be mounted at `mount`.
    pub fn below(file_system: &str, place: &Path, mount: &Path) -> Self {
        let image = place.join("image");
        std::fs::File::create_new(&image).unwrap().set_len(IMAGE_BYTES).unwrap();
        must(&format!("mkfs.{file_system}"), &["-q", &image.to_string_lossy()]);
        Self { file_system: file_system.to_owned(), image, mount: mount.to_owned() }
    }

    /// Whether this host mounts it at all.
    pub fn mounts(&self) -> bool {
        let mounts =
            runs("mount", &["-o", "loop", &self.image.to_string_lossy(), &self.mount.to_string_lossy()]);
        if mounts {
            self.unmount();
        }
        mounts
    }

    pub fn mount(&self) {
        must("mount", &["-o", "loop", &self.image.to_string_lossy(), &self.mount.to_string_lossy()]);
    }

    pub fn unmount(&self) {
        // A process that was killed may not have let go of its files yet.
        let mount = self.mount.to_string_lossy().into_owned();
        eventually("the file system can be unmounted", || runs("umount", &[&mount]));
    }

    /// Lets the writer write for a while and cuts the power; what it acknowledged. The processor stops before the
    /// disk does: no acknowledgement can follow the cut, so none is forgiven.
    fn cut(&self, what: What, last: &Counts, after: Duration) -> Counts {
        self.mount();
        let mut cutter = Cutter::at(&self.mount);
        let mut writer = Speaker::start(&format!("{} write", what.word()), &self.mount);
        eventually("the writer goes on where it was", || {
            assert!(writer.child.try_wait().unwrap().is_none(), "the writer ended: {:?}", writer.rest());
            writer.counts().iter().any(|(name, number)| *number > last.get(name).copied().unwrap_or(0))
        });
        pause(after);
        freeze(&writer.child);
        cutter.cut();
        writer.child.kill().unwrap();
        writer.rest();
        self.unmount();
        writer.counts()
    }

    /// Mounts again, as after a restart, and lets the auditor count. The file system itself must be whole.
    fn audit(&self, what: What) -> Counts {
        self.mount();
        let mut auditor = Speaker::start(&format!("{} audit", what.word()), &self.mount);
        let said = auditor.rest();
        assert!(auditor.child.wait().unwrap().success(), "{}", said.join("\n"));
        let held = auditor.counts();
        self.unmount();
        self.examine();
        held
    }

    /// The file system itself must be whole; it is not mounted.
    pub fn examine(&self) {
        let image = self.image.to_string_lossy();
        match self.file_system.as_str() {
            "xfs" => must("xfs_repair", &["-n", &image]),
            _ => must("e2fsck", &["-f", "-n", &image]),
        }
    }
}

/// A process of this binary that says how far its sequences are: `ACK NAME NUMBER`.
struct Speaker {
    child: Child,
    counts: Arc<Mutex<Counts>>,
    listening: Option<JoinHandle<Vec<String>>>,
}

impl Speaker {
    fn start(part: &str, mount: &Path) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "ordeal::power::on_the_file_system", "--nocapture", "--test-threads", "1"]);
        command.env("CHANCERY_POWER_PART", part).env("CHANCERY_POWER_PLACE", mount);
        command.env_remove("CHANCERY_POWER_PLAY").env("RUST_BACKTRACE", "0");
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let (said, counts) = (child.stdout.take().unwrap(), Arc::new(Mutex::new(Counts::new())));
        let kept = counts.clone();
        let listening = std::thread::spawn(move || {
            let mut others = Vec::new();
            // A process that is killed may leave half a line, which is none.
            for line in BufReader::new(said).lines().map_while(Result::ok) {
                match line.strip_prefix("ACK ").and_then(|ack| ack.split_once(' ')) {
                    Some((name, number)) => {
                        let Ok(number) = number.strip_suffix('.').unwrap_or_default().parse() else {
                            continue;
                        };
                        kept.lock().unwrap().insert(name.to_owned(), number);
                    }
                    None => others.push(line),
                }
            }
            others
        });
        Self { child, counts, listening: Some(listening) }
    }

    fn counts(&self) -> Counts {
        self.counts.lock().unwrap().clone()
    }

    /// Listens until it says no more; what it said besides.
    fn rest(&mut self) -> Vec<String> {
        self.listening.take().map(|listening| listening.join().unwrap()).unwrap_or_default()
    }
}

impl Drop for Speaker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A process that holds the file system open and shuts it down when it is told to.
pub struct Cutter {
    child: Child,
    word: ChildStdin,
    said: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Cutter {
    pub fn at(mount: &Path) -> Self {
        let mut command = Command::new(archive::python());
        command.args(["-c", CUTTER]).arg(mount).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
        assert_eq!(said.next().unwrap().unwrap(), "ready");
        Self { word: child.stdin.take().unwrap(), child, said }
    }

    pub fn cut(&mut self) {
        writeln!(self.word).unwrap();
        assert_eq!(self.said.next().unwrap().unwrap(), "cut");
        assert!(self.child.wait().unwrap().success());
    }
}
