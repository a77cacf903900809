//! Who may sign a header: the registry of the sender, with its one true signature.

use chancery::keys::file::{open_plain, read_certificates};
use chancery::message::envelope::Envelope;
use chancery::proto::message::v1 as wire;
use chancery::trust::signature::{Signer, SigningFault};
use prost::Message;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};

use crate::support::answers::{refused, relay, relay_bytes, unsigned};
use crate::support::craft::Craft;
use crate::support::der::Element;
use crate::support::{Stage, proofs};

/// Hands an envelope that must not pass to XB's relay and to XA's mailbox; both give the same reason, and
/// nothing changes.
async fn refused_everywhere(stage: &Stage, envelope: Vec<u8>, reason: &str) {
    let before = (proofs::trace(stage, "XA").await, proofs::trace(stage, "XB").await);
    assert_eq!(unsigned(&relay_bytes(stage, vec![envelope.clone()]).await[0]), reason);
    assert_eq!(refused(stage, &envelope).await, reason);
    assert_eq!((proofs::trace(stage, "XA").await, proofs::trace(stage, "XB").await), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_office_cannot_sign_a_header() {
    let stage = Stage::pair().await;
    let keys = stage.house("XA").keys();
    for office in keys.offices().unwrap().values() {
        let signer = keys.office(office).unwrap();
        let envelope = Craft::new(&stage, "XA", "XB").signed_by(&stage, signer.as_ref());
        refused_everywhere(&stage, envelope.encode(), "SIGNER_NOT_REGISTRY").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_registry_of_another_ministry_cannot_sign_a_header() {
    let stage = Stage::pair().await;
    let envelope = Craft::new(&stage, "XA", "XB")
        .signed_by(&stage, stage.house("XB").keys().registry().unwrap().as_ref());
    refused_everywhere(&stage, envelope.encode(), "SIGNATURE_INVALID").await;
}

/// Signs with any key that lies in a file.
#[derive(Debug)]
struct Raw {
    certificates: Vec<Vec<u8>>,
    key: EcdsaKeyPair,
}

impl Signer for Raw {
    fn certificate(&self) -> &[u8] {
        &self.certificates[0]
    }

    fn intermediates(&self) -> &[Vec<u8>] {
        &self.certificates[1..]
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SigningFault> {
        Ok(self.key.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transport_or_access_certificate_cannot_sign_a_header() {
    let stage = Stage::pair().await;
    let homes = stage.house("XA").homes();
    let keys = homes.desk.directory().join("keys");
    let protected = |name: &str| {
        chancery::keys::file::open_protected(&keys.join(name), &crate::support::passphrase()).unwrap()
    };
    let pairs = [
        (open_plain(&homes.gateway.transport_key()).unwrap(), homes.gateway.transport_chain()),
        (protected("access.key"), keys.join("access.pem")),
    ];
    for (key, chain) in pairs {
        let certificates = read_certificates(&chain).unwrap().iter().map(|one| one.to_vec()).collect();
        let random = SystemRandom::new();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, key.pkcs8(), &random).unwrap();
        let envelope = Craft::new(&stage, "XA", "XB").signed_by(&stage, &Raw { certificates, key });
        refused_everywhere(&stage, envelope.encode(), "SIGNATURE_INVALID").await;
    }
}

/// The envelope with another signature.
fn with_signature(envelope: &Envelope, signature: Vec<u8>) -> Vec<u8> {
    let header = envelope.header().bytes().to_vec();
    wire::Envelope { header, signature, parts: envelope.parts().to_vec() }.encode_to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unsigned_header_is_refused() {
    let stage = Stage::pair().await;
    let envelope = Craft::new(&stage, "XA", "XB").signed(&stage);
    refused_everywhere(&stage, with_signature(&envelope, Vec::new()), "SIGNATURE_INVALID").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_over_another_header_is_refused() {
    let stage = Stage::pair().await;
    let craft = Craft::new(&stage, "XA", "XB");
    let other = craft.saying(b"something else").signed(&stage);
    let bytes = with_signature(&craft.signed(&stage), other.signature().to_vec());
    refused_everywhere(&stage, bytes, "SIGNATURE_INVALID").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_doubly_signed_header_is_refused() {
    let stage = Stage::pair().await;
    let craft = Craft::new(&stage, "XA", "XB");
    let (first, second) = (craft.signed(&stage), craft.signed(&stage));
    let signers = |bytes: &[u8]| {
        let content = Element::parse(bytes).children()[1].children()[0].clone();
        content.children().last().unwrap().children()
    };
    let mut both = [signers(first.signature()), signers(second.signature())].concat();
    both.sort_by_key(Element::encode);
    let doubled = Element::parse(first.signature()).with(|info| {
        info[1] = info[1].with(|explicit| {
            explicit[0] = explicit[0].with(|signed| {
                let last = signed.len() - 1;
                signed[last] = signed[last].with(|signers| *signers = both);
            });
        });
    });
    refused_everywhere(&stage, with_signature(&first, doubled.encode()), "SIGNATURE_INVALID").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ber_in_place_of_der_is_refused() {
    let stage = Stage::pair().await;
    let envelope = Craft::new(&stage, "XA", "XB").signed(&stage);
    let element = Element::parse(envelope.signature());
    assert_eq!(element.encode(), envelope.signature(), "taken apart and put together again");
    for other in [element.encode_with_long_length(), element.encode_without_length()] {
        refused_everywhere(&stage, with_signature(&envelope, other), "SIGNATURE_INVALID").await;
    }
    let trailing = [envelope.signature(), &[0]].concat();
    refused_everywhere(&stage, with_signature(&envelope, trailing), "SIGNATURE_INVALID").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_clock_is_not_needed_to_believe_a_signature() {
    let stage = Stage::pair().await;
    // XA's clock goes four minutes before, then after: within what is allowed.
    stage.clock_of("XB").skew(-240);
    let craft = Craft::new(&stage, "XA", "XB");
    let first = craft.signed(&stage);
    assert!(matches!(relay(&stage, &[&first]).await[0], chancery::gateway::frame::Answer::Receipt(_)));
    stage.clock_of("XB").skew(240);
    let second = craft.after(&first).signed(&stage);
    assert!(matches!(relay(&stage, &[&second]).await[0], chancery::gateway::frame::Answer::Receipt(_)));
}
