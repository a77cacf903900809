//! Strangers at the relay: connections that are half open, garbage, or silent after the handshake.

use std::net::Ipv4Addr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::support::raw;
use crate::support::siege::{Siege, multitude};

/// Addresses of strangers, many for each of many sources.
fn strangers(count: usize) -> impl Iterator<Item = Ipv4Addr> {
    (0..count).map(|number| Ipv4Addr::new(127, 9, 0, 1 + u8::try_from(number % 50).unwrap()))
}

/// Waits until the other side has closed the connection.
async fn closed(mut stream: TcpStream) -> bool {
    let mut rest = Vec::new();
    // A reset is an end as well.
    tokio::time::timeout(crate::support::PATIENCE, stream.read_to_end(&mut rest)).await.is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_half_open_connections_keep_no_honest_peer_out() {
    let (siege, count) = (Siege::begin().await, multitude());
    let attack = async {
        let mut silent = JoinSet::new();
        for source in strangers(count) {
            if let Ok(stream) = raw::from(source, &siege.relay()).await {
                silent.spawn(closed(stream));
            }
        }
        assert!(silent.len() > count / 2, "only {} got as far as TCP", silent.len());
        // Every one is closed at the latest when its deadline is over.
        while let Some(ended) = silent.join_next().await {
            assert!(ended.unwrap(), "a silent connection was kept");
        }
    };
    siege.under(attack).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_connections_with_garbage_keep_no_honest_peer_out() {
    let (siege, count) = (Siege::begin().await, multitude());
    let garbage: Vec<u8> = (0..600_u32).map(|at| u8::try_from(at * 7919 % 251).unwrap()).collect();
    let attack = async {
        let mut ends = JoinSet::new();
        for (number, source) in strangers(count).enumerate() {
            let Ok(mut stream) = raw::from(source, &siege.relay()).await else { continue };
            let garbage = if number % 2 == 0 { garbage.clone() } else { b"GET / HTTP/1.1\r\n\r\n".to_vec() };
            ends.spawn(async move {
                // The other side may close before everything is written.
                let _ = stream.write_all(&garbage).await;
                closed(stream).await
            });
        }
        while let Some(ended) = ends.join_next().await {
            assert!(ended.unwrap(), "garbage was listened to");
        }
    };
    siege.under(attack).await;
    let lines = siege.log().lines().filter(|line| line.contains("connection refused")).count();
    assert!(lines < 200, "{lines} lines about strangers");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_says_nothing_after_its_handshake_is_sent_away() {
    let siege = Siege::begin().await;
    let attack = async {
        let mut silent = Vec::new();
        for _ in 0..20 {
            if let Ok(stream) = raw::shake_hands(siege.identity_of("XC"), &siege.relay()).await {
                silent.push(stream);
            }
        }
        assert!(silent.len() >= 10);
        for mut stream in silent {
            let mut rest = Vec::new();
            let ended = tokio::time::timeout(crate::support::PATIENCE, stream.read_to_end(&mut rest));
            assert!(ended.await.is_ok(), "a silent peer was kept");
        }
    };
    siege.under(attack).await;
    assert!(siege.log().contains("connection cut: it is silent"), "{}", siege.log());
}
