//! Consultations and cases as the casebook folds them, and whether somebody may depart.

use std::sync::Arc;

use tonic::Code;

use super::Service;
use super::pages::{self, Pages};
use super::refusals::Refused;
use crate::consultation::acts::values::EntryId;
use crate::consultation::history::Past;
use crate::consultation::reference::{ConsultationId, PersonRef};
use crate::consultation::state::guard::Stop;
use crate::consultation::state::next_steps::{self, Step};
use crate::consultation::state::{opening, stage};
use crate::desk::casebook::Folded;
use crate::desk::refill::Asked;
use crate::proto::desk::v1 as wire;
use crate::time::Timestamp;
use crate::trust::name::Ministry;

impl Service {
    /// Lists consultations.
    pub(super) fn list_consultations(
        &self,
        request: &wire::ListConsultationsRequest,
    ) -> Result<wire::ListConsultationsResponse, Refused> {
        let size = pages::size(request.page_size)?;
        let pages = Pages::of("consultations", &[]);
        let after = pages.place(&request.page_token)?.unwrap_or_default();
        let trust = self.trust()?;
        let index = self.desk.casebook(&trust, &self.keys)?;
        let mut wanted = index.consultations().iter().filter(|id| **id > after);
        let page: Vec<&String> = wanted.by_ref().take(size).collect();
        let next_page_token = match (page.last(), wanted.next()) {
            (Some(last), Some(_)) => pages.token(last),
            _ => String::new(),
        };
        let each = page.iter().map(|id| {
            let folded = self.desk.consultation_of(&trust, &self.keys, id)?;
            Ok(self.overview(&folded, index.unopened_in(id)))
        });
        let consultations = each.collect::<Result<Vec<_>, Refused>>()?;
        Ok(wire::ListConsultationsResponse { consultations, next_page_token })
    }

    /// Shows one.
    pub(super) fn get_consultation(&self, name: &str) -> Result<wire::Consultation, Refused> {
        let (folded, unopened) = self.folded(name, "name")?;
        Ok(self.overview(&folded, unopened))
    }

    /// Lists the cases of one.
    pub(super) fn list_cases(
        &self,
        request: &wire::ListCasesRequest,
    ) -> Result<wire::ListCasesResponse, Refused> {
        let size = pages::size(request.page_size)?;
        let pages = Pages::of("cases", &[&request.parent]);
        let after = pages.place(&request.page_token)?.unwrap_or_default();
        let (folded, _) = self.folded(&request.parent, "parent")?;
        let past = folded.book.everything();
        let mut persons: Vec<PersonRef> = past.persons().collect();
        persons.sort_by_key(PersonRef::text);
        let mut wanted = persons.into_iter().filter(|person| person.text() > after);
        let page: Vec<PersonRef> = wanted.by_ref().take(size).collect();
        let next_page_token = match (page.last(), wanted.next()) {
            (Some(last), Some(_)) => pages.token(&last.text()),
            _ => String::new(),
        };
        let cases = page.iter().map(|person| self.case(&folded, &past, person)).collect();
        Ok(wire::ListCasesResponse { cases, next_page_token })
    }

    /// Shows one case.
    pub(super) fn get_case(&self, name: &str) -> Result<wire::Case, Refused> {
        let wrong = || {
            let message = "consultations/C-.../cases/P-... is expected";
            Refused::field("name", "INVALID_NAME", message)
        };
        let (parent, person) = name.split_once("/cases/").ok_or_else(wrong)?;
        let person = PersonRef::parse(person).map_err(|_| wrong())?;
        let (folded, _) = self.folded(parent, "name")?;
        let past = folded.book.everything();
        if !past.persons().any(|known| known == person) {
            return Err(no_person());
        }
        Ok(self.case(&folded, &past, &person))
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
