//! A terminal that does not show what is typed: echo ends before the question is written, what was typed before that
//! is dropped, and the terminal is as it was at every end, also at one by a signal.
//!
//! A question enters, one line leaves. What must never happen: that a word which answers the question is shown, or
//! that a terminal stays silent after the command is gone.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::sync::{Mutex, PoisonError, mpsc};

use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
use tokio::signal::unix::{SignalKind, signal};
use zeroize::Zeroizing;

/// The terminal of this process, whatever its streams are.
const TERMINAL: &str = "/dev/tty";

/// Longest line that a terminal hands over at once, bytes.
const LINE_BYTES_MAX: usize = 4096;

/// A key that stands for no control function.
const NO_KEY: u8 = 0;

/// The terminal whose echo is off, with the modes that it had before.
static SILENCED: Mutex<Option<(File, Termios)>> = Mutex::new(None);

/// Whether somebody waits for signals.
static WATCHED: Mutex<bool> = Mutex::new(false);

/// The terminal without echo, until this is dropped.
#[derive(Debug)]
pub(super) struct Unechoed(File);

impl Unechoed {
    /// Ends the echo, and drops what was typed so far: it was shown, and answers nothing that was asked.
    pub(super) fn begin() -> io::Result<Self> {
        let terminal = OpenOptions::new().read(true).write(true).open(TERMINAL)?;
        let before = tcgetattr(&terminal)?;
        watch_for_signals()?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO | LocalModes::ECHONL);
        silent.local_modes.insert(LocalModes::ICANON | LocalModes::ISIG);
        // A stopped command would leave the shell without echo; an interrupted one restores it.
        for key in [SpecialCodeIndex::VSUSP, SpecialCodeIndex::VQUIT] {
            silent.special_codes[key] = NO_KEY;
        }
        *silenced() = Some((terminal.try_clone()?, before));
        // From here on dropping restores it.
        let unechoed = Self(terminal);
        tcsetattr(&unechoed.0, OptionalActions::Flush, &silent)?;
        Ok(unechoed)
    }

    /// Asks, and reads one line without its end.
    pub(super) fn ask(&mut self, question: &str) -> io::Result<Zeroizing<String>> {
        self.0.write_all(question.as_bytes())?;
        let mut line = Zeroizing::new(Vec::with_capacity(LINE_BYTES_MAX));
        let mut piece = Zeroizing::new([0_u8; 1]);
        while line.last() != Some(&b'\n') && line.len() < LINE_BYTES_MAX {
            match self.0.read(piece.as_mut_slice()) {
                Ok(0) => break,
                Ok(_) => line.extend_from_slice(piece.as_slice()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        // The end of the line was not shown either.
        self.0.write_all(b"\n")?;
        if line.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let words = line.strip_suffix(b"\n").unwrap_or(&line);
        match std::str::from_utf8(words) {
            Ok(words) => Ok(Zeroizing::new(words.to_owned())),
            Err(_) => Err(io::Error::new(io::ErrorKind::InvalidData, "what was typed is not text")),
        }
    }
}

impl Drop for Unechoed {
    fn drop(&mut self) {
        restore();
    }
}

fn silenced() -> std::sync::MutexGuard<'static, Option<(File, Termios)>> {
    SILENCED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Gives the terminal its modes back, if they were taken from it.
fn restore() {
    if let Some((terminal, before)) = silenced().take() {
        // A terminal that is gone needs none.
        let _gone = tcsetattr(&terminal, OptionalActions::Now, &before);
    }
}

/// From the first question on, a signal that ends the command restores the terminal first. The thread has a runtime of
/// its own: that of the command may be blocked by the very question.
fn watch_for_signals() -> io::Result<()> {
    let mut watched = WATCHED.lock().unwrap_or_else(PoisonError::into_inner);
    if *watched {
        return Ok(());
    }
    let (listens, heard) = mpsc::sync_channel(1);
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || watch(&listens))?;
    heard.recv().unwrap_or_else(|gone| Err(io::Error::other(gone)))?;
    *watched = true;
    Ok(())
}

fn watch(listens: &mpsc::SyncSender<io::Result<()>>) {
    let ended = tokio::runtime::Builder::new_current_thread().enable_io().build().and_then(|runtime| {
        runtime.block_on(async {
            let [interrupt, hangup, terminate] =
                [SignalKind::interrupt(), SignalKind::hangup(), SignalKind::terminate()];
            let (mut interrupts, mut hangups, mut ends) =
                (signal(interrupt)?, signal(hangup)?, signal(terminate)?);
            let _nobody = listens.send(Ok(()));
            Ok(tokio::select! {
                _ = interrupts.recv() => interrupt,
                _ = hangups.recv() => hangup,
                _ = ends.recv() => terminate,
            })
        })
    });
    match ended {
        Ok(kind) => {
            restore();
            std::process::exit(kind.as_raw_value().saturating_add(SIGNAL_EXIT));
        }
        Err(error) => {
            let _nobody = listens.send(Err(error));
        }
    }
}

/// What shells add to the number of the signal that ended a command.
const SIGNAL_EXIT: i32 = 128;
