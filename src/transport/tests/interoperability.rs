//! The listener as another implementation sees it: `openssl s_client`.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use rustls::NamedGroup;
use tokio::process::{Child, Command};

use super::*;

fn s_client(place: &Path, address: SocketAddr, house: &House, version: &str) -> Option<Child> {
    let client = Command::new("openssl")
        .arg("s_client")
        .args(["-connect", &address.to_string(), "-servername", &house.domain.gateway_dns_name()])
        .args([version, "-alpn", "h2", "-verify_return_error", "-CAfile", "authorities.pem"])
        .args(["-attime", &NOW.seconds().to_string()])
        .args(["-cert", "client.pem", "-key", "client.key"])
        .current_dir(place)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn();
    match client {
        Ok(child) => Some(child),
        Err(_) => {
            use std::io::Write;
            let _ = writeln!(std::io::stderr(), "SKIPPED the listener seen by openssl: openssl not found");
            None
        }
    }
}

#[tokio::test]
async fn openssl_enters_with_tls_1_3_and_a_certificate_and_not_with_tls_1_2() {
    let (xa, xb) = (House::found("XA"), House::found("XB"));
    let place = tempfile::tempdir().unwrap();
    let client = xb.transport.issue(&xb.gateway());
    fs::write(place.path().join("client.pem"), &client.chain).unwrap();
    fs::write(place.path().join("client.key"), &client.key).unwrap();
    let authorities = [&xa.root.certificate, &xa.transport.certificate].map(|der| {
        let text = data_encoding::BASE64.encode(der);
        format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
    });
    fs::write(place.path().join("authorities.pem"), authorities.concat()).unwrap();
    let (address, mut incoming) = open(Door::Relay, credentials(xa.material(&[&xb]))).await;

    let Some(old) = s_client(place.path(), address, &xa, "-tls1_2") else { return };
    let output = old.wait_with_output().await.unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("alert number 70"));

    let Some(new) = s_client(place.path(), address, &xa, "-tls1_3") else { return };
    let output = async { panic!("openssl ended: {:?}", new.wait_with_output().await) };
    let connection = tokio::select! {
        connection = incoming.next() => connection.unwrap().unwrap(),
        () = output => return,
    };
    assert_eq!(connection.peer().name().to_string(), "chancery://XB/gateway");
    // openssl 3.5 and later offer the hybrid group, earlier ones do not.
    let groups = [NamedGroup::X25519MLKEM768, NamedGroup::X25519].map(|group| Some(u16::from(group)));
    assert!(groups.contains(&connection.key_exchange()));
}
