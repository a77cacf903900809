//! From what the two persons want to the agreement that lets them go: their will, what they have to fear, the request
//! and its answer, and an exchange of notes in three languages.

use crate::rehearsal::demo::cast::{XA, XB, line, refused};
use crate::rehearsal::demo::notes::{Note, Notes, hours, now};
use crate::rehearsal::demo::stage::{DemoFailure, Line, Prompt};

/// Both men say what they want; XB assesses what they have to fear.
pub(super) async fn wishes(notes: &mut Notes<'_>) -> Result<(), DemoFailure> {
    notes.scene("Both say in private where they want to go");
    notes.told(
        "It was explained to them a week ago; they wrote it down five days ago, before a neutral witness. The forms\n\
         leave the consultation out: the desk looks it up from the person.",
    );
    notes.set("AGAIN", "false");
    notes.set_time("INFORMED", now().before(hours(7 * 24)));
    notes.set_time("DECLARED", now().before(hours(5 * 24)));
    let will = Note::new(&XB, "will");
    for (person, file) in [("FIRST", "will-first"), ("SECOND", "will-second")] {
        notes.about(person);
        notes.send(will.named(file)).await?;
    }

    notes.scene("What they have to fear, where");
    notes.told("Nothing in XA. A return to the Power of origin is barred, whatever anybody agrees.");
    let clear = Note::new(&XB, "protection-xa");
    for (person, file) in [("FIRST", "protection-first"), ("SECOND", "protection-second")] {
        notes.about(person);
        notes.send(clear.named(file)).await?;
    }
    notes.about("FIRST");
    notes.send(Note::new(&XB, "protection-origin")).await.map(|_| ())
}

/// XA asks for both; XB accepts on a condition.
pub(super) async fn request(notes: &mut Notes<'_>) -> Result<(), DemoFailure> {
    notes.scene("XA requests the transfer of both, with documents");
    notes.told(
        "The assurances that it rests on are the last ones of XA: the desk fills them in, and says so.",
    );
    notes.fetch(&XA).await?;
    let request = notes.send(Note::new(&XA, "request")).await?;
    notes.set("REQUEST", request);
    notes.told(
        "Two of its documents identify a person: an office that may know asks for them, and signs for that.",
    );
    let asks = ["--names", "--as", "drafting-01"];
    let reads = [["read", "@last", "--documents"].as_slice(), &["xb/documents/request"], &asks].concat();
    notes.stage.run(line(XB.desk, &reads)).await?;

    notes.scene("XB accepts on a condition");
    notes.told("Each has to say it once more, anew and freely, before he goes.");
    notes.send(Note::new(&XB, "response")).await?;
    notes.read(&XA).await
}

/// An agreement by exchange of notes.
pub(super) async fn agree(notes: &mut Notes<'_>) -> Result<(), DemoFailure> {
    notes.scene("XB drafts the agreement; it goes from office to office");
    notes.told(
        "The terms pin the statement of will and the assessment of each person, and the digests of the texts in\n\
         English, Korean and Ukrainian. Nobody releases what he drafted.",
    );
    notes.set_time("UNTIL", now().after(hours(5 * 24)));
    let path = notes.write(Note::new(&XB, "agreement-note"))?;
    let draft = "papers/agreement-note.draft";
    notes.stage.run(line(XB.desk, &["draft", "compose", &path])).await?;
    notes.told("The registry does not release what is not cleared:");
    notes.stage.run(refused(4, XB.desk, &["draft", "release", draft, "--yes"])).await?;
    for (name, office) in [
        ("xb-legal$", "legal-01"),
        ("xb-head$", "head"),
        ("xb-releasing$", "releasing-01"),
        ("xb-seal$", "seal"),
    ] {
        let signs = ["draft", "sign", draft, "--office", office, "--yes"];
        let prompt = Prompt { name, ..XB.desk };
        // What is signed is shown to every office again; the audience sees it once.
        let shown = if office == "legal-01" { 24 } else { 0 };
        notes.stage.run(Line { shown, last: 7, ..line(prompt, &signs) }).await?;
    }
    let released = notes.stage.run(line(XB.desk, &["draft", "release", draft, "--wait", "--yes"])).await?;
    let note = notes.registered(&released)?;
    notes.set("AGREEMENT", note);

    notes.scene("XA concludes it: the same terms byte for byte, the same three texts");
    notes.told("Where one passphrase opens all offices, `send` goes the same road at once.");
    notes.read(&XA).await?;
    notes.send(Note::new(&XA, "agreement-reply")).await?;
    notes.read(&XB).await
}
