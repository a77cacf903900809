//! Every point of the profile, broken once in a signature that is otherwise right. Where the change lies under
//! the signed attributes, the signature is made anew, so that nothing but the profile can refuse it.

use rcgen::{PKCS_ECDSA_P256_SHA256, PKCS_ED25519, SignatureAlgorithm};

use super::tree::Node;
use super::*;

// Paths in ContentInfo.
const SIGNED_DATA: &[usize] = &[1, 0];
const DIGEST_ALGORITHMS: &[usize] = &[1, 0, 1];
const CONTENT_INFORMATION: &[usize] = &[1, 0, 2];
const CERTIFICATES: &[usize] = &[1, 0, 3];
const SIGNERS: &[usize] = &[1, 0, 4];
const SIGNER: &[usize] = &[1, 0, 4, 0];
const IDENTIFIER: &[usize] = &[1, 0, 4, 0, 1];
const DIGEST_ALGORITHM: &[usize] = &[1, 0, 4, 0, 2];
const ATTRIBUTES: &[usize] = &[1, 0, 4, 0, 3];
const SIGNATURE_ALGORITHM: &[usize] = &[1, 0, 4, 0, 4];
const SIGNATURE: &[usize] = &[1, 0, 4, 0, 5];

// Object identifiers, content octets.
const MESSAGE_DIGEST: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 4];
const SIGNING_TIME: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 5];
const CONTENT_TYPE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 3];
const SIGNING_CERTIFICATE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 16, 2, 47];
const TIME_STAMP: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 16, 2, 14];
const COUNTERSIGNATURE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 6];
const SHA_1: &[u8] = &[0x2b, 0x0e, 3, 2, 26];
const SHA_256: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1];
const SHA_384: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 2];
const SHA_512: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 3];
const ECDSA_SHA_384: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3];
const ED_25519: &[u8] = &[0x2b, 0x65, 0x70];

struct Case {
    xa: TestMinistry,
    signer: TestSigner,
    tree: Node,
}

impl Case {
    fn new() -> Self {
        Self::with(&PKCS_ECDSA_P256_SHA256)
    }

    /// A signature whose bytes are right for P-256 only; for other keys it must be made anew.
    fn with(algorithm: &'static SignatureAlgorithm) -> Self {
        let xa = TestMinistry::new("XA");
        let mut request = TestCertificate::signing(&xa.name("registry"), &[]);
        request.algorithm = algorithm;
        let signer = xa.desk.certify(&request);
        let statement = cms::statement(CONTENT, signer.certificate(), NOW).unwrap();
        let der = CertificateDer::from(signer.certificate());
        let own = EndEntityCert::try_from(&der).unwrap();
        let certificates = vec![signer.certificate().to_vec(), xa.desk.der().to_vec()];
        let signature = signer.sign(&statement).unwrap();
        let p7s = cms::write(&statement, &signature, own.issuer(), own.serial(), certificates).unwrap();
        Self { tree: Node::parse(&p7s), xa, signer }
    }

    fn attribute(&mut self, identifier: &[u8]) -> &mut Node {
        let attributes = &mut self.tree.at(ATTRIBUTES).inner;
        attributes.iter_mut().find(|attribute| attribute.inner[0].content == identifier).unwrap()
    }

    fn value(&mut self, identifier: &[u8]) -> &mut Node {
        self.attribute(identifier).at(&[1, 0])
    }

    /// Brings the attributes into order and signs them.
    fn sign_again(&mut self) {
        self.tree.at(ATTRIBUTES).sort();
        let mut statement = self.tree.at(ATTRIBUTES).clone();
        statement.tag = 0x31;
        let signature = self.signer.sign(&statement.bytes()).unwrap();
        *self.tree.at(SIGNATURE) = Node::leaf(0x04, &signature);
    }

    fn verdict(&self) -> Result<Signature, SignatureRefusal> {
        verify(CONTENT, &self.tree.bytes(), &self.xa.signing_anchors(), NOW)
    }

    fn set_hash(&mut self, identifier: &[u8], hash: &'static digest::Algorithm) {
        *self.tree.at(DIGEST_ALGORITHM) = algorithm(identifier);
        *self.tree.at(DIGEST_ALGORITHMS) = Node::of(0x31, vec![algorithm(identifier)]);
        *self.value(MESSAGE_DIGEST) = Node::leaf(0x04, digest::digest(hash, CONTENT).as_ref());
    }
}

fn algorithm(identifier: &[u8]) -> Node {
    Node::of(0x30, vec![Node::leaf(0x06, identifier)])
}

fn attribute(identifier: &[u8], values: Vec<Node>) -> Node {
    Node::of(0x30, vec![Node::leaf(0x06, identifier), Node::of(0x31, values)])
}

/// Applies `change` to a right signature, signs the attributes again and expects a refusal by the profile.
#[track_caller]
fn refused(change: impl FnOnce(&mut Case)) {
    let mut case = Case::new();
    change(&mut case);
    case.sign_again();
    assert!(matches!(case.verdict(), Err(SignatureRefusal::Profile(_))), "{:?}", case.verdict());
}

/// The same, and expects that it is believed.
#[track_caller]
fn believed(change: impl FnOnce(&mut Case)) {
    let mut case = Case::new();
    change(&mut case);
    case.sign_again();
    assert_eq!(case.verdict().map(|signature| signature.name().clone()), Ok(case.xa.name("registry")));
}

#[test]
fn a_signature_taken_apart_and_put_together_is_believed() {
    believed(|_| {});
}

#[test]
fn versions_other_than_1_are_refused() {
    refused(|case| case.tree.at(SIGNED_DATA).inner[0].content = vec![3]);
    refused(|case| case.tree.at(SIGNER).inner[0].content = vec![3]);
    refused(|case| case.tree.at(SIGNER).inner[0].content = vec![0, 1]);
}

#[test]
fn other_than_one_signer_is_refused() {
    refused(|case| {
        let mut second = case.tree.at(SIGNER).clone();
        second.inner[5].content[10] ^= 1;
        case.tree.at(SIGNERS).inner.push(second);
        case.tree.at(SIGNERS).sort();
    });
    refused(|case| {
        let same = case.tree.at(SIGNER).clone();
        case.tree.at(SIGNERS).inner.push(same);
    });
    let mut none = Case::new();
    none.tree.at(SIGNERS).inner.clear();
    assert!(matches!(none.verdict(), Err(SignatureRefusal::Profile(_))));
}

#[test]
fn a_signer_is_named_by_issuer_and_serial_number_only() {
    refused(|case| *case.tree.at(IDENTIFIER) = Node::leaf(0x80, &[1; 20]));
    refused(|case| case.tree.at(IDENTIFIER).inner[1].content[3] ^= 1);
    refused(|case| {
        let root = case.xa.root.certificate();
        let root = EndEntityCert::try_from(&root).unwrap();
        let issuer = Node::parse(&Node::leaf(0x30, root.subject()).bytes());
        case.tree.at(IDENTIFIER).inner[0] = issuer;
    });
}

#[test]
fn attached_content_and_other_content_types_are_refused() {
    let octets = Node::leaf(0x04, CONTENT);
    refused(|case| case.tree.at(CONTENT_INFORMATION).inner.push(Node::of(0xa0, vec![octets])));
    refused(|case| *case.tree.at(CONTENT_INFORMATION).inner[0].content.last_mut().unwrap() = 2);
    refused(|case| *case.value(CONTENT_TYPE).content.last_mut().unwrap() = 2);
    refused(|case| *case.tree.inner[0].content.last_mut().unwrap() = 3);
}

#[test]
fn revocation_lists_inside_are_refused() {
    let mut case = Case::new();
    let list = Node::parse(&case.xa.desk.revocation_list(&[], NOW));
    case.tree.at(SIGNED_DATA).inner.insert(4, Node::of(0xa1, vec![list]));
    assert!(matches!(case.verdict(), Err(SignatureRefusal::Profile(_))));
}

#[test]
fn missing_doubled_and_unknown_signed_attributes_are_refused() {
    for identifier in [CONTENT_TYPE, MESSAGE_DIGEST, SIGNING_TIME, SIGNING_CERTIFICATE] {
        refused(|case| {
            case.tree.at(ATTRIBUTES).inner.retain(|attribute| attribute.inner[0].content != identifier);
        });
        refused(|case| {
            let mut second = case.attribute(identifier).clone();
            *second.at(&[1, 0]) = Node::leaf(0x04, &[7; 32]);
            case.tree.at(ATTRIBUTES).inner.push(second);
        });
        refused(|case| {
            let same = case.attribute(identifier).clone();
            case.tree.at(ATTRIBUTES).inner.push(same);
        });
        refused(|case| {
            let values = case.attribute(identifier).at(&[1]);
            values.inner.push(Node::leaf(0x04, &[7; 40]));
            values.sort();
        });
        refused(|case| case.attribute(identifier).at(&[1]).inner.clear());
        refused(|case| case.attribute(identifier).inner.push(Node::leaf(0x05, &[])));
    }
    refused(|case| {
        let unknown = attribute(COUNTERSIGNATURE, vec![Node::leaf(0x04, &[1])]);
        case.tree.at(ATTRIBUTES).inner.push(unknown);
    });
    let mut without = Case::new();
    without.tree.at(SIGNER).inner.remove(3);
    assert!(matches!(without.verdict(), Err(SignatureRefusal::Profile(_))));
}

#[test]
fn unsigned_attributes_other_than_one_time_stamp_are_refused() {
    let token = Node::of(0x30, vec![Node::leaf(0x05, &[])]);
    let unsigned = |attributes| Node::of(0xa1, attributes);
    believed(|case| {
        let time_stamp = attribute(TIME_STAMP, vec![token.clone()]);
        case.tree.at(SIGNER).inner.push(unsigned(vec![time_stamp]));
    });
    let refused_lists = [
        vec![],
        vec![attribute(COUNTERSIGNATURE, vec![token.clone()])],
        vec![attribute(TIME_STAMP, vec![])],
        vec![attribute(TIME_STAMP, vec![Node::leaf(0x04, &[1])])],
        vec![attribute(TIME_STAMP, vec![token.clone()]), attribute(COUNTERSIGNATURE, vec![token.clone()])],
    ];
    for list in refused_lists {
        refused(|case| case.tree.at(SIGNER).inner.push(unsigned(list)));
    }
    refused(|case| case.tree.at(SIGNER).inner.push(Node::leaf(0x05, &[])));
}

#[test]
fn digest_algorithms_must_be_one_and_the_same() {
    refused(|case| case.tree.at(DIGEST_ALGORITHMS).inner.clear());
    refused(|case| case.tree.at(DIGEST_ALGORITHMS).inner.push(algorithm(SHA_384)));
    refused(|case| case.tree.at(DIGEST_ALGORITHMS).inner[0] = algorithm(SHA_384));
    refused(|case| case.tree.at(DIGEST_ALGORITHM).inner.push(Node::leaf(0x05, &[])));
}

#[test]
fn null_parameters_of_a_digest_algorithm_are_taken_and_others_refused() {
    let parameters = |parameter: Node| {
        move |case: &mut Case| {
            case.tree.at(DIGEST_ALGORITHM).inner.push(parameter.clone());
            case.tree.at(DIGEST_ALGORITHMS).inner[0].inner.push(parameter);
        }
    };
    believed(parameters(Node::leaf(0x05, &[])));
    refused(parameters(Node::leaf(0x05, &[0])));
    refused(parameters(Node::leaf(0x04, &[])));
    refused(|case| case.tree.at(SIGNATURE_ALGORITHM).inner.push(Node::leaf(0x05, &[])));
}

#[test]
fn only_three_pairs_of_algorithms_are_believed() {
    let pairs = [
        (&PKCS_ECDSA_P384_SHA384, SHA_384, &digest::SHA384, ECDSA_SHA_384),
        (&PKCS_ED25519, SHA_512, &digest::SHA512, ED_25519),
    ];
    for (key, hash_identifier, hash, signature_identifier) in pairs {
        let mut case = Case::with(key);
        case.set_hash(hash_identifier, hash);
        *case.tree.at(SIGNATURE_ALGORITHM) = algorithm(signature_identifier);
        case.sign_again();
        assert!(case.verdict().is_ok());
        case.set_hash(SHA_256, &digest::SHA256);
        case.sign_again();
        assert!(matches!(case.verdict(), Err(SignatureRefusal::Profile(_))));
    }
    refused(|case| case.set_hash(SHA_384, &digest::SHA384));
    refused(|case| case.set_hash(SHA_1, &digest::SHA1_FOR_LEGACY_USE_ONLY));
    let mut confused = Case::new();
    confused.set_hash(SHA_384, &digest::SHA384);
    *confused.tree.at(SIGNATURE_ALGORITHM) = algorithm(ECDSA_SHA_384);
    confused.sign_again();
    assert_eq!(confused.verdict(), Err(SignatureRefusal::Invalid));
}

#[test]
fn the_signing_certificate_is_named_once_by_an_accepted_hash() {
    let hashed =
        |case: &Case, hash| Node::leaf(0x04, digest::digest(hash, case.signer.certificate()).as_ref());
    for (identifier, hash) in
        [(SHA_256, &digest::SHA256), (SHA_384, &digest::SHA384), (SHA_512, &digest::SHA512)]
    {
        believed(|case| {
            let hash = hashed(case, hash);
            case.value(SIGNING_CERTIFICATE).at(&[0, 0]).inner = vec![algorithm(identifier), hash];
        });
    }
    refused(|case| {
        let hash = hashed(case, &digest::SHA1_FOR_LEGACY_USE_ONLY);
        case.value(SIGNING_CERTIFICATE).at(&[0, 0]).inner = vec![algorithm(SHA_1), hash];
    });
    refused(|case| case.value(SIGNING_CERTIFICATE).at(&[0, 0, 0]).content[0] ^= 1);
    refused(|case| case.value(SIGNING_CERTIFICATE).at(&[0]).inner.clear());
    refused(|case| {
        let first = case.value(SIGNING_CERTIFICATE).at(&[0, 0]).clone();
        case.value(SIGNING_CERTIFICATE).at(&[0]).inner.push(first);
    });
    refused(|case| case.value(SIGNING_CERTIFICATE).inner.push(Node::of(0x30, vec![])));
}

#[test]
fn the_issuer_and_serial_number_of_the_signing_certificate_must_fit() {
    let named = |case: &mut Case| {
        let (issuer, serial) =
            (case.tree.at(IDENTIFIER).inner[0].clone(), case.tree.at(IDENTIFIER).inner[1].clone());
        Node::of(0x30, vec![Node::of(0x30, vec![Node::of(0xa4, vec![issuer])]), serial])
    };
    believed(|case| {
        let node = named(case);
        case.value(SIGNING_CERTIFICATE).at(&[0, 0]).inner.push(node);
    });
    refused(|case| {
        let mut node = named(case);
        node.inner[1].content[3] ^= 1;
        case.value(SIGNING_CERTIFICATE).at(&[0, 0]).inner.push(node);
    });
    refused(|case| {
        let mut node = named(case);
        node.at(&[0, 0]).inner.push(Node::leaf(0x05, &[]));
        case.value(SIGNING_CERTIFICATE).at(&[0, 0]).inner.push(node);
    });
}

#[test]
fn times_have_one_spelling() {
    believed(|case| *case.value(SIGNING_TIME) = Node::leaf(0x17, b"261122095959Z"));
    for (tag, text) in [
        (0x18, &b"20261122095959Z"[..]),
        (0x17, b"2611220959Z"),
        (0x17, b"261122095959+0000"),
        (0x17, b"261322095959Z"),
        (0x18, b"20500101000000.5Z"),
        (0x04, b"261122095959Z"),
    ] {
        refused(|case| *case.value(SIGNING_TIME) = Node::leaf(tag, text));
    }
}

#[test]
fn certificates_are_in_order_without_strangers() {
    refused(|case| case.tree.at(CERTIFICATES).inner.reverse());
    refused(|case| case.tree.at(CERTIFICATES).inner[0].tag = 0xa1);
    refused(|case| {
        let same = case.tree.at(CERTIFICATES).inner[1].clone();
        case.tree.at(CERTIFICATES).inner.push(same);
    });
    refused(|case| {
        let stranger = Node::parse(TestMinistry::new("XB").desk.der());
        case.tree.at(CERTIFICATES).inner.push(stranger);
        case.tree.at(CERTIFICATES).sort();
    });
    refused(|case| {
        let signer = Node::parse(case.signer.certificate());
        case.tree.at(CERTIFICATES).inner.retain(|certificate| *certificate != signer);
    });
    refused(|case| case.tree.at(CERTIFICATES).inner.clear());
}

#[test]
fn signed_attributes_out_of_order_are_refused() {
    let mut case = Case::new();
    case.tree.at(ATTRIBUTES).inner.reverse();
    let mut statement = case.tree.at(ATTRIBUTES).clone();
    statement.tag = 0x31;
    case.tree.at(SIGNATURE).content = case.signer.sign(&statement.bytes()).unwrap();
    assert!(matches!(case.verdict(), Err(SignatureRefusal::Profile(_))));
}

#[test]
fn indefinite_lengths_of_ber_are_refused_everywhere() {
    let case = Case::new();
    let anchors = case.xa.signing_anchors();
    let below =
        [SIGNED_DATA, CERTIFICATES, SIGNERS, SIGNER, IDENTIFIER, ATTRIBUTES, CONTENT_INFORMATION, &[1]];
    for path in below {
        let ber = case.tree.indefinite(path);
        assert!(matches!(refusal(&ber, &anchors), SignatureRefusal::Profile(_)), "{path:?}");
    }
    let mut outermost = case.tree.bytes();
    let length = outermost.len();
    outermost.splice(1..4, [0x80]);
    outermost.extend([0, 0]);
    assert_eq!(outermost.len(), length);
    assert!(matches!(refusal(&outermost, &anchors), SignatureRefusal::Profile(_)));
}

#[test]
fn lengths_longer_than_needed_are_refused() {
    let case = Case::new();
    let mut longer = case.tree.bytes();
    assert_eq!(longer[1], 0x82);
    longer[1] = 0x83;
    longer.insert(2, 0);
    assert!(matches!(refusal(&longer, &case.xa.signing_anchors()), SignatureRefusal::Profile(_)));
}

#[test]
fn a_wrong_signature_over_right_attributes_is_refused() {
    let mut case = Case::new();
    let statement = cms::statement(b"other", case.signer.certificate(), NOW).unwrap();
    case.tree.at(SIGNATURE).content = case.signer.sign(&statement).unwrap();
    assert_eq!(case.verdict(), Err(SignatureRefusal::Invalid));
    case.tree.at(SIGNATURE).content.clear();
    assert_eq!(case.verdict(), Err(SignatureRefusal::Invalid));
}
