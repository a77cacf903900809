//! The closed vocabularies of the acts, with the words of `proto/chancery/consultation/v1`.

use crate::vocabulary;

vocabulary! {
    /// Answer of a Power to what another Power put to it.
    pub enum Reply {
        /// Accepted as put.
        Accept = 1 "ACCEPT",
        /// Accepted once the conditions named are met.
        AcceptConditionally = 2 "ACCEPT_CONDITIONALLY",
        /// Declined.
        Decline = 3 "DECLINE",
        /// Neither accepted nor declined yet.
        Defer = 4 "DEFER",
    }
}

vocabulary! {
    /// What a party is in a consultation, in the words of the Third Convention.
    pub enum PartyRole {
        /// Detaining Power (GC III Art. 12).
        DetainingPower = 1 "DETAINING_POWER",
        /// Power that asks to receive, is transferee, or offers settlement (GC III Art. 12(2)).
        ReceivingPower = 2 "RECEIVING_POWER",
        /// Power on which the prisoners of war depend (GC III Art. 4).
        PowerOfOrigin = 3 "POWER_OF_ORIGIN",
        /// Neutral Power (GC III Arts 109 to 111).
        NeutralPower = 4 "NEUTRAL_POWER",
        /// Hosts or carries proposals (GC III Art. 11).
        Intermediary = 5 "INTERMEDIARY",
        /// Protecting Power or its substitute (GC III Arts 8, 10).
        ProtectingPower = 6 "PROTECTING_POWER",
        /// International Committee of the Red Cross (GC III Arts 9, 123, 126).
        Icrc = 7 "ICRC",
        /// United Nations High Commissioner for Refugees (CSR 1951 Art. 35).
        Unhcr = 8 "UNHCR",
    }
}

vocabulary! {
    /// What a position comes to.
    pub enum PositionKind {
        /// Willing to admit them.
        WillingToAdmit = 1 "WILLING_TO_ADMIT",
        /// Willing to release them.
        WillingToRelease = 2 "WILLING_TO_RELEASE",
        /// Reserves its position.
        Reserves = 3 "RESERVES",
        /// Objects.
        Objects = 4 "OBJECTS",
        /// States how it reads a provision.
        Interpretation = 5 "INTERPRETATION",
    }
}

vocabulary! {
    /// What kind of place a destination is.
    pub enum DestinationKind {
        /// The Power on which the person depends.
        PowerOfOrigin = 1 "POWER_OF_ORIGIN",
        /// A State named by its code.
        NamedState = 2 "NAMED_STATE",
        /// The territory of the Detaining Power.
        RemainInDetainingState = 3 "REMAIN_IN_DETAINING_STATE",
        /// Any State but those the person refused.
        AnyStateExceptRefused = 4 "ANY_STATE_EXCEPT_REFUSED",
        /// Not decided; compatible with no transfer.
        Undecided = 5 "UNDECIDED",
    }
}

vocabulary! {
    /// Legal route of a transfer.
    pub enum Route {
        /// Stays a prisoner of war in the custody of another Party (GC III Art. 12(2)).
        TransferToPower = 1 "TRANSFER_TO_POWER",
        /// Captivity ends; the receiving State admits him.
        ReleaseAndSettlement = 2 "RELEASE_AND_SETTLEMENT",
        /// Direct medical repatriation (GC III Arts 109(1), 110(1), 112 to 114).
        DirectMedicalRepatriation = 3 "DIRECT_MEDICAL_REPATRIATION",
        /// Accommodation in a neutral country (GC III Arts 109(2), 110(2)).
        NeutralAccommodation = 4 "NEUTRAL_ACCOMMODATION",
        /// Internment in a neutral country by agreement of three Powers (GC III Art. 111).
        NeutralInternment = 5 "NEUTRAL_INTERNMENT",
        /// Exchange by special agreement (GC III Arts 6, 109(2)).
        Exchange = 6 "EXCHANGE",
        /// Release and repatriation after hostilities (GC III Arts 118, 119).
        EndOfHostilities = 7 "END_OF_HOSTILITIES",
        /// Stays in the detaining State.
        Remain = 8 "REMAIN",
    }
}

vocabulary! {
    /// What a condition concerns.
    pub enum ConditionKind {
        /// A new expression of the person's will (GC III Arts 7, 118).
        NewExpression = 1 "NEW_EXPRESSION",
        /// An assurance of the receiving Power (GC III Art. 12(2)).
        Assurance = 2 "ASSURANCE",
        /// A medical finding (GC III Arts 47, 110, 112).
        Medical = 3 "MEDICAL",
        /// Proceedings at law (GC III Arts 115, 119(5)).
        Judicial = 4 "JUDICIAL",
        /// Presence of an observer (GC III Arts 8 to 10, 126).
        Observer = 5 "OBSERVER",
        /// Protection against public curiosity (GC III Art. 13(2)).
        Confidentiality = 6 "CONFIDENTIALITY",
        /// A step of the Detaining Power's own law.
        DomesticProcedure = 7 "DOMESTIC_PROCEDURE",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::consultation::v1 as wire;

    macro_rules! agrees {
        ($name:ident, $prefix:literal) => {
            for number in 0..64 {
                let ours = $name::from_number(number).map(|term| format!("{}{}", $prefix, term.word()));
                let theirs = wire::$name::try_from(number).ok().filter(|_| number != 0);
                assert_eq!(ours, theirs.map(|term| term.as_str_name().to_owned()));
            }
        };
    }

    #[test]
    fn every_term_bears_the_name_and_number_of_the_proto_files() {
        agrees!(Reply, "REPLY_");
        agrees!(PartyRole, "PARTY_ROLE_");
        agrees!(PositionKind, "POSITION_KIND_");
        agrees!(DestinationKind, "DESTINATION_KIND_");
        agrees!(Route, "ROUTE_");
        agrees!(ConditionKind, "CONDITION_KIND_");
    }
}
