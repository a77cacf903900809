//! A note on its way: its form is filled in and written where anybody can open it, sent as an officer sends it, and
//! read by the other side.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::rehearsal::demo::cast::{Side, line};
use crate::rehearsal::demo::papers;
use crate::rehearsal::demo::stage::{DemoFailure, Line, Said, Stage};
use crate::time::{Clock, SystemClock, Timestamp};

/// Lines shown of a message that is read where its like was shown before.
const BRIEFLY: usize = 18;

/// The stage, and what is known of the consultation so far: what stands in the places of the forms.
pub(super) struct Notes<'a> {
    pub(super) stage: &'a Stage<'a>,
    known: BTreeMap<&'static str, String>,
}

/// A form to be filled in: its name, the file that is written, and who sends it.
#[derive(Clone, Copy)]
pub(super) struct Note {
    pub(super) from: &'static Side,
    pub(super) form: &'static str,
    pub(super) file: &'static str,
}

impl Note {
    /// One that is written under its own name.
    pub(super) const fn new(from: &'static Side, form: &'static str) -> Self {
        Self { from, form, file: form }
    }

    /// One of several that are written from one form.
    pub(super) const fn named(self, file: &'static str) -> Self {
        Self { file, ..self }
    }
}

impl<'a> Notes<'a> {
    pub(super) fn new(stage: &'a Stage<'a>) -> Self {
        let known = BTreeMap::from([("EFFECTS", papers::effects_digest())]);
        Self { stage, known }
    }

    /// What stands in a place.
    pub(super) fn known(&self, place: &str) -> &str {
        self.known.get(place).map(String::as_str).unwrap_or_default()
    }

    /// Sets what stands in a place.
    pub(super) fn set(&mut self, place: &'static str, value: impl Into<String>) {
        self.known.insert(place, value.into());
    }

    /// Sets an instant; those before now are in the past of the persons, which the clock of the commands cannot play.
    pub(super) fn set_time(&mut self, place: &'static str, time: Timestamp) {
        self.set(place, time.to_string());
    }

    /// Who the next forms are about.
    pub(super) fn about(&mut self, place: &str) {
        let person = self.known(place).to_owned();
        self.set("PERSON", person);
    }

    pub(super) fn told(&self, text: &str) {
        self.stage.audience.told(text);
    }

    pub(super) fn scene(&self, title: &str) {
        self.stage.audience.scene(title);
    }

    /// Writes a form with its places filled: `@POSITION@` becomes the value of `POSITION`. Gives its path.
    pub(super) fn write(&mut self, note: Note) -> Result<String, DemoFailure> {
        self.set_time("NOW", now());
        let mut text = papers::form(note.form);
        for (place, value) in &self.known {
            text = text.replace(&format!("@{place}@"), value);
        }
        let path = format!("papers/{}.toml", note.file);
        self.stage.write(&path, text.as_bytes())?;
        Ok(path)
    }

    /// Sends a note and waits for the receipt; gives its register number.
    pub(super) async fn send(&mut self, note: Note) -> Result<String, DemoFailure> {
        let path = self.write(note)?;
        let said = self.stage.run(sending(note.from, &path)).await?;
        self.registered(&said)
    }

    /// Sends one note of each side at the same time.
    pub(super) async fn send_both(&mut self, one: Note, other: Note) -> Result<(), DemoFailure> {
        let (first, second) = (self.write(one)?, self.write(other)?);
        let (first, second) = (sending(one.from, &first), sending(other.from, &second));
        self.stage.run_both(first, second).await.map(|_| ())
    }

    /// Reads the newest message at a desk, briefly.
    pub(super) async fn read(&self, side: &Side) -> Result<(), DemoFailure> {
        self.stage.run(Line { shown: BRIEFLY, ..line(side.desk, &["read", "@last"]) }).await.map(|_| ())
    }

    /// Lists what came in at a desk, which fetches it: the acts that follow rest on it.
    pub(super) async fn fetch(&self, side: &Side) -> Result<(), DemoFailure> {
        self.stage.run(Line { shown: 1, last: 8, ..line(side.desk, &["inbox"]) }).await.map(|_| ())
    }

    /// Shows the consultation at both desks.
    pub(super) async fn show(&self, sides: [&Side; 2]) -> Result<(), DemoFailure> {
        let [one, other] = sides;
        let arguments = ["consultation", "show", self.known("CONSULTATION")];
        let shows = |side: &Side| Line { shown: 40, ..line(side.desk, &arguments) };
        self.stage.run_both(shows(one), shows(other)).await.map(|_| ())
    }

    /// Keeps what the registry said of a message.
    pub(super) fn registered(&mut self, said: &Said) -> Result<String, DemoFailure> {
        let all = format!("{}\n{}", said.talk, said.data);
        let missing = |what| DemoFailure::Silent(said.command.clone(), what);
        let words = all.split_whitespace();
        if self.known("CONSULTATION").is_empty() {
            let consultation = words.clone().find(|word| word.starts_with("C-"));
            self.set("CONSULTATION", consultation.ok_or_else(|| missing("the consultation"))?);
        }
        let number = words.skip_while(|word| *word != "registered").nth(1);
        number.map(str::to_owned).ok_or_else(|| missing("the register number"))
    }
}

/// The instant of the machine.
pub(super) fn now() -> Timestamp {
    SystemClock.now()
}

/// So many hours.
pub(super) const fn hours(count: u64) -> Duration {
    Duration::from_secs(count * 3600)
}

fn sending<'p>(from: &Side, path: &'p str) -> Line<'p> {
    line(from.desk, &["send", path, "--wait", "--yes"])
}
