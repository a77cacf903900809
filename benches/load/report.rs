//! Figures: collected by round, told as a table or as JSON.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::options::Options;
use crate::{Outcome, process};

/// The figures of one row by name, each with its value in every round.
type Figures = Vec<(&'static str, Vec<f64>)>;

/// Every figure of every round, rows in the order in which they came.
pub struct Report {
    rows: Vec<(String, Figures)>,
    load_before: String,
}

impl Report {
    pub fn begin(_: &Options) -> Self {
        Self { rows: Vec::new(), load_before: process::load_average() }
    }

    /// Adds the figures of one round of a row.
    pub fn add(&mut self, row: &str, figures: &[(&'static str, f64)]) {
        let told: Vec<String> =
            figures.iter().map(|(name, value)| format!("{name} {}", short(*value))).collect();
        eprintln!("  {row}: {}", told.join(", "));
        let at = match self.rows.iter().position(|(name, _)| name == row) {
            Some(at) => at,
            None => {
                self.rows.push((row.to_owned(), Vec::new()));
                self.rows.len() - 1
            }
        };
        let Some((_, kept)) = self.rows.get_mut(at) else { return };
        for (name, value) in figures {
            match kept.iter_mut().find(|(known, _)| known == name) {
                Some((_, values)) => values.push(*value),
                None => kept.push((name, vec![*value])),
            }
        }
    }

    /// The newest value of a figure, to compare with in the same round.
    pub fn newest(&self, row: &str, figure: &str) -> Option<f64> {
        let (_, figures) = self.rows.iter().find(|(name, _)| name == row)?;
        figures.iter().find(|(name, _)| *name == figure)?.1.last().copied()
    }

    pub fn print(&self, options: &Options) -> Outcome<()> {
        if let Some(path) = &options.output {
            std::fs::write(path, serde_json::to_string_pretty(&self.json(options))?)?;
        }
        if options.json {
            println!("{}", serde_json::to_string_pretty(&self.json(options))?);
            return Ok(());
        }
        println!(
            "rounds {}, median [least - greatest]; load average {} before, {} after",
            options.rounds(),
            self.load_before,
            process::load_average()
        );
        for (row, figures) in &self.rows {
            println!("\n{row}");
            for (name, values) in figures {
                let Spread { median, least, greatest } = Spread::of(values);
                let range = format!("[{} - {}]", short(least), short(greatest));
                println!("  {name:<28} {:>10}  {range}", short(median));
            }
        }
        Ok(())
    }

    fn json(&self, options: &Options) -> Value {
        let rows: BTreeMap<&str, BTreeMap<&str, Value>> = self
            .rows
            .iter()
            .map(|(row, figures)| {
                let figures = figures.iter().map(|(name, values)| {
                    let Spread { median, least, greatest } = Spread::of(values);
                    let told = json!({"median": median, "least": least, "greatest": greatest, "all": values});
                    (*name, told)
                });
                (row.as_str(), figures.collect())
            })
            .collect();
        json!({
            "schema": "chancery.load/1",
            "rounds": options.rounds(),
            "load_average": [self.load_before, process::load_average()],
            "rows": rows,
        })
    }
}

struct Spread {
    median: f64,
    least: f64,
    greatest: f64,
}

impl Spread {
    fn of(values: &[f64]) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let at = |place: usize| sorted.get(place).copied().unwrap_or(f64::NAN);
        let last = sorted.len().saturating_sub(1);
        Self { median: f64::midpoint(at(last / 2), at(last.div_ceil(2))), least: at(0), greatest: at(last) }
    }
}

/// The median and the ninety-ninth in a hundred of some durations, milliseconds.
pub fn percentiles(mut durations: Vec<Duration>) -> (f64, f64) {
    durations.sort_unstable();
    let at =
        |part: usize| durations.get((durations.len() * part / 100).min(durations.len().saturating_sub(1)));
    let millis = |found: Option<&Duration>| found.map_or(f64::NAN, |found| found.as_secs_f64() * 1e3);
    (millis(at(50)), millis(at(99)))
}

pub fn mib(bytes: u64) -> f64 {
    bytes as f64 / (1024.0 * 1024.0)
}

/// Microseconds for each of so many.
pub fn micros_each(whole: Duration, count: usize) -> f64 {
    whole.as_secs_f64() * 1e6 / count.max(1) as f64
}

fn short(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}
