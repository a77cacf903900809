//! Progress: how far long work with documents has come, told to whoever shows it to a person.

use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;

use crate::limits::PROGRESS_STEP_BYTES;

/// What a desk does with a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Reads and seals it.
    Sealing,
    /// Hands its sealed part to the own gateway.
    HandingOver,
    /// Fetches its sealed part from the own gateway.
    Fetching,
    /// Opens its sealed part.
    Opening,
}

impl Stage {
    /// The words for people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Sealing => "sealing",
            Self::HandingOver => "handing over",
            Self::Fetching => "fetching",
            Self::Opening => "opening",
        }
    }
}

/// How far one document has come in one stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// What is done.
    pub stage: Stage,
    /// Bytes done.
    pub done: u64,
    /// Bytes in all.
    pub whole: u64,
}

/// Told of every step; called from any thread.
pub type Progress = Arc<dyn Fn(Step) + Send + Sync>;

/// Nobody looks.
pub fn silent() -> Progress {
    Arc::new(|_| {})
}

/// Reports on one document in one stage, now and then and at its end.
#[derive(Clone)]
pub(super) struct Meter {
    progress: Progress,
    stage: Stage,
    whole: u64,
    told: u64,
}

impl Meter {
    pub(super) fn new(progress: &Progress, stage: Stage, whole: u64) -> Self {
        Self { progress: progress.clone(), stage, whole, told: 0 }
    }

    /// Everything up to `done` is done.
    pub(super) fn reach(&mut self, done: u64) {
        if done >= self.told.saturating_add(PROGRESS_STEP_BYTES) || done < self.told || done >= self.whole {
            self.told = done;
            (self.progress)(Step { stage: self.stage, done, whole: self.whole });
        }
    }
}

/// Reads through and reports.
pub(super) struct Metered<R> {
    source: R,
    meter: Meter,
    done: u64,
}

impl<R> Metered<R> {
    pub(super) fn new(source: R, meter: Meter) -> Self {
        Self { source, meter, done: 0 }
    }
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(buffer)?;
        self.done = self.done.saturating_add(count as u64);
        self.meter.reach(self.done);
        Ok(count)
    }
}

impl<R: Seek> Seek for Metered<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.done = self.source.seek(to)?;
        self.meter.reach(self.done);
        Ok(self.done)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn a_metered_reader_tells_its_end_and_where_it_began() {
        let steps: Arc<Mutex<Vec<u64>>> = Arc::default();
        let told = steps.clone();
        let progress: Progress = Arc::new(move |step| told.lock().unwrap().push(step.done));
        let size = 3 * PROGRESS_STEP_BYTES;
        let source = io::Cursor::new(vec![0; usize::try_from(size).unwrap()]);
        let mut metered = Metered::new(source, Meter::new(&progress, Stage::HandingOver, size));
        metered.seek(SeekFrom::Start(PROGRESS_STEP_BYTES)).unwrap();
        io::copy(&mut metered, &mut io::sink()).unwrap();
        let steps = steps.lock().unwrap();
        assert_eq!((steps.first(), steps.last()), (Some(&PROGRESS_STEP_BYTES), Some(&size)));
        assert!(steps.is_sorted(), "{steps:?}");
    }
}
