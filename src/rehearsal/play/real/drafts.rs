//! What a step says, as an officer's form would say it: the desk composes it from there like any other draft.

use std::fs;
use std::path::{Path, PathBuf};

use super::super::dispatch;
use super::super::ground::{Cue, Halt};
use crate::consultation::acts::values::EntryId;
use crate::consultation::text::ShortText;
use crate::desk::form::draft::{
    ConsultationChoice, Draft, DraftAct, DraftDocument, DraftText, Reference, Referenced, TextSource,
};
use crate::desk::rehearsed::Directions;
use crate::message::dispatch::ExpectedAuthentication;
use crate::message::terms::{AuthenticationKind, DocumentClass};
use crate::rehearsal::script::Paper;
use crate::trust::name::Name;
use crate::trust::policy::ChannelId;

/// The draft of a step, whose documents are written into `folder`, and what its desk is directed to.
pub(super) fn draft(cue: &Cue<'_>, channel: &ChannelId, folder: &Path) -> Result<(Draft, Directions), Halt> {
    let (script, say) = (cue.script, cue.say);
    let unspeakable = |cause: &str| Halt::Unspeakable(cause.to_owned());
    let address = dispatch::address(script, say).ok_or_else(|| unspeakable("nobody is addressed"))?;
    let party = script.parties.iter().find(|party| party.ministry == say.sender);
    let party = party.ok_or_else(|| unspeakable("the sender takes no part"))?;
    let form = dispatch::form(say);
    let authentications = dispatch::signatures(party, say, form, cue.act.class());
    let mut marking = dispatch::marking(say, cue.papers);
    marking.caveats.sort();
    let short = |text: String| ShortText::new(text).map_err(|fault| Halt::Unspeakable(fault.to_string()));
    let (texts, documents) = papers(cue.papers, folder)?;
    let draft = Draft {
        addressees: address.addressees,
        channel: Some(channel.clone()),
        consultation: ConsultationChoice::Known(script.consultation),
        precedence: address.precedence,
        level: address.level,
        national_label: None,
        caveats: marking.caveats,
        releasable_to: Some(address.releasable_to),
        eyes_only_roles: marking.eyes_only_roles.into_iter().map(short).collect::<Result<_, _>>()?,
        form,
        formal_number: None,
        reply_due: None,
        valid_until: None,
        in_reply_to: cue.in_reply_to.map(|message_id| Reference {
            text: message_id.to_string(),
            message: Referenced {
                message_id,
                dispatch_digest: None,
                known: true,
                consultation: Some(script.consultation),
            },
        }),
        relayed_on_behalf_of: say.marks.relayed_on_behalf_of.clone(),
        drafting_office: drafter(&authentications).map(short).transpose()?,
        texts,
        documents,
        act: DraftAct::Complete(cue.act.clone()),
        left_out: Vec::new(),
        supplied: Vec::new(),
    };
    let basis = (!say.unaware_of.is_empty()).then(|| cue.basis.basis());
    Ok((draft, Directions { authentications, basis, act_number: cue.number }))
}

fn drafter(authentications: &[ExpectedAuthentication]) -> Option<String> {
    let drafting = authentications.iter().find(|one| one.kind == AuthenticationKind::Draft)?;
    match &drafting.credential {
        Name::Office { label, .. } => Some(label.to_string()),
        _ => None,
    }
}

/// Texts stand in the form, documents in files beside it.
fn papers(papers: &[Paper], folder: &Path) -> Result<(Vec<DraftText>, Vec<DraftDocument>), Halt> {
    let (mut texts, mut documents) = (Vec::new(), Vec::new());
    let fault = |fault: crate::consultation::fault::Fault| Halt::Unspeakable(fault.to_string());
    for (number, paper) in papers.iter().enumerate() {
        let id = |text: &str| EntryId::parse(text).map_err(fault);
        let translation_of = match paper.translation_of.as_str() {
            "" => None,
            original => Some(id(original)?),
        };
        let title = ShortText::new(paper.title.clone()).map_err(fault)?;
        if paper.class == DocumentClass::DiplomaticText && paper.media_type == "text/plain" {
            texts.push(DraftText {
                document_id: id(&paper.id)?,
                language: paper.language.clone(),
                standing: paper.standing,
                title,
                source: TextSource::Inline(paper.words.clone()),
                translation_of,
            });
            continue;
        }
        let path = written(folder, number, &paper.words)?;
        documents.push(DraftDocument {
            document_id: id(&paper.id)?,
            path: path.to_string_lossy().into_owned(),
            title,
            class: paper.class,
            standing: paper.standing,
            language: paper.language.clone(),
            media_type: paper.media_type.clone(),
            translation_of,
            deposit: None,
        });
    }
    Ok((texts, documents))
}

fn written(folder: &Path, number: usize, words: &str) -> Result<PathBuf, Halt> {
    let path = PathBuf::from(format!("paper-{number}"));
    let failed = |cause: std::io::Error| Halt::Failed(format!("{}: {cause}", folder.display()));
    fs::create_dir_all(folder).map_err(failed)?;
    fs::write(folder.join(&path), words).map_err(failed)?;
    Ok(path)
}
