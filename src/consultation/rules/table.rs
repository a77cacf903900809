//! The table of rules: code, kind, severity, place, what the rule says, and what cures a breach of it. The codes are
//! the API and are never given a second meaning; rules stand in the order of their codes.

use crate::message::terms::ActClass;
use crate::vocabulary;

vocabulary! {
    /// What a breach of a rule comes to, by the status under which a service answers it.
    pub enum RuleKind {
        /// What was written is wrong in itself.
        Form = 1 "INVALID_ARGUMENT",
        /// Whoever acts may not act so.
        Role = 2 "PERMISSION_DENIED",
        /// The consultation or a case does not stand so that it may be done.
        State = 3 "FAILED_PRECONDITION",
        /// The act rests on a past that is no longer all of it.
        StaleBasis = 4 "ABORTED",
        /// It came too late.
        Expiry = 5 "DEADLINE_EXCEEDED",
    }
}

vocabulary! {
    /// Where a rule is judged.
    pub enum Place {
        /// By gateways, as far as the header shows it, and by both desks.
        Gateway = 1 "gateway and desk",
        /// By the sender's desk before release and by each receiver's at registration.
        Desk = 2 "desk",
        /// By the desk of the Detaining Power, before a person departs.
        Departure = 3 "desk, before departure",
        /// By every desk on what was reported; it never stands against the report.
        Report = 4 "desk, on a report",
    }
}

/// Whether a finding stands against the act or only calls for a second look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It is to be looked at; the act may go all the same.
    Warning,
    /// The act may not go, or is not to be registered as valid.
    Error,
}

/// Writes the vocabulary of the rules and what the table says of each.
macro_rules! rules {
    ($($term:ident = $number:literal $word:literal $kind:ident $severity:ident $place:ident $text:literal, $cure:literal;)+) => {
        vocabulary! {
            /// The rules that a desk can judge.
            pub enum Rule {
                $(#[doc = $text] $term = $number $word,)+
            }
        }

        impl Rule {
            /// What the rule says.
            pub const fn text(self) -> &'static str {
                match self { $(Self::$term => $text,)+ }
            }

            /// What cures a breach of it.
            pub const fn cure(self) -> &'static str {
                match self { $(Self::$term => $cure,)+ }
            }

            /// What a breach of it comes to.
            pub const fn kind(self) -> RuleKind {
                match self { $(Self::$term => RuleKind::$kind,)+ }
            }

            /// How serious a finding of this rule is at most.
            pub const fn severity(self) -> Severity {
                match self { $(Self::$term => Severity::$severity,)+ }
            }

            /// Where it is judged.
            pub const fn place(self) -> Place {
                match self { $(Self::$term => Place::$place,)+ }
            }
        }
    };
}

rules! {
    Agr01 = 101 "AGR_01" State Error Desk "a reply concludes a proposal that stands and was not withdrawn",
        "reply to a proposal that is in force, or propose anew";
    Agr02 = 102 "AGR_02" Form Error Desk "a reply repeats the terms of the proposal byte for byte",
        "repeat the terms unchanged, or propose your own in a new note";
    Agr03 = 103 "AGR_03" State Error Desk "everyone on a list is alive, and each line rests on the records it names",
        "leave out who died; name the statement, the assessment and the finding that are in force";
    Agr04 = 104 "AGR_04" Expiry Error Desk "a proposal is answered while it is open",
        "ask for a new note with a later time";
    Agr05 = 105 "AGR_05" Form Error Desk "no agreement leaves a person worse off than the Convention does",
        "change what is agreed until the statement is true";
    Agr06 = 106 "AGR_06" Form Error Desk "the parties that the route requires take part",
        "name every party whose consent the route needs, and every Power that holds or is to receive a person";
    Agr07 = 107 "AGR_07" State Error Desk "what was agreed is amended as it was made",
        "propose the amendment by a note to the same parties";
    Agr08 = 108 "AGR_08" Form Error Desk "a reply names the same authentic texts as the proposal",
        "name every authentic text and no other";
    Agr09 = 109 "AGR_09" State Error Desk "a route leads where routes of its kind lead: who stays stays, who is repatriated goes home",
        "name the route that leads to this destination, or the destination of this route";
    Chn01 = 121 "CHN_01" State Error Gateway "the channel is known, and sender and addressees are parties to it",
        "accredit the peer first, and address parties of the channel only";
    Chn02 = 122 "CHN_02" State Error Gateway "the channel is not suspended",
        "wait until the channel is resumed, or use another way";
    Chn03 = 123 "CHN_03" Role Error Gateway "every signature on the dispatch is of an office of the sender",
        "have an office of the sender sign";
    Chn04 = 124 "CHN_04" State Error Departure "no ministry gave one number to two acts",
        "ask that ministry and the others which act they hold; nobody departs in this consultation any more";
    Chn06 = 126 "CHN_06" Expiry Error Gateway "the message is not expired",
        "release it again with a later end of validity";
    Chn07 = 127 "CHN_07" Form Error Desk "a charter is concluded in the very terms that were proposed",
        "repeat the terms of the proposal byte for byte";
    Chn08 = 128 "CHN_08" Form Error Gateway "the message is not dated more than five minutes into the future",
        "correct the clock of the sending registry";
    Chn09 = 129 "CHN_09" Form Error Desk
        "no act is released before an act that it declares to have known, its own last one included and letters excepted",
        "correct the clock of the registry, and release it now";
    Chn10 = 130 "CHN_10" Form Error Desk "no charter undoes what protects a person",
        "agree on times and witnesses within these bounds";
    Cls01 = 141 "CLS_01" Form Error Gateway "the level is not above the ceiling of the channel",
        "send it by a way accredited for that level, or leave out what needs the level";
    Cls02 = 142 "CLS_02" Form Error Gateway "every addressee is among those it may be released to",
        "add the ministry to releasable_to, or do not address it";
    Cls03 = 143 "CLS_03" Form Error Desk "header and marking state the same level, in the sender's own word",
        "state one level, in the word that the charter lists for it";
    Cls04 = 144 "CLS_04" Role Error Desk "what its originator controls goes to nobody but those to whom he last released it",
        "ask its originator to send it himself, or to release it to them, or leave out what is his";
    Cls05 = 145 "CLS_05" Form Error Desk "a reply is not marked below what it quotes or annexes",
        "mark it at least as high, or leave out what is of another";
    Cls06 = 146 "CLS_06" Role Error Desk "only the originator of a document lowers its level",
        "ask its originator to send it at the lower level";
    Con01 = 161 "CON_01" State Error Desk "the consultation stands open for the act, and is between two Powers at least",
        "fetch first, the answer may be waiting; else propose the consultation and wait until it is accepted, or resume it";
    Con02 = 162 "CON_02" Role Error Desk "the sender is a party to the consultation",
        "have a party send it";
    Con03 = 163 "CON_03" Role Error Desk "the sender has the role that the act needs",
        "have the Power send it that has the role";
    Con04 = 164 "CON_04" StaleBasis Error Desk "the act names the last act of every Power that it rests on",
        "compose it anew on what is known now, and have it cleared again";
    Con05 = 165 "CON_05" State Error Desk "the Detaining Power has registered a case for every person",
        "fetch first, the registration may be waiting; else ask the Detaining Power for it, or correct the reference";
    Con06 = 166 "CON_06" Form Error Desk "what rules judge by goes to all Powers of the consultation",
        "address every party of the consultation";
    Exc01 = 181 "EXC_01" State Error Desk "every line of a list was found to match before it is accepted or settled",
        "have the lists verified again, or counter with the lines that match";
    Exc02 = 182 "EXC_02" Form Error Desk "the numbers of an exchange are those of its lists",
        "state n and m as many as there are lines";
    Exc03 = 183 "EXC_03" State Error Desk "only the live round of a proposal is countered, accepted or settled, and settled as it was accepted",
        "take the digest of the terms of the last round";
    Exc04 = 184 "EXC_04" State Error Desk "a Power lists those it holds only where they want to go",
        "leave the person out, or take a new statement first";
    Exc05 = 185 "EXC_05" State Error Desk "routes of prisoners of war are for prisoners of war",
        "leave civilians and persons already released out of it";
    Exc06 = 186 "EXC_06" State Error Desk "nobody is promised or offered to two destinations",
        "terminate the other agreement for the person, or withdraw the other offer, first";
    Exc07 = 187 "EXC_07" Expiry Error Desk "a proposal of exchange is accepted while it is open",
        "ask for a new round with a later time";
    Frm01 = 201 "FRM_01" Form Error Desk "the dispatch bears the signatures that its form needs",
        "have the office that holds the authority sign";
    Frm02 = 202 "FRM_02" Form Warning Desk
        "a note verbale opens and closes with the courtesy formulas, an aide-memoire has none",
        "add the formulas, or leave them out of an aide-memoire";
    Frm03 = 203 "FRM_03" Form Error Desk
        "a note bears a formal number of its ministry and year, unique and without gaps",
        "let the registry number it";
    Frm04 = 204 "FRM_04" Form Error Desk "the documents are those that the dispatch lists, byte for byte",
        "compose the dispatch from the present files";
    Frm05 = 205 "FRM_05" Form Error Desk
        "act, form, kind, class, consultation and documents agree with each other",
        "compose the dispatch anew";
    Hld01 = 221 "HLD_01" State Error Desk "nobody on whom a hold lies is moved",
        "wait until whoever set the hold releases it";
    Hld02 = 222 "HLD_02" Role Error Desk "only the party that set a hold releases it",
        "ask the party that set it";
    Hld03 = 223 "HLD_03" State Warning Desk "a hold of another than the Detaining Power lapses unless it is renewed",
        "renew the hold where its reason lasts";
    Hnd01 = 241 "HND_01" State Error Desk "a handover carries out an agreement, or an arrangement, that is in force",
        "conclude the agreement first, and answer the arrangement that stands";
    Hnd02 = 242 "HND_02" Form Error Desk "the list of a handover is the list that was agreed",
        "list persons of the agreement and of the tranche only, and repeat the digest of the list";
    Hnd03 = 243 "HND_03" State Error Departure "the person confirmed his will in private shortly before",
        "ask him again, before witnesses";
    Hnd04 = 244 "HND_04" State Error Desk "the person is told in time to pack and to tell his family",
        "set the window later, or tell him earlier";
    Hnd05 = 245 "HND_05" State Warning Report "the reports of both sides match",
        "look into it together; whoever erred sends a corrected report";
    Hnd06 = 246 "HND_06" State Warning Report "nobody is handed over against a stop; where it happened, it is irregular",
        "raise it with the other Power at once";
    Hnd08 = 248 "HND_08" State Error Departure "every party said GO within the window, and nobody NO GO",
        "ask every party for its GO again, and whoever said NO GO for his reasons";
    Hnd09 = 249 "HND_09" State Error Desk "the observers of a handover are appointed",
        "invite the observer and wait until all Powers have accepted it";
    Hnd10 = 250 "HND_10" Form Warning Desk "effects and accounts that go with the person are listed",
        "list them, and take their inventory";
    Jud01 = 261 "JUD_01" State Error Desk "nobody in proceedings at law is moved without his release or written consent",
        "wait for the decision of the court, and register it";
    Lng01 = 281 "LNG_01" Form Error Desk "exactly one text is official, or all are authentic",
        "mark one text OFFICIAL and translations as such, or all equally binding texts AUTHENTIC";
    Lng02 = 282 "LNG_02" Form Error Desk "a translation names what it translates, and has no effect of its own",
        "name the document_id of the text it translates";
    Lng03 = 283 "LNG_03" Form Error Desk "an agreement lists every authentic text that goes with it, and no other",
        "attach and list the same texts";
    Lng04 = 284 "LNG_04" Form Error Desk "an agreement names a prevailing language that one of its texts is in",
        "name the language of one of the texts";
    Lng05 = 285 "LNG_05" Form Error Desk "a statement of will is in the language of the person",
        "attach the statement in the language in which he made it";
    Med01 = 301 "MED_01" State Error Departure "a physician found the person fit to travel shortly before",
        "have him examined by the Detaining Power or by an observer";
    Med02 = 302 "MED_02" State Error Desk
        "a medical route rests on a finding of a commission of three, two of them neutral, by majority, or a manifest case",
        "have the commission find, and name its finding in the line";
    Med03 = 303 "MED_03" State Error Desk "nobody is repatriated for his health against his will",
        "leave the person out, or take a new statement first";
    Med04 = 304 "MED_04" State Warning Desk "a manifest case needs no commission",
        "look at the certificate";
    Med05 = 305 "MED_05" State Error Desk "who is repatriated for his health does no active military service",
        "obtain the assurance NO_ACTIVE_MILITARY_SERVICE of whoever receives him, or rest the agreement on it";
    Obs01 = 321 "OBS_01" Form Warning Desk "observers are informed, not asked to act",
        "address the observer for information";
    Obs02 = 322 "OBS_02" Form Error Desk "no observer is asked to act on what concludes",
        "address the observer for information";
    Obs03 = 323 "OBS_03" Role Error Desk "what an observer said in confidence goes to nobody but those whom it told",
        "ask the observer to tell them itself, or leave out what is its own";
    Obs04 = 324 "OBS_04" State Error Desk
        "an observer is appointed with the consent of the Powers, ICRC delegates with that of the Detaining Power",
        "invite it and wait for the answers of all Powers";
    Pre01 = 341 "PRE_01" Form Error Desk "FLASH is for withdrawals, holds and notices of death alone",
        "use IMMEDIATE";
    Pre02 = 342 "PRE_02" Form Warning Desk
        "protective acts are at least IMMEDIATE, withdrawals and holds near a handover FLASH",
        "raise the precedence";
    Pre03 = 343 "PRE_03" Form Error Desk
        "a non-acknowledgement names an urgent message of its sender as it was, after its time was over",
        "wait until its time is over, and name the message, its precedence, time and addressee as they are";
    Pre04 = 344 "PRE_04" State Error Desk
        "nothing is called unacknowledged that its addressee is known to have acknowledged",
        "send nothing: it was acknowledged";
    Pro01 = 361 "PRO_01" State Error Desk "the danger at the destination was assessed",
        "have the Detaining Power assess it";
    Pro02 = 362 "PRO_02" State Error Desk "nobody is moved where substantial grounds for danger were found",
        "choose another destination: this bar is absolute";
    Pro03 = 363 "PRO_03" State Error Desk "the assessment is recent and knew of every exposure of the person",
        "have the Detaining Power assess anew";
    Pro04 = 364 "PRO_04" State Error Desk
        "a prisoner goes only to a Party to the Convention that is willing and able to apply it",
        "obtain its assurances: party_to_gc3 and WILLING_AND_ABLE_GC3";
    Pro05 = 365 "PRO_05" State Error Desk "a third State assures that it returns nobody to danger",
        "obtain the assurance NO_ONWARD_RETURN, or rest the agreement on it";
    Prv01 = 381 "PRV_01" Form Error Gateway "nothing personal stands in clear",
        "mint the id anew";
    Prv02 = 382 "PRV_02" Form Error Desk "references of persons are random and belong to one consultation",
        "let the Detaining Power mint a reference for this consultation, and copy it exactly";
    Prv03 = 383 "PRV_03" Form Error Desk "the name of a person stands only in documents that identify him",
        "write the reference of the person, and his name only in a document that identifies him";
    Prv04 = 384 "PRV_04" Form Error Desk
        "no more about a person is sent than the act needs, and it is marked as such",
        "send it with the act that needs it, under the caveat that belongs to it";
    Prv05 = 385 "PRV_05" Form Warning Desk "particulars of a person serve humanitarian purposes only",
        "add the caveat HUMANITARIAN_PURPOSE_ONLY";
    Prv06 = 386 "PRV_06" Form Error Desk
        "nothing that says who a person is goes into a consultation whose time of erasure has come",
        "leave it out, or propose a new consultation";
    Pub01 = 401 "PUB_01" Form Error Desk "no face and no voice stands outside documents that identify a person",
        "leave the picture or recording out";
    Pub02 = 402 "PUB_02" State Error Desk "a confirmation answers an incident that a notice opened",
        "name the incident as its notice does";
    Pub03 = 403 "PUB_03" Form Error Desk "a confirmation has a result for every locator of the notice, and no other",
        "state what came of each locator";
    Pub04 = 404 "PUB_04" Form Error Desk "a notice says where something stands and does not bring it",
        "leave the document out: its locator is enough";
    Rol01 = 421 "ROL_01" Role Error Desk "who drafts neither clears nor releases",
        "have another office clear and release it";
    Rol02 = 422 "ROL_02" Role Error Desk
        "every office that signs has a valid credential for this act and level",
        "have an office sign whose credential is valid and permits it";
    Rol03 = 423 "ROL_03" Role Error Desk
        "an agreement is released under the authority to conclude, after a legal clearance by a third office",
        "have the legal office clear it and an office with CONCLUDE release it";
    Rol04 = 424 "ROL_04" Role Error Desk "registry, auditor and gateway never release",
        "have a releasing office sign";
    Rol05 = 425 "ROL_05" Role Error Desk "a duty officer alone releases protective acts and nothing else",
        "have a releasing office sign";
    Rol06 = 426 "ROL_06" Role Error Desk "observers, parties or invited, send what observers may send",
        "have a Power send it";
    Rol07 = 427 "ROL_07" Role Error Desk
        "a ministry countersigns its own protective acts that one office sent, and nothing else",
        "name the protective act that your own ministry sent";
    Rol08 = 428 "ROL_08" Role Error Desk "another office countersigns than the one that sent the act",
        "have another office countersign it";
    Rol09 = 429 "ROL_09" State Error Desk "an act is countersigned once",
        "send nothing: it bears its countersignature";
    Wil01 = 441 "WIL_01" State Error Desk "the person made a statement of will, and it is not too old",
        "take a statement, before witnesses";
    Wil02 = 442 "WIL_02" State Error Desk "enough witnesses, a neutral one among them who signed, and a neutral interpreter were present",
        "take the statement again before neutral witnesses";
    Wil03 = 443 "WIL_03" State Error Desk "the person accepts the destination and does not refuse it",
        "leave the person out, or take a new statement first";
    Wil04 = 444 "WIL_04" State Error Desk "everything was explained to the person",
        "explain what is missing and take the statement again";
    Wil05 = 445 "WIL_05" State Error Desk
        "the person had time, was free of pressure, and nobody was there who could frighten him",
        "take the statement again in private, after the time for reflection";
    Wil06 = 446 "WIL_06" State Error Desk "the statement renounces no right, and the person has a copy",
        "take the statement on a form without a waiver, and give him a copy";
    Wil07 = 447 "WIL_07" State Error Desk "nothing proceeds after a withdrawal",
        "only a later statement that knew of the withdrawal cures it";
    Wil08 = 448 "WIL_08" State Error Desk "hearsay never suffices",
        "take a statement, before witnesses";
    Wil09 = 449 "WIL_09" State Error Desk "the person is of age and able to decide",
        "this route is not for him";
    Wil10 = 450 "WIL_10" State Error Desk "the statements of a person do not contradict each other",
        "interview him again in private, knowing of all he said before";
    Wil11 = 451 "WIL_11" State Warning Desk "silence about a destination is no consent to it",
        "ask him about this destination";
    Wil12 = 452 "WIL_12" State Warning Desk "hearsay of a refusal stops",
        "take a statement that knew of it";
    Wil13 = 453 "WIL_13" State Warning Desk "who is released to settle declared that he is a civilian now",
        "ask him whether he renounced military activity for good, and state it when he states his will again";
}

impl Rule {
    /// The group it belongs to: the letters of its code.
    pub fn group(self) -> &'static str {
        self.word().get(..3).unwrap_or_default()
    }

    /// Whether a breach may stop an act of this class. What only warns stops none. Protective acts stop for their own
    /// marking and for an embedded face alone, and that before release: papers of others that may not go with one are
    /// left out (`kept_back`), and what it answers is only said; facts and correspondence for their form and for who
    /// sends them, never for what they say. Facts, and what takes an act back, stop too where some Powers would not
    /// have them (CON-06): what some know and some do not would free a person at one desk and hold him at another.
    pub fn stands_against(self, class: ActClass) -> bool {
        const OF_FORM: [&str; 9] = ["CHN", "CLS", "FRM", "LNG", "OBS", "PRE", "PRV", "PUB", "ROL"];
        let group = self.group();
        self.severity() == Severity::Error
            && match class {
                ActClass::Protective => {
                    matches!(group, "CLS" | "PUB") && !matches!(self, Self::Cls04 | Self::Cls05 | Self::Cls06)
                }
                ActClass::Factual | ActClass::Correspondence => {
                    OF_FORM.contains(&group) || matches!(self, Self::Con06)
                }
                ActClass::Normative => true,
            }
    }

    /// Whether it reads nothing but what every desk has alike: act, dispatch, declared past, charter, certificates. The
    /// verdict that desks must agree on consists of such rules; the others rest on what one desk happens to know (its
    /// policy and clock, earlier numbers and messages, names, references and promises elsewhere, which documents came
    /// inline, when its own gateway took custody of what others signed). EXC_06 is both: it is never judged by promises
    /// elsewhere at a receiver.
    pub const fn is_common(self) -> bool {
        !matches!(
            self,
            Self::Chn01
                | Self::Chn02
                | Self::Chn06
                | Self::Chn08
                | Self::Cls04
                | Self::Cls05
                | Self::Cls06
                | Self::Exc06
                | Self::Frm03
                | Self::Frm04
                | Self::Obs03
                | Self::Prv02
                | Self::Prv03
                | Self::Rol02
        )
    }
}
