//! What the system tells of a process: its time on the processors, its memory, what it had written.

use std::fs;
use std::time::Duration;

use crate::Outcome;

/// Clock ticks of `/proc` in a second: 100 on every Linux there is.
const TICKS: u64 = 100;

/// A reading of one process.
#[derive(Debug, Clone, Copy, Default)]
pub struct Reading {
    /// Time on the processors, in user and kernel mode.
    pub cpu: Duration,
    /// Most resident memory so far, bytes.
    pub peak: u64,
    /// Resident memory now, bytes.
    pub resident: u64,
    /// Bytes that it had written to the disk.
    pub written: u64,
}

impl Reading {
    /// Reads `/proc` for this process.
    pub fn of(pid: u32) -> Outcome<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        // The name stands in brackets and may hold anything; the fields after it are counted from there.
        let after = stat.rsplit_once(')').ok_or("/proc/PID/stat has no name")?.1;
        let field = |number: usize| -> Outcome<u64> {
            Ok(after.split_whitespace().nth(number).ok_or("/proc/PID/stat is short")?.parse()?)
        };
        let ticks = field(11)? + field(12)?;
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        let kib = |name: &str| line(&status, name) * 1024;
        let io = fs::read_to_string(format!("/proc/{pid}/io")).unwrap_or_default();
        Ok(Self {
            cpu: Duration::from_millis(ticks * 1000 / TICKS),
            peak: kib("VmHWM:"),
            resident: kib("VmRSS:"),
            written: line(&io, "write_bytes:"),
        })
    }

    /// Time on the processors since an earlier reading.
    pub fn cpu_since(&self, earlier: &Self) -> Duration {
        self.cpu.saturating_sub(earlier.cpu)
    }
}

/// Lets the kernel count the most resident memory anew.
pub fn forget_peak(pid: u32) {
    // Where it is not allowed, the peak is that since the start.
    let _refused = fs::write(format!("/proc/{pid}/clear_refs"), "5");
}

/// The 1-minute load average: how busy the machine is.
pub fn load_average() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().unwrap_or("?").to_owned()
}

fn line(text: &str, name: &str) -> u64 {
    let found = text.lines().find_map(|line| line.strip_prefix(name));
    found.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
