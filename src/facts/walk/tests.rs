//! What a layer says of its surroundings, and that nothing which was left out makes a message look better.

use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;

use crate::asn1::{AlgorithmIdentifier, oid};
use crate::cms::EntityIdentifier;
use crate::cms::build::{self, AttributeList, Content, Form, Signer};
use crate::crypto::digest::sha256;
use crate::facts::axis::{Coverage, LayerKind, Structure};
use crate::facts::finding::Finding;
use crate::facts::record::MessageFacts;
use crate::facts::{Scratch, Settings, collect};
use crate::mime::message::{Form as MessageForm, Message, Origin};
use crate::pki::keyring::Keyring;

fn facts(message: &str) -> Option<Box<MessageFacts>> {
    let message = Message {
        bytes: message.as_bytes(),
        form: MessageForm::Mail,
        origin: Origin::default(),
    };
    let settings = Settings::default();
    let keys = Keyring::empty();
    collect(&message, &keys, &settings, &mut Scratch::default()).facts
}

/// A signature that names nobody's certificate: enough for everything but the mathematics.
fn signature() -> Vec<u8> {
    signature_with(AttributeList::new())
}

fn signature_with(unsigned_attributes: AttributeList) -> Vec<u8> {
    let algorithm = |oid| AlgorithmIdentifier {
        oid,
        parameters: None,
    };
    build::SignedData {
        signers: vec![Signer {
            sid: EntityIdentifier::SubjectKeyIdentifier((&[9; 20]).into()),
            digest_algorithm: algorithm(oid::SHA256),
            signed_attributes: Some(
                AttributeList::new()
                    .content_type(oid::DATA)
                    .message_digest(&[7; 32]),
            ),
            signature_algorithm: algorithm(oid::ECDSA_WITH_SHA256),
            signature: vec![1],
            unsigned_attributes,
        }],
        ..build::SignedData::new(Content::Detached)
    }
    .encode()
}

fn compressed(entity: impl AsRef<[u8]>) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(entity.as_ref()).unwrap();
    build::compressed_data(oid::DATA, &encoder.finish().unwrap(), Form::Der)
}

fn signed(boundary: &str, content: &str, second: &[u8]) -> String {
    format!(
        "Content-Type: multipart/signed; boundary={boundary}; protocol=\"application/pkcs7-signature\"\r\n\r\n\
         --{boundary}\r\n{content}\r\n--{boundary}\r\n\
         Content-Type: application/pkcs7-signature\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n{}\r\n--{boundary}--\r\n",
        encoded(second)
    )
}

/// Quoted-printable, every byte of it.
fn encoded(bytes: &[u8]) -> String {
    let line = |chunk: &[u8]| {
        chunk
            .iter()
            .map(|byte| format!("={byte:02X}"))
            .collect::<String>()
    };
    bytes.chunks(24).map(line).collect::<Vec<_>>().join("=\r\n")
}

fn part(smime_type: &str, bytes: &[u8]) -> String {
    format!(
        "Content-Type: application/pkcs7-mime; smime-type={smime_type}\r\n\
         Content-Transfer-Encoding: quoted-printable\r\n\r\n{}\r\n",
        encoded(bytes)
    )
}

const HELLO: &str = "Content-Type: text/plain\r\n\r\nhello";

fn coverages(facts: &MessageFacts) -> Vec<(Coverage, Vec<String>)> {
    let signatures = facts.layers.iter().flat_map(|layer| &layer.signatures);
    signatures
        .map(|one| (one.coverage, one.uncovered.clone()))
        .collect()
}

#[test]
fn a_signed_multipart_is_covered_whole() {
    let facts = facts(&signed("o", HELLO, &signature())).unwrap();
    assert_eq!(coverages(&facts), [(Coverage::WholeBody, vec![])]);
}

/// Somebody else's signed mail, packed into the place of the signature, says nothing about the text that is shown.
#[test]
fn what_is_in_the_signatures_place_does_not_cover_the_part_beside_it() {
    let genuine = signed("i", HELLO, &signature());
    let evil = "Content-Type: text/html\r\n\r\npay me";
    let facts = facts(&signed("o", evil, &compressed(&genuine))).unwrap();
    let kinds: Vec<_> = facts.layers.iter().map(|layer| layer.kind).collect();
    assert_eq!(kinds, [LayerKind::Compressed, LayerKind::Signed]);
    assert_eq!(
        coverages(&facts),
        [(Coverage::Subpart, vec!["1".to_owned()])]
    );
}

fn unread(facts: &MessageFacts, code: Finding) -> usize {
    let unread = facts
        .layers
        .iter()
        .filter(|layer| layer.kind == LayerKind::Unknown && layer.structure == Structure::Ok);
    let found = facts.findings.iter().any(|finding| finding.code == code)
        || facts
            .layers
            .iter()
            .any(|layer| layer.findings.contains(&code));
    assert!(found || unread.clone().count() == 0);
    unread.count()
}

#[test]
fn layers_deeper_than_the_limit_are_one_layer_that_was_not_read() {
    let wrapped = |times| {
        let inside = (1..times).fold(HELLO.as_bytes().to_vec(), |inside, _| compressed(inside));
        part("compressed-data", &compressed(inside))
    };
    let at_the_limit = facts(&wrapped(16)).unwrap();
    assert_eq!(at_the_limit.layers.len(), 16);
    assert_eq!(unread(&at_the_limit, Finding::TooManyLayers), 0);
    let beyond = facts(&wrapped(18)).unwrap();
    assert_eq!(beyond.layers.len(), 17);
    assert_eq!(unread(&beyond, Finding::TooManyLayers), 1);
}

fn mixed(parts: usize, last: &str) -> String {
    let many = format!("--o\r\n{HELLO}\r\n").repeat(parts);
    format!("Content-Type: multipart/mixed; boundary=o\r\n\r\n{many}--o\r\n{last}\r\n--o--\r\n")
}

#[test]
fn more_layers_than_the_limit_are_one_layer_that_was_not_read() {
    let certs = part(
        "certs-only",
        &build::SignedData::certs_only(vec![]).encode(),
    );
    let parts = vec![format!("--o\r\n{certs}"); 66].concat();
    let message = format!("Content-Type: multipart/mixed; boundary=o\r\n\r\n{parts}--o--\r\n");
    let facts = facts(&message).unwrap();
    assert_eq!(facts.layers.len(), 65);
    assert_eq!(unread(&facts, Finding::TooManyLayers), 1);
}

/// S/MIME behind the last part that is opened is not "no S/MIME".
#[test]
fn parts_beyond_the_limit_are_a_layer_that_was_not_read() {
    let certs = part(
        "certs-only",
        &build::SignedData::certs_only(vec![]).encode(),
    );
    assert_eq!(
        unread(&facts(&mixed(9, &certs)).unwrap(), Finding::TooManyParts),
        0
    );
    let beyond = facts(&mixed(10_001, &certs)).unwrap();
    assert_eq!(unread(&beyond, Finding::TooManyParts), 1);
    assert!(facts(&mixed(10_001, HELLO)).is_none(), "no sign of S/MIME");
}

/// Row I-01 of the catalogue: the authority's certificate mostly stands in its token only.
#[test]
fn certificates_of_timestamp_tokens_are_carried() {
    let token = build::SignedData::certs_only(vec![&[0x30, 1, 7]]).encode();
    let stamped = signature_with(AttributeList::new().time_stamp_token(&token));
    let facts = facts(&signed("o", HELLO, &stamped)).unwrap();
    assert_eq!(facts.layers[0].certificates, [sha256(&[0x30, 1, 7])]);
}
