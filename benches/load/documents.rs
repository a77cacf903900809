//! A large document from desk to desk, by the commands that officers type: sealed and sent until the receipt is
//! there, then fetched, opened and written out.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use chancery::trust::name::Ministry;

use crate::options::Options;
use crate::process::{Reading, forget_peak};
use crate::report::{Report, mib};
use crate::stage::{DESK_CHANNEL, PASSPHRASE, Stage};
use crate::{Outcome, envelopes};

/// Pause between readings of a process that is about to end.
const LOOK_PAUSE: Duration = Duration::from_millis(10);

/// One message with one document of the wanted size.
pub fn row(stage: &Stage, options: &Options, report: &mut Report) -> Outcome<()> {
    let size = if options.quick { 2 } else { options.document };
    let place = stage.folder.join("document");
    let _nothing_there = fs::remove_dir_all(&place);
    fs::create_dir_all(&place)?;
    write_words(&place.join("words"))?;
    write_document(&place.join("film.bin"), size)?;
    let channel = stage.channels.get(DESK_CHANNEL).ok_or("no channel for desks")?;
    fs::write(place.join("form.toml"), form(stage.recipient.as_str(), channel.as_str()))?;
    let gateways = [&stage.sender, &stage.recipient];
    for ministry in gateways {
        forget_peak(stage.pid(ministry)?);
    }
    let began = Instant::now();
    let sending = officer(stage, &stage.sender, &place, &["send", "form.toml", "--yes", "--wait=60m"])?;
    let sent = began.elapsed();
    let fetching = officer(stage, &stage.recipient, &place, &["inbox"])?;
    let reading = officer(stage, &stage.recipient, &place, &["read", "@last", "--documents", "out"])?;
    let whole = began.elapsed();
    let came = fs::read_dir(place.join("out"))?.filter_map(Result::ok).find_map(|entry| {
        let metadata = entry.metadata().ok()?;
        (metadata.len() == size * 1024 * 1024).then_some(entry.path())
    });
    let came = came.ok_or("the document did not come out")?;
    if fs::read(&came)? != fs::read(place.join("film.bin"))? {
        return Err("the document came out changed".into());
    }
    let peak = |ministry| -> Outcome<f64> { Ok(mib(Reading::of(stage.pid(ministry)?)?.peak)) };
    report.add(
        &format!("desk to desk, a document of {size} MiB"),
        &[
            ("MB/s sent and receipted", rate(size, sent)),
            ("MB/s until it is read", rate(size, whole)),
            ("peak sending desk MiB", mib(sending)),
            ("peak sender MiB", peak(&stage.sender)?),
            ("peak recipient MiB", peak(&stage.recipient)?),
            ("peak fetching desk MiB", mib(fetching)),
            ("peak reading desk MiB", mib(reading)),
        ],
    );
    fs::remove_dir_all(&place)?;
    Ok(())
}

fn rate(size: u64, took: Duration) -> f64 {
    (size * 1024 * 1024) as f64 / 1e6 / took.as_secs_f64()
}

/// Runs one command at the desk of a ministry; the most memory it took, bytes.
fn officer(stage: &Stage, ministry: &Ministry, place: &Path, arguments: &[&str]) -> Outcome<u64> {
    let home = fs::canonicalize(stage.folder.join(ministry.lower()).join("desk"))?;
    let mut child = Command::new(env!("CARGO_BIN_EXE_chancery"))
        .arg("--home")
        .arg(&home)
        .args(["--passphrase-file", "words"])
        .args(arguments)
        .current_dir(place)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()?;
    let mut peak = 0;
    loop {
        peak = peak.max(Reading::of(child.id()).map_or(0, |reading| reading.peak));
        if let Some(ended) = child.try_wait()? {
            let failed = || format!("`chancery {}` ended with {ended}", arguments.join(" "));
            return if ended.success() { Ok(peak) } else { Err(failed().into()) };
        }
        std::thread::park_timeout(LOOK_PAUSE);
    }
}

pub fn write_words(path: &Path) -> Outcome<()> {
    fs::write(path, format!("{PASSPHRASE}\n"))?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    Ok(())
}

/// A file that no disk and no seal makes smaller.
fn write_document(path: &Path, size: u64) -> Outcome<()> {
    let mut file = fs::File::create(path)?;
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut piece = Vec::with_capacity(1024 * 1024);
    for _ in 0..size {
        piece.clear();
        while piece.len() < 1024 * 1024 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            piece.extend_from_slice(&(state >> 11).to_le_bytes());
        }
        file.write_all(&piece)?;
    }
    Ok(())
}

fn form(to: &str, channel: &str) -> String {
    let note = envelopes::note(to, channel);
    format!(
        "{note}\n[[document]]\nid = \"film\"\npath = \"film.bin\"\ntitle = \"Film\"\nclass = \"EVIDENCE\"\n\
         language = \"und\"\nmedia_type = \"application/octet-stream\"\n"
    )
}
