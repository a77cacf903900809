//! Gateways that rest: their memory, and how long a start takes.

use std::time::Duration;

use crate::Outcome;
use crate::process::Reading;
use crate::report::{Report, mib};
use crate::stage::Stage;

/// Long enough for whatever a start leaves behind to end.
const REST: Duration = Duration::from_secs(2);

/// Starts the recipient's gateway anew and lets it rest.
pub async fn idle(stage: &mut Stage, report: &mut Report) -> Outcome<()> {
    let ministry = stage.recipient.clone();
    stage.end(&ministry)?;
    let took = stage.start(&ministry)?;
    tokio::time::sleep(REST).await;
    let reading = Reading::of(stage.pid(&ministry)?)?;
    report.add(
        "gateway at rest",
        &[("start ms", took.as_secs_f64() * 1e3), ("resident MiB", mib(reading.resident))],
    );
    Ok(())
}
