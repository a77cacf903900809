//! Instants as people read them: UTC first, and beside it the clock of each capital concerned, where it is known.
//!
//! Codes of ministries that are codes of States, and instants, enter; text leaves. The wire knows UTC alone.

use jiff::Timestamp as Instant;
use jiff::tz::TimeZone;

use crate::time::Timestamp;
use crate::trust::name::Ministry;

/// Capitals by the code of the State, with the zone of their clocks. Others are shown in UTC alone.
const CAPITALS: &[(&str, &str, &str)] = &[
    ("AE", "Abu Dhabi", "Asia/Dubai"),
    ("AT", "Vienna", "Europe/Vienna"),
    ("BY", "Minsk", "Europe/Minsk"),
    ("CH", "Bern", "Europe/Zurich"),
    ("CN", "Beijing", "Asia/Shanghai"),
    ("DE", "Berlin", "Europe/Berlin"),
    ("FR", "Paris", "Europe/Paris"),
    ("GB", "London", "Europe/London"),
    ("JP", "Tokyo", "Asia/Tokyo"),
    ("KP", "Pyongyang", "Asia/Pyongyang"),
    ("KR", "Seoul", "Asia/Seoul"),
    ("NO", "Oslo", "Europe/Oslo"),
    ("PL", "Warsaw", "Europe/Warsaw"),
    ("QA", "Doha", "Asia/Qatar"),
    ("RU", "Moscow", "Europe/Moscow"),
    ("SA", "Riyadh", "Asia/Riyadh"),
    ("SE", "Stockholm", "Europe/Stockholm"),
    ("TR", "Ankara", "Europe/Istanbul"),
    ("UA", "Kyiv", "Europe/Kyiv"),
    ("US", "Washington", "America/New_York"),
];

/// The capitals of some ministries, as far as they are known.
#[derive(Debug, Clone, Default)]
pub(super) struct Capitals(Vec<(&'static str, TimeZone)>);

impl Capitals {
    /// The capitals of these ministries, each once, in their order.
    pub(super) fn of<'m>(ministries: impl IntoIterator<Item = &'m Ministry>) -> Self {
        let mut known: Vec<(&'static str, TimeZone)> = Vec::new();
        for ministry in ministries {
            let named = CAPITALS.iter().find(|(code, _, _)| *code == ministry.as_str());
            let Some((_, city, zone)) = named else { continue };
            // A machine without the tables of zones shows UTC.
            if let Ok(zone) = TimeZone::get(zone)
                && known.iter().all(|(other, _)| other != city)
            {
                known.push((city, zone));
            }
        }
        Self(known)
    }

    /// `2026-11-22T10:00:00Z (19:00 Seoul, 12:00 Kyiv)`; another day there is told: `+1d`.
    pub(super) fn show(&self, at: Timestamp) -> String {
        let Ok(instant) = Instant::from_second(at.seconds()) else { return at.to_string() };
        if self.0.is_empty() {
            return at.to_string();
        }
        let utc = instant.to_zoned(TimeZone::UTC).date();
        let clocks: Vec<String> = self
            .0
            .iter()
            .map(|(city, zone)| {
                let there = instant.to_zoned(zone.clone());
                let day = match there.date().cmp(&utc) {
                    std::cmp::Ordering::Less => " -1d",
                    std::cmp::Ordering::Equal => "",
                    std::cmp::Ordering::Greater => " +1d",
                };
                format!("{:02}:{:02}{day} {city}", there.hour(), there.minute())
            })
            .collect();
        format!("{at} ({})", clocks.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn an_instant_is_shown_in_utc_and_by_the_clocks_of_known_capitals() {
        let ministry = |code: &str| Ministry::parse(code).unwrap();
        let at = Timestamp::parse("2026-11-22T18:30:00Z").unwrap();
        let (xa, xb) = (ministry("XA"), ministry("XB"));
        assert_eq!(Capitals::of([&xa, &xb]).show(at), "2026-11-22T18:30:00Z");
        let (kr, ua) = (ministry("KR"), ministry("UA"));
        let capitals = Capitals::of([&kr, &ua, &kr, &xa]);
        if TimeZone::get("Asia/Seoul").is_err() || TimeZone::get("Europe/Kyiv").is_err() {
            writeln!(std::io::stderr(), "SKIPPED clocks of capitals: tables of time zones not found")
                .unwrap();
            return;
        }
        assert_eq!(capitals.show(at), "2026-11-22T18:30:00Z (03:30 +1d Seoul, 20:30 Kyiv)");
    }
}
