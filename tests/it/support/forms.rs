//! Forms as officers fill them in.

use chancery::desk::read::Opened;
use chancery::message::id::MessageId;

/// A note verbale to `to`, Korean with an English courtesy translation.
pub fn note(to: &str, consultation: &str) -> String {
    note_with(to, consultation, "", "")
}

/// The same with further lines in its heading and further tables at its end.
pub fn note_with(to: &str, consultation: &str, heading: &str, tables: &str) -> String {
    format!(
        r#"kind = "correspondence"
to = ["{to}"]
consultation = "{consultation}"
precedence = "ROUTINE"
level = "RESTRICTED"
form = "NOTE_VERBALE"
{heading}

[act]
subject = "Prisoners of war: procedure"

[[text]]
id = "ko"
language = "ko"
standing = "OFFICIAL"
title = "구상서"
words = """
외교부는 귀부에 경의를 표하며, 포로 문제에 관한 협의를 제안하는 바이다.
외교부는 이 기회에 귀부에 최고의 경의를 표하는 바이다.
"""

[[text]]
id = "en"
language = "en"
standing = "COURTESY_TRANSLATION"
title = "Note verbale"
translation_of = "ko"
words = """
The Ministry presents its compliments to the Ministry and proposes consultations on prisoners of war.
The Ministry avails itself of this opportunity to renew the assurances of its highest consideration.
"""
{tables}"#
    )
}

/// A memorandum of a few words: one seal, no formal number, the cheapest message there is.
pub fn memorandum(to: &str, consultation: &str, words: &str) -> String {
    format!(
        r#"kind = "correspondence"
to = ["{to}"]
consultation = "{consultation}"
precedence = "ROUTINE"
level = "RESTRICTED"
form = "MEMORANDUM"

[act]
subject = "Prisoners of war: procedure"

[[text]]
id = "en"
language = "en"
standing = "OFFICIAL"
title = "Memorandum"
words = "{words}"
"#
    )
}

/// What a Power tells of a person: his names, each with its script, the first of them primary.
pub fn particulars(to: &str, consultation: &str, person: &str, names: &[(&str, &str, &str)]) -> String {
    let table = |(index, (family, given, script)): (usize, &(&str, &str, &str))| {
        format!(
            r#"[[act.names]]
family_name = "{family}"
given_name = "{given}"
script = "{script}"
is_primary = {}

"#,
            index == 0
        )
    };
    let names: String = names.iter().enumerate().map(table).collect();
    format!(
        r#"kind = "person-particulars"
to = ["{to}"]
consultation = "{consultation}"
precedence = "ROUTINE"
level = "RESTRICTED"
form = "MEMORANDUM"
caveats = ["PERSONAL_GC3_13"]
eyes_only_roles = ["drafting"]

[act]
person = "{person}"
basis = "GIVEN_UNDER_ART_17"

{names}[[text]]
id = "en"
language = "en"
standing = "OFFICIAL"
title = "Memorandum"
words = "The Ministry transmits the particulars of a person."
"#
    )
}

/// A hold on a person whose identity is in doubt.
pub fn hold(to: &str, consultation: &str, person: &str) -> String {
    format!(
        r#"kind = "hold-notice"
to = ["{to}"]
consultation = "{consultation}"

[act]
persons = ["{person}"]
reason = "IDENTITY"
"#
    )
}

/// The receipt of a registry for a message it has opened.
pub fn registry_receipt(opened: &Opened, number: &str) -> String {
    let header = opened.envelope.header();
    format!(
        r#"kind = "registry-receipt"
to = ["{}"]
consultation = "{}"
precedence = "ROUTINE"
level = "{}"
form = "SERVICE_MESSAGE"
in_reply_to = "{}"

[act]
message_id = "{}"
dispatch_digest = "{}"
registry_number = "{number}"
register_time = 2026-11-22T10:00:00Z
opened = true
"#,
        header.address().sender,
        header.address().consultation,
        header.address().level,
        opened.envelope.id(),
        opened.envelope.id(),
        opened.dispatch.digest(),
    )
}

/// The name by which whole forms refer to a message.
pub fn reference(id: &MessageId) -> String {
    id.to_string()
}
