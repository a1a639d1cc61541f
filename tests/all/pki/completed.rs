//! Signatures whose certificate is not in their message, finished from a pool that others have put certificates into.

use mailseal::asn1::{AlgorithmIdentifier, Integer, Time, oid};
use mailseal::cms::build::{self, AttributeList, Content, Signer};
use mailseal::cms::{EntityIdentifier, IssuerAndSerial};
use mailseal::facts::axis::{CertificateSource, Signature};
use mailseal::facts::complete::{Sources, complete};
use mailseal::facts::record::{MessageFacts, SignatureFacts};
use mailseal::facts::{Scratch, Settings, collect};
use mailseal::limits::Limits;
use mailseal::mime::message::{Form, Message, Origin};
use mailseal::pki::keyring::Keyring;
use mailseal::pki::pool::{PoolBuilder, Provenance, Spool};
use mailseal::pki::trust::{Anchors, Hierarchy, Trust};
use openssl::hash::MessageDigest;
use openssl::sha::sha256;
use openssl::sign::Signer as SignWith;

use super::authority::{Party, Wanted, day};

const CONTENT: &[u8] = b"Content-Type: text/plain\r\n\r\nhello";
const SERIAL: u64 = 3;

struct Scene {
    root: Party,
    alice: Party,
}

impl Scene {
    fn new() -> Self {
        Self {
            root: Party::new("Root"),
            alice: Party::new("Alice"),
        }
    }

    fn certificate(&self) -> Wanted {
        Wanted::signer(&self.alice, SERIAL, "alice@example.com")
    }

    /// A mail from Alice, signed with her key, without her certificate.
    fn facts(&self, by_key: bool, attributes: bool) -> Box<MessageFacts> {
        self.facts_with(by_key, attributes, &[])
    }

    fn facts_with(
        &self,
        by_key: bool,
        attributes: bool,
        certificates: &[Vec<u8>],
    ) -> Box<MessageFacts> {
        let serial = [SERIAL as u8];
        let sid = if by_key {
            EntityIdentifier::SubjectKeyIdentifier(self.alice.key_identifier().into())
        } else {
            EntityIdentifier::IssuerAndSerial(IssuerAndSerial {
                issuer: &self.root.name,
                serial: Integer(&serial),
            })
        };
        let algorithm = |oid| AlgorithmIdentifier {
            oid,
            parameters: None,
        };
        let signer = Signer {
            sid,
            digest_algorithm: algorithm(oid::SHA256),
            signed_attributes: attributes.then(|| {
                AttributeList::new()
                    .content_type(oid::DATA)
                    .message_digest(&sha256(CONTENT))
            }),
            signature_algorithm: algorithm(oid::ECDSA_WITH_SHA256),
            signature: Vec::new(),
            unsigned_attributes: AttributeList::new(),
        };
        let sign = |tbs: &[u8]| {
            let mut signer = SignWith::new(MessageDigest::sha256(), &self.alice.key)?;
            signer.sign_oneshot_to_vec(tbs)
        };
        let der = build::SignedData {
            signers: vec![signer.sign(CONTENT, sign).unwrap()],
            certificates: certificates.iter().map(Vec::as_slice).collect(),
            ..build::SignedData::new(Content::Octets(CONTENT))
        }
        .encode();
        let mut message =
            b"From: alice@example.com\r\nContent-Type: application/pkcs7-mime; smime-type=signed-data\r\n\
              Content-Transfer-Encoding: base64\r\n\r\n"
                .to_vec();
        message.extend_from_slice(openssl::base64::encode_block(&der).as_bytes());
        let message = Message {
            bytes: &message,
            form: Form::Mail,
            origin: Origin::default(),
        };
        let (keys, settings) = (Keyring::empty(), Settings::default());
        let collected = collect(&message, &keys, &settings, &mut Scratch::default());
        collected.facts.unwrap()
    }

    /// The signature, once `pool` was seen in other messages.
    fn finished(&self, facts: &MessageFacts, pool: &[Vec<u8>], at: Time) -> SignatureFacts {
        self.finished_within(facts, pool, at, &Limits::default())
    }

    fn finished_within(
        &self,
        facts: &MessageFacts,
        pool: &[Vec<u8>],
        at: Time,
        limits: &Limits,
    ) -> SignatureFacts {
        let mut builder = PoolBuilder::new(Spool::memory());
        for der in pool {
            builder
                .insert_certificate(der, Provenance::Message)
                .unwrap();
        }
        let root = Wanted::ca(&self.root, 1).by(&self.root);
        let anchors = Anchors::new([root.as_slice()], &mut builder).unwrap();
        let pool = builder.finish();
        let hierarchy = Hierarchy::new(&pool, &anchors, limits).unwrap();
        let mut trust = Trust::new(&pool, &hierarchy, limits);
        let mut sources = Sources {
            pool: &pool,
            trust: &mut trust,
            now: at,
            limits,
        };
        let mut facts = facts.clone();
        complete(&mut facts, &mut sources, &mut Scratch::default()).unwrap();
        facts.layers[0].signatures[0].clone()
    }
}

/// Anybody can copy issuer, serial number, key identifier and even the key into a certificate of his own.
#[test]
fn copies_of_a_certificate_do_not_take_its_place() {
    let scene = Scene::new();
    let mallory = Party::new("Mallory");
    let genuine = scene.certificate().by(&scene.root);
    for (by_key, attributes) in [(false, true), (true, true), (false, false), (true, false)] {
        let facts = scene.facts(by_key, attributes);
        let honest = scene.finished(&facts, &[genuine.clone()], day(10));
        assert_eq!(honest.signature, Signature::Valid);
        assert_eq!(honest.certificate_source, CertificateSource::OtherMessage);
        let mut pool: Vec<Vec<u8>> = (0..40)
            .map(|number| {
                let mut copy = Wanted::signer(&scene.alice, SERIAL, "mallory@example.com");
                copy.days = (0, 1000 + number);
                if number % 2 == 0 {
                    copy.spki = mallory.spki();
                }
                copy.forged(&scene.root, &mallory)
            })
            .collect();
        pool.push(genuine.clone());
        let mut poisoned = scene.finished(&facts, &pool, day(10));
        poisoned
            .findings
            .retain(|finding| finding.as_str() != "issuer_serial_collision");
        assert_eq!(poisoned, honest, "{by_key} {attributes}");
    }
}

/// Rows D-11 to D-13 for the search of a signature's own certificate: of a crowd those that an authority issued come first, and a
/// message has one budget for all that are tried.
#[test]
fn d_11_a_crowd_of_copies_hides_no_certificate() {
    let scene = Scene::new();
    let mallory = Party::new("Mallory");
    let genuine = scene.certificate().by(&scene.root);
    let crowd = (0..400).map(|number| {
        let mut copy = Wanted::signer(&scene.alice, SERIAL, "mallory@example.com");
        copy.days = (0, 1000 + number);
        copy.spki = mallory.spki();
        copy.forged(&scene.root, &mallory)
    });
    let crowd: Vec<Vec<u8>> = crowd.collect();
    let pool = [crowd.as_slice(), &[genuine]].concat();
    // Enough for a few checks: the crowd alone would spend it.
    let narrow = Limits {
        work_units: 8,
        ..Limits::default()
    };
    for by_key in [false, true] {
        let facts = scene.facts(by_key, true);
        for limits in [&Limits::default(), &narrow] {
            let found = scene.finished_within(&facts, &pool, day(10), limits);
            assert_eq!(found.signature, Signature::Valid, "{by_key}");
            let alone = scene.finished_within(&facts, &crowd, day(10), limits);
            assert_eq!(alone.signature, Signature::CertificateMissing, "{by_key}");
            let spent = alone
                .findings
                .iter()
                .any(|finding| finding.as_str() == "work_budget");
            assert_eq!(spent, limits.work_units == 8, "{by_key}");
        }
    }
}

#[test]
fn a_made_up_certificate_breaks_no_signature() {
    let scene = Scene::new();
    let mallory = Party::new("Mallory");
    let facts = scene.facts(false, true);
    let alone = scene.finished(&facts, &[], day(10));
    assert_eq!(alone.signature, Signature::CertificateMissing);
    let mut other = scene.certificate();
    other.spki = mallory.spki();
    let made_up = other.forged(&scene.root, &mallory);
    assert_eq!(scene.finished(&facts, &[made_up], day(10)), alone);
    // The authority's own word is evidence.
    let real = scene.finished(&facts, &[other.by(&scene.root)], day(10));
    assert_eq!(real.signature, Signature::Invalid);
}

/// Of two certificates for one key the one that is valid at the clock is taken.
#[test]
fn a_renewed_certificate_with_the_same_key_is_as_good() {
    let scene = Scene::new();
    let facts = scene.facts(true, true);
    for number in 0..8 {
        let old = scene.certificate().days(0, 50 + number).by(&scene.root);
        let new = scene.certificate().days(100, 900).by(&scene.root);
        let wanted = sha256(&new);
        let seen = scene.finished(&facts, &[old, new], day(200));
        assert_eq!(seen.certificate, Some(wanted));
    }
}

/// The message's certificate does not verify it, another one of that name does: believed only where an authority stands for it.
#[test]
fn a_made_up_certificate_mends_no_signature() {
    let scene = Scene::new();
    let mallory = Party::new("Mallory");
    let mut other = scene.certificate();
    other.spki = mallory.spki();
    let carried = other.by(&scene.root);
    let facts = scene.facts_with(false, true, &[carried.clone()]);
    let made_up = scene.certificate().forged(&scene.root, &mallory);
    let seen = scene.finished(&facts, &[carried.clone(), made_up], day(10));
    assert_eq!(seen.signature, Signature::Invalid);
    assert_eq!(seen.certificate, Some(sha256(&carried)));
    let genuine = scene.certificate().by(&scene.root);
    let seen = scene.finished(&facts, &[carried, genuine.clone()], day(10));
    assert_eq!(seen.signature, Signature::Valid);
    assert_eq!(seen.certificate, Some(sha256(&genuine)));
}
