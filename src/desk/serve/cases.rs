//! Consultations and cases as the casebook folds them, and whether somebody may depart.

use std::collections::BTreeSet;
use std::sync::Arc;

use tonic::Code;

use super::pages::{self, Mask, Pages};
use super::refusals::Refused;
use super::{Service, picking};
use crate::consultation::acts::values::EntryId;
use crate::consultation::history::Past;
use crate::consultation::reference::{ConsultationId, PersonRef};
use crate::consultation::state::guard::Stop;
use crate::consultation::state::next_steps::{self, Step};
use crate::consultation::state::{opening, stage};
use crate::desk::casebook::Folded;
use crate::desk::refill::Asked;
use crate::limits;
use crate::proto::desk::v1 as wire;
use crate::time::Timestamp;
use crate::trust::name::Ministry;

/// Names all consultations where cases are listed.
const EVERY_CONSULTATION: &str = "consultations/-";

impl Service {
    /// Lists consultations.
    pub(super) fn list_consultations(
        &self,
        request: &wire::ListConsultationsRequest,
    ) -> Result<wire::ListConsultationsResponse, Refused> {
        let size = pages::size(request.page_size)?;
        let mask = Mask::parse(request.read_mask.clone(), picking::CONSULTATION_FIELDS)?;
        let wanted = picking::Consultations::read(request)?;
        let filter = wire::ListConsultationsRequest {
            page_token: String::new(),
            page_size: 0,
            read_mask: None,
            ..request.clone()
        };
        let pages = Pages::of_message("consultations", &filter);
        let mut last = pages.place(&request.page_token)?.unwrap_or_default();
        let trust = self.trust()?;
        let index = self.desk.casebook(&trust, &self.keys)?;
        let after = last.clone();
        let (mut consultations, mut looked) = (Vec::new(), 0_usize);
        for id in index.consultations().iter().filter(|id| **id > after) {
            // Each is folded to be looked at: a page may be short although there are more.
            if consultations.len() >= size || looked >= limits::PAGE_MAX {
                let next_page_token = pages.token(&last);
                return Ok(wire::ListConsultationsResponse { consultations, next_page_token });
            }
            looked = looked.saturating_add(1);
            last.clone_from(id);
            let folded = self.desk.consultation_of(&trust, &self.keys, id)?;
            let overview = self.overview(&folded, index.unopened_in(id));
            if wanted.takes(&overview) {
                consultations.push(picking::consultation(overview, &mask));
            }
        }
        Ok(wire::ListConsultationsResponse { consultations, next_page_token: String::new() })
    }

    /// Shows one.
    pub(super) fn get_consultation(
        &self,
        request: wire::GetConsultationRequest,
    ) -> Result<wire::Consultation, Refused> {
        let mask = Mask::parse(request.read_mask, picking::CONSULTATION_FIELDS)?;
        let (folded, unopened) = self.folded(&request.name, "name")?;
        Ok(picking::consultation(self.overview(&folded, unopened), &mask))
    }

    /// Lists the cases of one, or of all.
    pub(super) fn list_cases(
        &self,
        request: &wire::ListCasesRequest,
    ) -> Result<wire::ListCasesResponse, Refused> {
        let size = pages::size(request.page_size)?;
        let mask = Mask::parse(request.read_mask.clone(), picking::CASE_FIELDS)?;
        let wanted = picking::Cases::read(request)?;
        let filter = wire::ListCasesRequest {
            page_token: String::new(),
            page_size: 0,
            read_mask: None,
            ..request.clone()
        };
        let pages = Pages::of_message("cases", &filter);
        let mut last = pages.place(&request.page_token)?.unwrap_or_default();
        let (begun, after) = last.split_once('/').unwrap_or_default();
        let (begun, after) = (begun.to_owned(), after.to_owned());
        let (mut cases, mut looked) = (Vec::new(), 0_usize);
        for consultation in self.consultations_under(&request.parent)?.iter().filter(|id| **id >= begun) {
            if *consultation != begun {
                last = format!("{consultation}/");
            }
            if looked >= limits::PAGE_ROWS_MAX {
                return Ok(wire::ListCasesResponse { cases, next_page_token: pages.token(&last) });
            }
            // To fold one takes as long as to look at some cases.
            looked = looked.saturating_add(limits::PAGE_DEFAULT);
            let folded = self.desk.consultation_of(&*self.trust()?, &self.keys, consultation)?;
            let past = folded.book.everything();
            let mut persons: Vec<(String, PersonRef)> =
                past.persons().map(|person| (person.text(), person)).collect();
            persons.sort_by(|(one, _), (other, _)| one.cmp(other));
            persons.retain(|(text, _)| wanted.concerns(text) && (*consultation != begun || *text > after));
            for (text, person) in &persons {
                if cases.len() >= size || looked >= limits::PAGE_ROWS_MAX {
                    let next_page_token = pages.token(&last);
                    return Ok(wire::ListCasesResponse { cases, next_page_token });
                }
                looked = looked.saturating_add(1);
                last = format!("{consultation}/{text}");
                let case = self.case(&folded, &past, person);
                if wanted.takes(&case) {
                    cases.push(picking::case(case, &mask));
                }
            }
        }
        Ok(wire::ListCasesResponse { cases, next_page_token: String::new() })
    }

    /// The consultation of this name, or all of them, ascending.
    fn consultations_under(&self, parent: &str) -> Result<BTreeSet<String>, Refused> {
        match parent {
            EVERY_CONSULTATION => {
                Ok(self.desk.casebook(&*self.trust()?, &self.keys)?.consultations().clone())
            }
            one => Ok(BTreeSet::from([self.folded(one, "parent")?.0.consultation.clone()])),
        }
    }

    /// Shows one case.
    pub(super) fn get_case(&self, request: wire::GetCaseRequest) -> Result<wire::Case, Refused> {
        let wrong = || {
            let message = "consultations/C-.../cases/P-... is expected";
            Refused::field("name", "INVALID_NAME", message)
        };
        let mask = Mask::parse(request.read_mask, picking::CASE_FIELDS)?;
        let (parent, person) = request.name.split_once("/cases/").ok_or_else(wrong)?;
        let person = PersonRef::parse(person).map_err(|_| wrong())?;
        let (folded, _) = self.folded(parent, "name")?;
        let past = folded.book.everything();
        if !past.persons().any(|known| known == person) {
            return Err(no_person());
        }
        Ok(picking::case(self.case(&folded, &past, &person), &mask))
    }

    fn folded(&self, name: &str, field: &str) -> Result<(Arc<Folded>, u64), Refused> {
        let wrong = || Refused::field(field, "INVALID_NAME", "consultations/C-... is expected");
        let id = name.strip_prefix("consultations/").ok_or_else(wrong)?;
        let id = ConsultationId::parse(id).map_err(|_| wrong())?.text();
        let trust = self.trust()?;
        let folded = self.desk.consultation_of(&trust, &self.keys, &id)?;
        let unopened = self.desk.casebook(&trust, &self.keys)?.unopened_in(&id);
        if folded.kept.is_empty() && unopened == 0 {
            let message = "no message of this consultation is at this desk";
            return Err(Refused::new(Code::NotFound, "NO_SUCH_CONSULTATION", message));
        }
        Ok((folded, unopened))
    }

    fn overview(&self, folded: &Folded, unopened: u64) -> wire::Consultation {
        let (past, now) = (folded.book.everything(), self.desk.clock.now());
        let proposal = opening::consultation(&past, now);
        let party = |ministry: &Ministry| wire::ConsultationParty {
            ministry: ministry.to_string(),
            roles: opening::roles(&past, ministry).iter().map(|role| role.word().to_owned()).collect(),
        };
        let mut cases: Vec<String> =
            past.persons().map(|person| case_name(&folded.consultation, &person)).collect();
        cases.sort();
        wire::Consultation {
            name: format!("consultations/{}", folded.consultation),
            state: opening::state(&past, now).word().to_owned(),
            subject: proposal.map(|one| one.act.subject.as_str().to_owned()).unwrap_or_default(),
            parties: folded.book.charter().parties.iter().map(party).collect(),
            acts: folded.book.history().len() as u64,
            waiting: folded.book.waiting().count().saturating_add(folded.count_turned_away()) as u64,
            not_understood: past.not_understood().count() as u64,
            unopened,
            cases,
        }
    }

    fn case(&self, folded: &Folded, past: &Past<'_>, person: &PersonRef) -> wire::Case {
        let (now, charter) = (self.desk.clock.now(), folded.book.charter());
        let reached = stage::stage(past, person, now, charter);
        let steps = next_steps::of_person(past, person, now, charter);
        wire::Case {
            name: case_name(&folded.consultation, person),
            stage: reached.reached.to_string(),
            shown: reached.shown().to_string(),
            stops: reached.stops.iter().map(|facet| facet.word().to_owned()).collect(),
            next_steps: steps.iter().map(step).collect(),
        }
    }

    /// Whether a person may leave now. Everything that was not looked at says no.
    pub(super) async fn check_departure(
        self: Arc<Self>,
        request: wire::CheckDepartureRequest,
    ) -> Result<wire::CheckDepartureResponse, Refused> {
        let invalid =
            |field: &'static str| move |_| Refused::field(field, "FIELD_INVALID", "it is not readable");
        let person = PersonRef::parse(&request.person).map_err(invalid("person"))?;
        let arrangement = Some(request.arrangement.as_str()).filter(|id| !id.is_empty());
        let arrangement = arrangement.map(EntryId::parse).transpose().map_err(invalid("arrangement"))?;
        let asked = self.ask_now().await;
        self.apart(move |service| service.departure(person, arrangement, asked.as_ref())).await
    }

    fn departure(
        &self,
        person: PersonRef,
        arrangement: Option<EntryId>,
        asked: Option<&Asked>,
    ) -> Result<wire::CheckDepartureResponse, Refused> {
        let trust = self.trust()?;
        let answer = self.desk.departure(&trust, &self.keys, &person, arrangement, asked)?;
        Ok(wire::CheckDepartureResponse {
            clear: answer.is_clear(),
            case_name: case_name(&answer.home.text(), &person),
            arrangement: answer.arrangement.map(|id| id.as_str().to_owned()).unwrap_or_default(),
            check_time: answer.asked.seconds(),
            stops: answer.stops.iter().map(stop).collect(),
            not_looked_at: answer.not_looked_at,
        })
    }
}

fn step(step: &Step) -> wire::NextStep {
    wire::NextStep {
        ministries: step.who.iter().map(ToString::to_string).collect(),
        act: step.act.word().to_owned(),
        due_time: step.by.map_or(0, Timestamp::seconds),
        blocked: step.blocked.iter().map(stop).collect(),
    }
}

fn stop(stop: &Stop) -> wire::RuleStop {
    wire::RuleStop { rule: stop.rule.word().to_owned(), because: stop.because.clone() }
}

fn case_name(consultation: &str, person: &PersonRef) -> String {
    format!("consultations/{consultation}/cases/{}", person.text())
}

fn no_person() -> Refused {
    Refused::new(Code::NotFound, "NO_SUCH_PERSON", "no consultation at this desk speaks of this person")
}
