//! Words of a hint that stand for folders which only whoever types it knows: `GATEWAY`, `DESK` and `ROOT`.
//!
//! An error with its hint enters; the same error leaves, and says what each such word stands for. Typed as they stand they
//! name folders that are not there, and nobody is led to found those.

use super::error::CliError;

/// Each with what is to be typed in its place.
const MEANINGS: [(&str, &str); 3] = [
    ("DESK", "DESK stands for the folder of the desk on its host, which `chancery init desk` has made"),
    (
        "GATEWAY",
        "GATEWAY stands for the folder of the gateway on its host, which `chancery init gateway` has made",
    ),
    ("ROOT", "ROOT stands for the offline folder of the ministry, which `chancery init ministry` has made"),
];

/// What a word stands for, if it is one of these.
pub(super) fn meaning(word: &str) -> Option<&'static str> {
    MEANINGS.iter().find(|(placeholder, _)| *placeholder == word).map(|(_, meaning)| *meaning)
}

/// The error with what the words of its hint stand for, each told once.
pub(super) fn explained(error: CliError) -> CliError {
    let hint = error.hint_command().unwrap_or_default().to_owned();
    // Of `GATEWAY/trust/desk-access.crl` the first part is one.
    let named = hint.split(' ').filter_map(|word| meaning(word.split('/').next()?));
    named.fold(error, |error, meaning| {
        let is_told = error.causes().iter().any(|cause| cause == meaning);
        if is_told { error } else { error.cause(meaning) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_of_a_hint_that_stands_for_a_folder_is_explained_once() {
        let told =
            |hint: &str| explained(CliError::failed("any", "it does not go").hint(hint)).causes().to_vec();
        assert_eq!(told("chancery --home GATEWAY doctor"), [meaning("GATEWAY").unwrap()]);
        let both = told(
            "chancery trust sign --ministry-home ROOT --gateway GATEWAY --desk DESK --desk DESK -o FILE",
        );
        assert_eq!(both, ["ROOT", "GATEWAY", "DESK"].map(|word| meaning(word).unwrap()));
        assert_eq!(told("cp xa.crl GATEWAY/trust/desk-access.crl").len(), 1);
        for plain in ["chancery --home xa/gateway doctor", "chancery inbox --home DIR", "ls -la DESKS"] {
            assert!(told(plain).is_empty(), "{plain}");
        }
        let bare = explained(CliError::failed("any", "it does not go"));
        assert!(bare.causes().is_empty());
    }
}
