//! From the arrangement to the gate. Two are to go; one withdraws at night, and from then on nothing moves him; the other
//! says it again, is cleared by both and handed over.

use crate::rehearsal::demo::cast::{DUTY, XA, XB, line, refused};
use crate::rehearsal::demo::notes::{Note, Notes, hours, now};
use crate::rehearsal::demo::stage::{DemoFailure, Line};

/// XB arranges the handover, XA confirms, and nobody may leave yet.
pub(super) async fn arrange(notes: &mut Notes<'_>) -> Result<(), DemoFailure> {
    notes.scene("The handover is arranged and confirmed");
    notes.told(
        "Both men were told yesterday; the window opens now. (The clock is the real one:\n\
         days are in the facts.)",
    );
    let begin = now();
    notes.set_time("NOTICE", begin.before(hours(25)));
    notes.set_time("BEGIN", begin);
    notes.set_time("END", begin.after(hours(6)));
    let arrangement = notes.send(Note::new(&XB, "arrangement")).await?;
    notes.set("ARRANGEMENT", arrangement);
    notes.read(&XA).await?;
    notes.send(Note::new(&XA, "confirmation")).await?;

    notes.scene("May they leave? No, and why not");
    notes.told("Five days are too long for a last word; nobody certified fitness; nobody gave the GO.");
    clear_to_depart(notes, "FIRST", 6).await
}

/// The second man says no, to whoever is on duty.
pub(super) async fn withdraw(notes: &mut Notes<'_>) -> Result<(), DemoFailure> {
    notes.scene("At night the second man says no");
    notes.told("One duty officer sends it, FLASH. It asks for nothing but the person: no reason, no form, no clearance.");
    let person = notes.known("SECOND").to_owned();
    let said = notes.stage.run(line(DUTY, &["withdraw", &person, "--wait", "--yes"])).await?;
    let withdrawal = notes.registered(&said)?;
    notes.read(&XA).await?;
    notes.told("In the morning another office stands behind it; it counts without that too.");
    notes.stage.run(line(XB.desk, &["countersign", &withdrawal, "--wait", "--yes"])).await?;
    notes.fetch(&XA).await?;
    notes.told(
        "Everything stops for him. XA confirms the list once more, knowing it, and a rule refuses that:",
    );
    let again = ["send", "papers/confirmation.toml", "--yes"];
    notes.stage.run(refused(2, XA.desk, &again)).await?;
    clear_to_depart(notes, "SECOND", 6).await
}

/// The first man says it again; both Powers give their GO.
pub(super) async fn clear(notes: &mut Notes<'_>) -> Result<(), DemoFailure> {
    notes.scene("The first man says it again, and is fit to travel");
    notes.set("AGAIN", "true");
    notes.set_time("INFORMED", now().before(hours(25)));
    notes.set_time("DECLARED", now());
    notes.about("FIRST");
    notes.send(Note::new(&XB, "will").named("will-again")).await?;
    notes.send(Note::new(&XB, "fitness")).await?;

    notes.scene("GO of both");
    notes.told(
        "Each says how much it knew (synced_to): a withdrawal that one of them had and the other\n\
         had not stops the convoy.",
    );
    notes.fetch(&XA).await?;
    notes.send_both(Note::new(&XB, "go-xb"), Note::new(&XA, "go-xa")).await?;

    notes.scene("May they leave now? One may");
    clear_to_depart(notes, "FIRST", 0).await?;
    clear_to_depart(notes, "SECOND", 6).await
}

/// Both report what they saw at the gate.
pub(super) async fn hand_over(notes: &mut Notes<'_>) -> Result<(), DemoFailure> {
    notes.scene("One is handed over; both report, and the reports match");
    notes.told("A report says what its sender knew: XA looks for the GO of XB first.");
    notes.fetch(&XA).await?;
    notes.send_both(Note::new(&XB, "report-xb"), Note::new(&XA, "report-xa")).await?;
    notes.scene("The Information Bureaux are told");
    notes.told("GC III Art. 122. What more would tell could harm him; both say so.");
    notes.send_both(Note::new(&XB, "bureau-xb"), Note::new(&XA, "bureau-xa")).await?;
    notes.scene("Where both cases stand, at either desk");
    notes.show([&XB, &XA]).await?;
    notes.told("Every act in order, with its verdict:");
    let timeline = ["consultation", "show", notes.known("CONSULTATION"), "--timeline"];
    notes.stage.run(Line { shown: 40, ..line(XB.desk, &timeline) }).await.map(|_| ())
}

/// Asks the desk that holds the person.
async fn clear_to_depart(notes: &Notes<'_>, place: &str, code: i32) -> Result<(), DemoFailure> {
    let asked = ["clear-to-depart", notes.known(place)];
    notes.stage.run(refused(code, XB.desk, &asked)).await.map(|_| ())
}
