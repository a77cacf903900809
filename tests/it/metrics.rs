//! Metrics of a running gateway: its own listener, its operator's socket, and what must never stand there.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use chancery::limits;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::craft::Craft;
use crate::support::{Stage, eventually};

/// XA and XB; metrics of XA are read on the loopback.
async fn measured() -> (Stage, String) {
    let mut stage = Stage::pair().await;
    let config = stage.house("XA").homes().gateway.config();
    stage.house_mut("XA").stop().await.unwrap();
    let mut file = OpenOptions::new().append(true).open(config).unwrap();
    file.write_all(b"\n[metrics]\nlisten = \"127.0.0.1:0\"\n").unwrap();
    stage.house_mut("XA").start().await.unwrap();
    let address = stage.gateway("XA").addresses().metrics.unwrap();
    stage.sound("XA", "XB").await;
    (stage, address)
}

/// Everything that is answered to `request` until the connection ends.
async fn answered(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // Who is refused may be hung up on before all was sent.
    let _sent = stream.write_all(request.as_bytes()).await;
    let mut answer = Vec::new();
    let _ended = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).unwrap()
}

pub async fn page(address: &str) -> String {
    let answer = answered(address, "GET /metrics HTTP/1.1\r\nhost: metrics\r\n\r\n").await;
    let (head, page) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
    assert!(head.contains("content-type: application/openmetrics-text"), "{head}");
    page.to_owned()
}

pub fn value(page: &str, sample: &str) -> Option<i64> {
    page.lines().find_map(|line| line.strip_prefix(sample)?.trim().parse().ok())
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_counted_from_custody_to_receipt_and_nothing_of_them_is_named() {
    let (stage, address) = measured().await;
    let canary = "Kyznetsov-Canary";
    let envelope = Craft::new(&stage, "XA", "XB").saying(canary.as_bytes()).signed(&stage);
    stage.gateway("XA").submit(&envelope.encode()).await.unwrap();
    let delivered = "chancery_gateway_messages_settled_total{peer=\"XB\",outcome=\"delivered\"}";
    eventually("the receipt is counted", || async { value(&page(&address).await, delivered) == Some(1) })
        .await;
    let seen = page(&address).await;
    assert_eq!(value(&seen, "chancery_gateway_messages_taken_total{peer=\"XB\"}"), Some(1));
    assert_eq!(value(&seen, "chancery_gateway_peer_queued_messages{peer=\"XB\"}"), Some(0));
    assert_eq!(value(&seen, "chancery_gateway_peer_connected{peer=\"XB\"}"), Some(1));
    let message = envelope.id().to_string();
    let channel = envelope.header().address().channel.to_string();
    for secret in [canary, message.as_str(), channel.as_str()] {
        assert!(!seen.contains(secret), "{secret} stands in\n{seen}");
    }

    // The same page by the operator's socket, for whoever runs no listener.
    let home = stage.house("XA").homes().gateway.directory().to_owned();
    let mut command = Command::new(env!("CARGO_BIN_EXE_chancery"));
    command
        .arg("--home")
        .arg(home)
        .args(["status", "--format", "prometheus"])
        .env_clear()
        .stdin(Stdio::null());
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && printed.ends_with("# EOF\n"), "{printed}");
    assert_eq!(value(&printed, "chancery_gateway_messages_taken_total{peer=\"XB\"}"), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_else_is_answered_and_a_question_without_bounds_is_refused() {
    let (_stage, address) = measured().await;
    for (request, status) in [
        ("GET / HTTP/1.1\r\nhost: m\r\n\r\n", "404"),
        ("GET /metrics/../status HTTP/1.1\r\nhost: m\r\n\r\n", "404"),
        ("POST /metrics HTTP/1.1\r\nhost: m\r\ncontent-length: 0\r\n\r\n", "405"),
    ] {
        let answer = answered(&address, request).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{request}: {answer}");
    }
    let long = "x".repeat(limits::SCRAPE_REQUEST_BYTES_MAX);
    let answer = answered(&address, &format!("GET /metrics HTTP/1.1\r\nhost: {long}\r\n\r\n")).await;
    assert!(!answer.starts_with("HTTP/1.1 200"), "{answer}");
    page(&address).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_connect_and_say_nothing_are_hung_up_on_and_hold_no_place_for_ever() {
    let (_stage, address) = measured().await;
    let mut silent = Vec::new();
    for _ in 0..limits::SCRAPES_AT_ONCE_MAX {
        silent.push(TcpStream::connect(&address).await.unwrap());
    }
    let question = "GET /metrics HTTP/1.1\r\nhost: m\r\n\r\n";
    eventually("all places are taken", || async { answered(&address, question).await.is_empty() }).await;
    let patience = limits::SCRAPE_DEADLINE + Duration::from_secs(30);
    for mut stream in silent {
        let mut byte = [0];
        let ended = tokio::time::timeout(patience, stream.read(&mut byte)).await.expect("it was hung up on");
        assert!(matches!(ended, Ok(0) | Err(_)), "{ended:?}");
    }
    page(&address).await;
}
