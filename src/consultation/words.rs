//! The closed vocabularies of the acts: the enums of `proto/chancery/consultation/v1`, term by term, with the
//! comments that stand there. The build writes them, so words, numbers and meanings agree by construction.

use crate::vocabulary;

include!(concat!(env!("OUT_DIR"), "/consultation_words.rs"));

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::consultation::v1 as wire;

    #[test]
    fn terms_bear_the_names_and_numbers_of_the_proto_files() {
        assert_eq!(
            (Reply::AcceptConditionally.number(), Reply::AcceptConditionally.word()),
            (2, "ACCEPT_CONDITIONALLY")
        );
        assert_eq!((PartyRole::Icrc.number(), ExchangeCategory::Age18To25.word()), (7, "AGE_18_TO_25"));
        for number in 0..64 {
            let ours = Route::from_number(number).map(|term| format!("ROUTE_{}", term.word()));
            let theirs = wire::Route::try_from(number).ok().filter(|_| number != 0);
            assert_eq!(ours, theirs.map(|term| term.as_str_name().to_owned()));
        }
    }
}
