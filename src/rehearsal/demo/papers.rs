//! The papers of the demonstration: filled-in forms, with places for what only the consultation itself can tell, and the
//! documents beside them.

use std::io::{Read, Seek};

use crate::digest::Digest;
use crate::message::evidence;
use crate::rehearsal::demo::stage::{DemoFailure, Stage};

/// A form or a document of the demonstration, by the name of its file.
macro_rules! paper {
    ($name:literal) => {
        ($name, include_bytes!(concat!("../../../examples/consultations/news/", $name)).as_slice())
    };
}

/// Forms by their names.
const FORMS: &[(&str, &[u8])] = &[
    paper!("position.toml"),
    paper!("acknowledgement.toml"),
    paper!("proposal.toml"),
    paper!("acceptance.toml"),
    paper!("case.toml"),
    paper!("particulars.toml"),
    paper!("assurances.toml"),
    paper!("will.toml"),
    paper!("protection-xa.toml"),
    paper!("protection-origin.toml"),
    paper!("request.toml"),
    paper!("response.toml"),
    paper!("agreement-note.toml"),
    paper!("agreement-reply.toml"),
    paper!("arrangement.toml"),
    paper!("confirmation.toml"),
    paper!("fitness.toml"),
    paper!("go-xa.toml"),
    paper!("go-xb.toml"),
    paper!("report-xa.toml"),
    paper!("report-xb.toml"),
    paper!("bureau-xa.toml"),
    paper!("bureau-xb.toml"),
];

/// What lies beside the forms.
const DOCUMENTS: &[(&str, &[u8])] = &[
    paper!("annex.pdf"),
    paper!("application.pdf"),
    paper!("statement.txt"),
    paper!("interpreter.txt"),
    paper!("travel.txt"),
    paper!("agreement.en.txt"),
    paper!("agreement.ko.txt"),
    paper!("agreement.uk.txt"),
    paper!("certificate.txt"),
    EFFECTS,
];

/// The inventory of what goes with him.
const EFFECTS: (&str, &[u8]) = paper!("effects.txt");

/// SHA-256 of the inventory of effects, as `sha256sum papers/effects.txt` says it.
pub(super) fn effects_digest() -> String {
    Digest::of(EFFECTS.1).hex()
}

/// Puts the documents into the folder `papers`.
pub(super) fn lay_out(stage: &Stage<'_>) -> Result<(), DemoFailure> {
    DOCUMENTS.iter().try_for_each(|(name, bytes)| stage.write(&format!("papers/{name}"), bytes))
}

/// The form of this name, with its places still empty.
pub(super) fn form(name: &str) -> String {
    let file = format!("{name}.toml");
    let found = FORMS.iter().find(|(known, _)| *known == file);
    found.map(|(_, bytes)| String::from_utf8_lossy(bytes).into_owned()).unwrap_or_default()
}

/// Begins the script: whatever runs must hold, and what needs node is left out where node is not here.
const WITHOUT_US: &str = "\
# Needs openssl 3 and python3 with cryptography; node with `npm install age-encryption` in this folder opens sealed parts.
set -e
python3 -m zipfile -e evidence.zip unpacked
cd unpacked
skips=
node -e 'import(\"age-encryption\").catch(() => process.exit(1))' > /dev/null 2>&1 || skips=1
[ -z \"$skips\" ] || echo 'skipped: node with age-encryption is not here, and no sealed part is opened'
opens() { [ -n \"$skips\" ] || \"$@\"; }
";

/// Begins a command that opens a sealed part, or looks at what was opened.
pub(super) const OPENS: &str = "opens ";

/// The commands of an evidence file's own README as one script: unpack it, check it, and open its parts with
/// the reading key in `xa-reading.agekey`. None where the file has no README.
pub(super) fn commands_without_us(source: impl Read + Seek) -> Option<String> {
    let readme = evidence::readme(source)?;
    let mut script = WITHOUT_US.to_owned();
    let commands = [
        "# XA", "# XB", "names()", "names ", "holds()", "holds ", "cmp ", "grep ", "openssl ", "python3 ",
        "node ",
    ];
    for line in readme.lines().filter(|line| commands.iter().any(|start| line.starts_with(start))) {
        if line.starts_with("node ") || line.contains(".opened ") {
            script.push_str(OPENS);
        }
        script.push_str(&line.replace("IDENTITY", "../xa-reading.agekey"));
        script.push('\n');
    }
    Some(script)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_there_and_says_what_it_is() {
        for (name, _) in FORMS {
            let text = form(name.trim_end_matches(".toml"));
            assert!(text.starts_with("# ") && text.contains("\nkind = \""), "{name}");
        }
    }
}
