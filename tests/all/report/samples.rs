//! Hand-made facts and verdicts.

use mailseal::asn1::{Tag, Time, Writer, oid};
use mailseal::facts::axis::*;
use mailseal::facts::finding::{Finding, FindingAt};
use mailseal::facts::record::*;
use mailseal::judge::verdict::{
    At, MessageVerdict, Proof, RevocationSource, SignatureVerdict, TrustFacts,
};
use mailseal::judge::{RatedTime, Status, Strength, Word};
use mailseal::pki::trust::{Chain, Revocation};
use mailseal::report::Place;

pub fn at(seconds: i64) -> Time {
    Time::from_unix(seconds).unwrap()
}

pub fn place(archive: u32, offset: u64) -> Place<'static> {
    Place {
        archive,
        path: "lists/2009.mbox",
        path_bytes: None,
        folder: "lists/2009.mbox",
        offset,
        length: 36_000,
    }
}

pub fn text(text: &str) -> Option<HeaderText> {
    Some(HeaderText {
        text: text.to_owned(),
        bytes: None,
    })
}

/// `CN=<name>`, DER.
pub fn name(name: &str) -> Vec<u8> {
    Writer::encode(|w| {
        w.sequence(|w| {
            w.constructed(Tag::SET, |w| {
                w.sequence(|w| {
                    w.oid(oid::COMMON_NAME);
                    w.primitive(Tag::UTF8_STRING, name.as_bytes());
                });
            });
        });
    })
}

pub fn layer(path: &str, kind: LayerKind) -> LayerFacts {
    LayerFacts {
        protected: None,
        path: path.to_owned(),
        kind,
        structure: Structure::Ok,
        inside: None,
        nested: None,
        content_type: None,
        signatures: Vec::new(),
        encrypted: None,
        certificates: Vec::new(),
        crls: Vec::new(),
        findings: Vec::new(),
    }
}

pub fn signature(index: u32) -> SignatureFacts {
    SignatureFacts {
        index,
        certificate: Some([0xc1; 32]),
        identifier: Identifier::IssuerSerial {
            issuer: name("Issuing CA, \u{202e}Ltd"),
            // 2^64
            serial: vec![1, 0, 0, 0, 0, 0, 0, 0, 0],
        },
        addresses: vec!["alice@example.org".to_owned()],
        digest: Digest::Match,
        attributes: Attributes::Ok,
        signature: Signature::Valid,
        certificate_source: CertificateSource::Message,
        identity: Identity::MatchFrom,
        coverage: Coverage::WholeBody,
        uncovered: Vec::new(),
        algorithms: Algorithms {
            digest: "sha256".to_owned(),
            signature: "rsa_v15".to_owned(),
            key: "rsa".to_owned(),
            key_bits: Some(2048),
            exponent: Some(u64::MAX),
            padding: None,
        },
        signing_time: Some(at(1_240_000_000)),
        pending: None,
        countersignatures: Vec::new(),
        timestamps: Vec::new(),
        findings: vec![Finding::EssAbsent],
    }
}

pub fn trusted(seconds: i64) -> At {
    At {
        at: at(seconds),
        verdict: Word::Valid,
        trust: Some(TrustFacts {
            chain: Chain::Trusted,
            chain_reasons: Vec::new(),
            revocation: Revocation::Good,
            revocation_source: Some(RevocationSource {
                evidence: Proof::Crl([0xcc; 32]),
                this_update: at(1_239_000_000),
                next_update: Some(at(1_241_000_000)),
                certificate: [0xc1; 32],
                revoked_at: None,
                reason: None,
            }),
            strength: Strength::Strong,
            strength_reasons: Vec::new(),
        }),
    }
}

pub fn signature_verdict() -> SignatureVerdict {
    SignatureVerdict {
        verdict: Word::ValidAsClaimed,
        etsi: "INDETERMINATE/OUT_OF_BOUNDS_NO_POE",
        now: At {
            at: at(1_700_000_000),
            verdict: Word::SignerExpired,
            trust: Some(TrustFacts {
                chain: Chain::Expired,
                chain_reasons: vec![Chain::Expired],
                revocation: Revocation::Stale,
                revocation_source: None,
                strength: Strength::Weak,
                strength_reasons: vec!["sha1".to_owned()],
            }),
        },
        evidenced: None,
        claimed: Some(trusted(1_240_000_000)),
        times: vec![
            RatedTime {
                source: TimeSource::SigningTime,
                grade: Grade::Claimed,
                at: at(1_240_000_000),
            },
            RatedTime {
                source: TimeSource::Date,
                grade: Grade::Claimed,
                at: at(1_240_000_100),
            },
        ],
        path: vec![[0xc1; 32], [0xca; 32]],
        findings: vec![Finding::RevocationNotKnown],
    }
}

fn recipient(index: u32, identifier: Identifier, result: Decryption) -> RecipientFacts {
    RecipientFacts {
        index,
        kind: RecipientKind::RsaV15,
        identifier,
        algorithm: "rsaEncryption".to_owned(),
        key_found: result == Decryption::Decrypted,
        result,
    }
}

fn encrypted() -> EncryptedFacts {
    EncryptedFacts {
        content_type: EncryptedType::Enveloped,
        cipher: "aes256-cbc".to_owned(),
        key_bits: Some(256),
        cek_hkdf: true,
        recipients: vec![
            recipient(
                0,
                Identifier::IssuerSerial {
                    issuer: name("=Recipients"),
                    serial: vec![0x0a, 0xbc],
                },
                Decryption::NoKey,
            ),
            recipient(1, Identifier::Ski(vec![0xee; 20]), Decryption::Decrypted),
        ],
        decryption: Decryption::Decrypted,
        matched_by: Some(MatchedBy::Ski),
        integrity: Some(Integrity::InnerSignature),
        plaintext_bytes: Some(30_000),
        plaintext_sha256: Some([0x9a; 32]),
        ciphertext_bytes: 30_016,
    }
}

fn addresses() -> Addresses {
    Addresses {
        from: vec!["alice@example.org".to_owned()],
        from_fields: 1,
        sender: Vec::new(),
    }
}

/// A message with a layer of each kind, in which every field of the schema occurs.
pub fn everything() -> (MessageFacts, MessageVerdict) {
    let mut layers: Vec<LayerFacts> = LayerKind::ALL
        .iter()
        .enumerate()
        .map(|(index, kind)| layer(&format!("1.{}", index + 1), *kind))
        .collect();
    let mut verdicts: Vec<Vec<SignatureVerdict>> = layers.iter().map(|_| Vec::new()).collect();

    let mut counter = signature(0);
    counter.countersignatures = vec![signature(0)];
    let mut token = signature(0);
    token.certificate = Some([0xc7; 32]);
    let mut first = signature(0);
    first.countersignatures = vec![counter, signature(1)];
    first.timestamps = vec![TimestampFacts {
        kind: TimestampKind::Signature,
        structure: Structure::Ok,
        imprint: Digest::Match,
        at: Some(at(1_240_000_060)),
        signature: Some(Box::new(token)),
    }];
    let mut evidenced = signature_verdict();
    evidenced.evidenced = Some(trusted(1_240_000_060));
    let mut second = signature(1);
    second.certificate = None;
    second.certificate_source = CertificateSource::None;
    second.signature = Signature::CertificateMissing;
    second.addresses = Vec::new();
    second.coverage = Coverage::Subpart;
    second.uncovered = vec!["2".to_owned()];
    second.algorithms.padding = Some("mgf1-sha256/32".to_owned());
    let mut missing = signature_verdict();
    missing.verdict = Word::NoCertificate;
    missing.etsi = "INDETERMINATE/NO_SIGNING_CERTIFICATE_FOUND";
    missing.claimed = None;
    missing.now.trust = None;
    missing.now.verdict = Word::NoCertificate;
    missing.path = Vec::new();
    layers[0].signatures = vec![first, second];
    layers[0].certificates = vec![[0xc1; 32], [0xca; 32]];
    layers[0].findings = vec![Finding::MicalgMismatch, Finding::Ber];
    layers[0].crls = vec![[0xc2; 32], [0xc3; 32]];
    verdicts[0] = vec![evidenced, missing];

    let mut inner = signature(0);
    inner.certificate = None;
    inner.identifier = Identifier::Ski(vec![0xab; 20]);
    inner.coverage = Coverage::NestedMessage;
    layers[1].path = "1.2/2".to_owned();
    layers[1].nested = Some(0);
    layers[1].signatures = vec![inner];
    verdicts[1] = vec![signature_verdict()];

    layers[2].encrypted = Some(encrypted());
    layers[3].encrypted = Some(EncryptedFacts {
        content_type: EncryptedType::AuthEnveloped,
        recipients: Vec::new(),
        decryption: Decryption::NoKey,
        matched_by: None,
        integrity: None,
        plaintext_bytes: None,
        plaintext_sha256: None,
        ..encrypted()
    });
    layers[5].structure = Structure::CertsOnly;
    layers[5].certificates = vec![[0xca; 32], [0x01; 32]];
    layers[9].content_type = Some("1.2.3.4".to_owned());

    let invalid = |text: &str, bytes: &[u8]| {
        Some(HeaderText {
            text: text.to_owned(),
            bytes: Some(bytes.to_vec()),
        })
    };
    let facts = MessageFacts {
        sha256: Some([0x5a; 32]),
        headers: Headers {
            message_id: text("<everything@example.org>"),
            // Latin-1, and a lone surrogate in CESU-8.
            from: invalid(
                "Zo\u{fffd} \u{fffd} <alice@example.org>",
                b"Zo\xeb \xed\xa0\x80 <alice@example.org>",
            ),
            sender: text("\u{1b}[31m\"Alice\"\u{2028}<alice@example.org>"),
            subject: text("=cmd|' /C calc'!A0 \u{202e}"),
            date: text("Fri, 17 Apr 2009 20:28:20 +0000"),
            date_utc: Some(at(1_240_000_100)),
        },
        sender: addresses(),
        times: vec![ClaimedTime {
            source: TimeSource::Date,
            at: at(1_240_000_100),
        }],
        trace: Trace::default(),
        layers,
        nested: vec![NestedMessage {
            path: "1.2".to_owned(),
            headers: Headers {
                from: text("Bob <bob@example.org>"),
                message_id: invalid("<inner\u{fffd}@example.org>", b"<inner\xff@example.org>"),
                ..Headers::default()
            },
            sender: addresses(),
            times: Vec::new(),
        }],
        content_sha256: Some([0xc0; 32]),
        findings: vec![
            FindingAt {
                place: "2".to_owned(),
                code: Finding::ListFooter,
            },
            FindingAt {
                place: String::new(),
                code: Finding::SeparatorOdd,
            },
        ],
    };
    let verdict = MessageVerdict {
        verdict: Some(Word::NoCertificate),
        verdict_claimed: Some(Word::NoCertificate),
        verdict_now: Some(Word::NoCertificate),
        decryption: Some(Decryption::NoKey),
        status: Status::NoKey,
        signatures: verdicts,
        findings: Vec::new(),
    };
    (facts, verdict)
}

/// A message with one signature and two certificates, of the given status.
pub fn signed(status: Status, time: Option<i64>) -> (MessageFacts, MessageVerdict) {
    let mut one = layer("1", LayerKind::Signed);
    let mut signer = signature(0);
    signer.signing_time = time.map(at);
    one.signatures = vec![signer];
    one.certificates = vec![[0xc1; 32], [0xca; 32]];
    let facts = MessageFacts {
        layers: vec![one],
        ..MessageFacts::default()
    };
    let verdict = MessageVerdict {
        verdict: Some(Word::ValidAsClaimed),
        verdict_claimed: Some(Word::Valid),
        verdict_now: Some(Word::SignerExpired),
        decryption: None,
        status,
        signatures: vec![vec![signature_verdict()]],
        findings: Vec::new(),
    };
    (facts, verdict)
}
