//! The heads of the logs as the operator sees them: how far each has come, its root, and who has vouched for it.

use serde_json::{Value, json};

use super::{asks, submitted, types};
use crate::support::{Stage, eventually};

async fn logs(stage: &Stage) -> Vec<Value> {
    let status = asks(stage, "XA", "status").await;
    let seen: Value =
        serde_json::from_str(&status.data).unwrap_or_else(|error| panic!("{error}: {status:?}"));
    seen["logs"].as_array().unwrap().clone()
}

/// Whether both sides have vouched for all of both logs, under the roots that the logs have by themselves.
async fn is_whole(stage: &Stage) -> bool {
    let logs = logs(stage).await;
    let heads = asks(stage, "XA", "log head").await.reports();
    let by = |mirror: bool| if mirror { "XA" } else { "XB" };
    logs.len() == 2
        && logs.iter().all(|log| {
            let head = heads.iter().find(|head| head["log"] == log["origin"]);
            head.is_some_and(|head| head["size"] == log["size"] && head["root"] == log["root"])
                && log["size"].as_u64() > Some(0)
                && log["cosigned"] == log["size"]
                && log["cosigned_by"]["size"] == log["size"]
                && log["cosigned_by"]["ministry"] == by(log["mirror"] == true)
        })
}

#[tokio::test(flavor = "multi_thread")]
async fn the_screen_shows_the_head_of_each_log_and_who_cosigned_it_when() {
    let mut stage = Stage::pair().await;
    submitted(&stage, &[b"one"]).await;
    eventually("each side has cosigned the log of the other", || is_whole(&stage)).await;
    stage.house_mut("XB").stop().await.unwrap();
    let logs = logs(&stage).await;
    let screen = types(&stage, "XA", ["status"]).await.data;
    for log in &logs {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let (root, cosigned) = (text(&log["root"]), &log["cosigned_by"]);
        assert_eq!(root.len(), 64);
        let (by, at) = (text(&cosigned["ministry"]), text(&cosigned["time"]));
        let line = screen.lines().find(|line| line.starts_with(&text(&log["origin"]))).unwrap();
        assert!(line.contains(&format!("  {}  ", &root[..12])), "{line}");
        assert!(line.ends_with(&format!("{} by {by} at {at}", cosigned["size"])), "{line}");
    }
    assert_ne!(logs[0]["mirror"], logs[1]["mirror"], "{}", json!(logs));
}
