//! What this desk owes and could not pay: one debt after the other is tried, so that none starves those behind it.
//!
//! Debts enter; what was sent for them leaves, and once at the end every failure. What concerns the whole desk ends it at once:
//! each further debt would only fail alike.

use std::fmt;

use crate::desk::error::DeskError;

/// The failures so far.
#[derive(Default)]
pub(super) struct Unpaid(Vec<DeskError>);

impl Unpaid {
    /// Pays each debt; `pay` says what was sent for it, if anything was. All of that stands in `sent`, whatever became of
    /// the rest.
    pub(super) async fn pay_each<D, S, P: Future<Output = Result<Option<S>, DeskError>>>(
        &mut self,
        debts: impl IntoIterator<Item = D>,
        sent: &mut Vec<S>,
        mut pay: impl FnMut(D) -> P,
    ) -> Result<(), DeskError> {
        for debt in debts {
            match pay(debt).await {
                Ok(paid) => sent.extend(paid),
                Err(failure) => self.note(failure)?,
            }
        }
        Ok(())
    }

    /// How many debts were not paid.
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// All failures as one; one alone as it is.
    pub(super) fn told(mut self) -> Result<(), DeskError> {
        self.take().map_or(Ok(()), Err)
    }

    /// Notes one failure; it ends everything where nothing else could be paid either.
    pub(super) fn note(&mut self, failure: DeskError) -> Result<(), DeskError> {
        let is_last = concerns_the_desk(&failure);
        self.0.push(failure);
        if is_last { self.take().map_or(Ok(()), Err) } else { Ok(()) }
    }

    fn take(&mut self) -> Option<DeskError> {
        let mut failures = std::mem::take(&mut self.0);
        // A ministry that cannot be written to is told of once, however much it is owed.
        let mut said: Vec<String> = Vec::new();
        failures.retain(|failure| {
            let words = failure.to_string();
            let is_new = !said.contains(&words);
            said.extend(is_new.then_some(words));
            is_new
        });
        match failures.len() {
            0 | 1 => failures.pop(),
            _ => Some(DeskError::Owed(failures)),
        }
    }
}

/// Whether nothing else could be paid either.
fn concerns_the_desk(failure: &DeskError) -> bool {
    use DeskError as Failure;
    matches!(
        failure,
        Failure::Locked
            | Failure::Key(_)
            | Failure::NoOffice(_)
            | Failure::Config(_)
            | Failure::Register(_)
            | Failure::RegisterBehind { .. }
            | Failure::File { .. }
            | Failure::GatewayAway(_)
            | Failure::GatewayRolledBack { .. }
    )
}

impl fmt::Debug for Unpaid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Unpaid({})", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk::register::RegisterFault;
    use crate::trust::name::Ministry;

    fn suspended() -> DeskError {
        DeskError::Trust("the channel is suspended".to_owned())
    }

    fn not_accredited() -> DeskError {
        DeskError::NotAccredited(Ministry::parse("XB").unwrap())
    }

    /// Pays debts of these outcomes; how many were tried, and what came of it.
    async fn paid(
        unpaid: &mut Unpaid,
        debts: Vec<Result<bool, DeskError>>,
    ) -> (usize, Result<usize, DeskError>) {
        let mut tried = 0;
        let pay = |debt: Result<bool, DeskError>| {
            tried += 1;
            std::future::ready(debt.map(|is_sent| is_sent.then_some(())))
        };
        let mut sent = Vec::new();
        let outcome = unpaid.pay_each(debts, &mut sent, pay).await;
        (tried, outcome.map(|()| sent.len()))
    }

    #[tokio::test]
    async fn a_debt_that_cannot_be_paid_starves_none_behind_it_and_every_failure_is_told_once() {
        let mut unpaid = Unpaid::default();
        let debts =
            vec![Err(suspended()), Ok(true), Err(not_accredited()), Err(suspended()), Ok(false), Ok(true)];
        let (tried, outcome) = paid(&mut unpaid, debts).await;
        assert_eq!((tried, outcome.unwrap(), unpaid.count()), (6, 2, 3));
        let told = unpaid.told().unwrap_err().to_string();
        assert_eq!(told, "the channel is suspended; XB is not accredited at this desk");
    }

    #[tokio::test]
    async fn one_failure_is_told_as_it_is_and_none_is_told_where_all_was_paid() {
        let mut unpaid = Unpaid::default();
        paid(&mut unpaid, vec![Err(not_accredited()), Ok(true)]).await.1.unwrap();
        assert!(matches!(unpaid.told(), Err(DeskError::NotAccredited(_))));
        let mut unpaid = Unpaid::default();
        assert_eq!(paid(&mut unpaid, vec![Ok(true), Ok(true)]).await.1.unwrap(), 2);
        unpaid.told().unwrap();
    }

    #[tokio::test]
    async fn what_concerns_the_whole_desk_ends_it_and_what_failed_before_is_told_with_it() {
        let broken = || DeskError::Register(RegisterFault::Damaged("a row"));
        for failure in [DeskError::Locked, broken(), DeskError::GatewayAway("no route".to_owned())] {
            let words = failure.to_string();
            let debts = vec![Err(suspended()), Err(failure), Ok(true)];
            let (tried, outcome) = paid(&mut Unpaid::default(), debts).await;
            let told = outcome.unwrap_err().to_string();
            assert_eq!((tried, told), (2, format!("the channel is suspended; {words}")));
        }
    }
}
