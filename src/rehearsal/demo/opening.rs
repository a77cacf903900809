//! How it begins: XA conveys its position, both open a consultation, and XB registers the cases of two persons.

use crate::rehearsal::demo::cast::{XA, XB, line};
use crate::rehearsal::demo::notes::{Note, Notes, hours, now};
use crate::rehearsal::demo::stage::DemoFailure;

/// The name that the first man gave; it stands in his particulars and nowhere else. Invented.
const FAMILY: &str = "선우";
const GIVEN: &str = "별하솔";

/// XA conveys its position, and XB takes note.
pub(super) async fn convey(notes: &mut Notes<'_>) -> Result<(), DemoFailure> {
    notes.scene("XA conveys its position by note verbale");
    notes.told("An officer fills in the form that `chancery new position-statement --to XB` writes.");
    let path = notes.write(Note::new(&XA, "position"))?;
    notes.stage.run(line(XA.desk, &["check", &path])).await?;
    let sent = notes.stage.run(line(XA.desk, &["send", &path, "--wait", "--yes"])).await?;
    let position = notes.registered(&sent)?;
    notes.set("POSITION", position);
    notes.fetch(&XB).await?;
    let reads = ["read", "@last", "--documents", "xb/documents/position"];
    notes.stage.run(line(XB.desk, &reads)).await?;

    notes.scene("XB takes note of it");
    notes.told("Delivery says nothing of a registry; this does.");
    notes.send(Note::new(&XB, "acknowledgement")).await.map(|_| ())
}

/// The two open a consultation.
pub(super) async fn open(notes: &mut Notes<'_>) -> Result<(), DemoFailure> {
    notes.scene("XB proposes a consultation, and XA accepts");
    notes.told("The proposal says who is who: from now on the rules know who may do what.");
    notes.set_time("UNTIL", now().after(hours(30 * 24)));
    let proposal = notes.send(Note::new(&XB, "proposal")).await?;
    notes.set("PROPOSAL", proposal);
    notes.read(&XA).await?;
    notes.send(Note::new(&XA, "acceptance")).await?;
    notes.read(&XB).await
}

/// XB registers the cases of two persons, while XA gives its assurances.
pub(super) async fn register(notes: &mut Notes<'_>) -> Result<(), DemoFailure> {
    notes.scene("XB registers the cases of two prisoners of war");
    notes.told("Persons go by random references, minted for this consultation alone.");
    for place in ["FIRST", "SECOND"] {
        let consultation = notes.known("CONSULTATION").to_owned();
        let said =
            notes.stage.run(line(XB.desk, &["person", "mint", "--consultation", &consultation])).await?;
        let person = said.data.split_whitespace().next().unwrap_or_default().to_owned();
        notes.set(place, person);
    }
    let case = Note::new(&XB, "case");
    notes.about("FIRST");
    notes.send_both(case.named("case-first"), Note::new(&XA, "assurances")).await?;
    notes.about("SECOND");
    notes.send(case.named("case-second")).await?;

    notes.scene("Whom a reference means");
    notes.told("One act carries a name, sealed from desk to desk. It is shown to an office that asks, and that signs\n\
         for having asked.");
    notes.about("FIRST");
    notes.set("FAMILY", FAMILY);
    notes.set("GIVEN", GIVEN);
    notes.send(Note::new(&XB, "particulars")).await?;
    notes.fetch(&XA).await?;
    let person = notes.known("FIRST").to_owned();
    notes.stage.run(line(XA.desk, &["person", "show", &person, "--names", "--as", "drafting-01"])).await?;
    Ok(())
}
