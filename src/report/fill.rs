//! Facts and verdict to the record of a message. Borrows all text and all octets.

use serde::{Serialize, Serializer};

use crate::facts::record::{
    Algorithms, EncryptedFacts, HeaderText, LayerFacts, MessageFacts, NestedMessage,
    SignatureFacts, TimestampFacts,
};
use crate::judge::verdict::{At, MessageVerdict, Proof, SignatureVerdict};
use crate::report::Place;
use crate::report::encode::{Base64, Hex, Instant};
use crate::report::names::Names;
use crate::report::record::{
    AlgorithmsRecord, CountersignatureRecord, EncryptedRecord, FindingRecord, JudgementRecord,
    JudgementsRecord, LayerRecord, MESSAGE_SCHEMA, MessageRecord, NestedRecord, RecipientRecord,
    RevocationSourceRecord, SignatureRecord, SignerRecord, Spot, TimeRecord, TimestampRecord,
};

/// The record of a message. `names` has learnt the names in `facts`; the Subject is in it with `subjects`. Never fails.
#[must_use]
pub fn message<'a>(
    place: &Place<'a>,
    facts: &'a MessageFacts,
    verdict: &'a MessageVerdict,
    names: &'a Names,
    subjects: bool,
) -> MessageRecord<'a> {
    let headers = &facts.headers;
    let (message_id, message_id_base64) = header(headers.message_id.as_ref());
    let (from, from_base64) = header(headers.from.as_ref());
    let (sender, sender_base64) = header(headers.sender.as_ref());
    let (date, date_base64) = header(headers.date.as_ref());
    let (subject, subject_base64) = header(headers.subject.as_ref().filter(|_| subjects));
    MessageRecord {
        schema: MESSAGE_SCHEMA,
        archive: place.archive,
        path: place.path,
        path_base64: place.path_bytes.map(Base64),
        offset: place.offset,
        length: place.length,
        sha256: digest(facts.sha256.as_ref()),
        message_id,
        message_id_base64,
        from,
        from_base64,
        sender,
        sender_base64,
        date,
        date_base64,
        date_utc: headers.date_utc.map(Instant),
        subject,
        subject_base64,
        status: verdict.status,
        verdict: verdict.verdict,
        verdict_claimed: verdict.verdict_claimed,
        verdict_now: verdict.verdict_now,
        decryption: verdict.decryption,
        layers: layers(facts, verdict, names),
        content_sha256: digest(facts.content_sha256.as_ref()),
        certificates: certificates(facts),
        findings: findings(facts, verdict),
    }
}

/// SHA-256 of every certificate that the message carries; sorted, each once.
#[must_use]
pub fn certificates(facts: &MessageFacts) -> Vec<Hex<'_>> {
    let mut all: Vec<Hex<'_>> = facts
        .layers
        .iter()
        .flat_map(|layer| &layer.certificates)
        .map(|sha256| Hex(sha256))
        .collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// Every finding of the message, its layers and its signatures; sorted by place, each once.
#[must_use]
pub fn findings<'a>(
    facts: &'a MessageFacts,
    verdict: &'a MessageVerdict,
) -> Vec<FindingRecord<'a>> {
    let mut all: Vec<FindingRecord<'a>> = facts
        .findings
        .iter()
        .chain(&verdict.findings)
        .map(|finding| FindingRecord {
            code: finding.code,
            place: Spot {
                path: &finding.place,
                signature: None,
            },
        })
        .collect();
    for (layer, verdicts) in facts.layers.iter().zip(&verdict.signatures) {
        let mut add = |signature, codes: &[_]| {
            let path = layer.path.as_str();
            all.extend(codes.iter().map(|code| FindingRecord {
                code: *code,
                place: Spot { path, signature },
            }));
        };
        add(None, &layer.findings);
        for (signature, verdict) in layer.signatures.iter().zip(verdicts) {
            let index = Some(signature.index);
            add(index, &verdict.findings);
            let mut left = vec![signature];
            while let Some(one) = left.pop() {
                add(index, &one.findings);
                left.extend(&one.countersignatures);
                left.extend(
                    one.timestamps
                        .iter()
                        .filter_map(|token| token.signature.as_deref()),
                );
            }
        }
    }
    all.sort_unstable_by_key(|finding| (finding.place, finding.code));
    all.dedup();
    all
}

impl Spot<'_> {
    /// It is the message as a whole.
    #[must_use]
    pub fn is_message(&self) -> bool {
        self.path.is_empty() && self.signature.is_none()
    }
}

impl Serialize for Spot<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.signature {
            Some(index) => serializer.collect_str(&format_args!("{}#{index}", self.path)),
            None => serializer.serialize_str(self.path),
        }
    }
}

fn header(value: Option<&HeaderText>) -> (Option<&str>, Option<Base64<'_>>) {
    match value {
        Some(value) => (Some(&value.text), value.bytes.as_deref().map(Base64)),
        None => (None, None),
    }
}

fn digest(sha256: Option<&[u8; 32]>) -> Option<Hex<'_>> {
    sha256.map(|sha256| Hex(sha256))
}

fn layers<'a>(
    facts: &'a MessageFacts,
    verdict: &'a MessageVerdict,
    names: &'a Names,
) -> Vec<LayerRecord<'a>> {
    let layer = |(facts_of, verdicts): (&'a LayerFacts, &'a Vec<SignatureVerdict>)| LayerRecord {
        path: &facts_of.path,
        kind: facts_of.kind,
        structure: facts_of.structure,
        content_type: facts_of.content_type.as_deref(),
        message: facts_of.nested.and_then(|index| nested(facts, index)),
        findings: &facts_of.findings,
        encrypted: facts_of
            .encrypted
            .as_ref()
            .map(|encrypted| encrypted_record(encrypted, names)),
        signatures: facts_of
            .signatures
            .iter()
            .zip(verdicts)
            .map(|(signature, verdict)| signature_record(signature, verdict, names))
            .collect(),
        certificates: facts_of
            .certificates
            .iter()
            .map(|sha256| Hex(sha256))
            .collect(),
        crls: u32::try_from(facts_of.crls.len()).unwrap_or(u32::MAX),
    };
    facts
        .layers
        .iter()
        .zip(&verdict.signatures)
        .map(layer)
        .collect()
}

fn nested(facts: &MessageFacts, index: u32) -> Option<NestedRecord<'_>> {
    let NestedMessage { path, headers, .. } = facts.nested.get(usize::try_from(index).ok()?)?;
    let (from, from_base64) = header(headers.from.as_ref());
    let (message_id, message_id_base64) = header(headers.message_id.as_ref());
    Some(NestedRecord {
        path,
        from,
        from_base64,
        message_id,
        message_id_base64,
    })
}

fn encrypted_record<'a>(facts: &'a EncryptedFacts, names: &'a Names) -> EncryptedRecord<'a> {
    let recipients = facts.recipients.iter().map(|recipient| {
        let shown = names.show(&recipient.identifier);
        RecipientRecord {
            index: recipient.index,
            kind: recipient.kind,
            issuer: shown.issuer,
            serial: shown.serial.map(Hex),
            ski: shown.ski.map(Hex),
            algorithm: &recipient.algorithm,
            key_found: recipient.key_found,
            result: recipient.result,
        }
    });
    EncryptedRecord {
        content_type: facts.content_type,
        cipher: &facts.cipher,
        key_bits: facts.key_bits,
        cek_hkdf: facts.cek_hkdf.then_some(true),
        recipients: recipients.collect(),
        decryption: facts.decryption,
        matched_by: facts.matched_by,
        integrity: facts.integrity,
        ciphertext_bytes: facts.ciphertext_bytes,
        plaintext_bytes: facts.plaintext_bytes,
        plaintext_sha256: digest(facts.plaintext_sha256.as_ref()),
    }
}

fn signature_record<'a>(
    facts: &'a SignatureFacts,
    verdict: &'a SignatureVerdict,
    names: &'a Names,
) -> SignatureRecord<'a> {
    let times = verdict.times.iter().map(|time| TimeRecord {
        source: time.source,
        grade: time.grade,
        at: Instant(time.at),
    });
    SignatureRecord {
        index: facts.index,
        signer: signer(facts, names),
        digest: facts.digest,
        attributes: facts.attributes,
        signature: facts.signature,
        certificate_source: facts.certificate_source,
        identity: facts.identity,
        coverage: facts.coverage,
        uncovered: &facts.uncovered,
        algorithms: algorithms(&facts.algorithms),
        times: times.collect(),
        judgements: JudgementsRecord {
            now: judgement(&verdict.now),
            evidenced: verdict.evidenced.as_ref().map(judgement),
            claimed: verdict.claimed.as_ref().map(judgement),
        },
        path: verdict.path.iter().map(|sha256| Hex(sha256)).collect(),
        verdict: verdict.verdict,
        etsi: verdict.etsi,
        countersignatures: countersignatures(facts, names),
        timestamps: facts
            .timestamps
            .iter()
            .map(|token| timestamp(token, names))
            .collect(),
    }
}

fn signer<'a>(facts: &'a SignatureFacts, names: &'a Names) -> SignerRecord<'a> {
    let certificate = digest(facts.certificate.as_ref());
    let shown = match certificate {
        Some(_) => Default::default(),
        None => names.show(&facts.identifier),
    };
    SignerRecord {
        certificate,
        issuer: shown.issuer,
        serial: shown.serial.map(Hex),
        ski: shown.ski.map(Hex),
        addresses: &facts.addresses,
    }
}

fn algorithms(facts: &Algorithms) -> AlgorithmsRecord<'_> {
    AlgorithmsRecord {
        digest: &facts.digest,
        signature: &facts.signature,
        key: &facts.key,
        key_bits: facts.key_bits,
        exponent: facts.exponent.map(|exponent| exponent.to_string()),
        padding: facts.padding.as_deref(),
    }
}

fn judgement(at: &At) -> JudgementRecord<'_> {
    let trust = at.trust.as_ref();
    JudgementRecord {
        at: Instant(at.at),
        chain: trust.map(|trust| trust.chain),
        chain_reasons: trust
            .map(|trust| trust.chain_reasons.as_slice())
            .unwrap_or_default(),
        revocation: trust.map(|trust| trust.revocation),
        revocation_source: trust
            .and_then(|trust| trust.revocation_source.as_ref())
            .map(|source| RevocationSourceRecord {
                crl: match &source.evidence {
                    Proof::Crl(sha256) => Some(Hex(sha256)),
                    Proof::Ocsp(_) => None,
                },
                ocsp: match &source.evidence {
                    Proof::Ocsp(sha256) => Some(Hex(sha256)),
                    Proof::Crl(_) => None,
                },
                this_update: Instant(source.this_update),
                next_update: source.next_update.map(Instant),
                certificate: Hex(&source.certificate),
                revoked_at: source.revoked_at.map(Instant),
                reason: source.reason,
            }),
        strength: trust.map(|trust| trust.strength),
        strength_reasons: trust
            .map(|trust| trust.strength_reasons.as_slice())
            .unwrap_or_default(),
        verdict: at.verdict,
    }
}

/// All countersignatures, each before those on it. A stack and no recursion: how deep they go is the sender's choice.
fn countersignatures<'a>(
    facts: &'a SignatureFacts,
    names: &'a Names,
) -> Vec<CountersignatureRecord<'a>> {
    let below = |prefix: &str, facts: &'a SignatureFacts| {
        let numbered = facts.countersignatures.iter().enumerate().rev();
        numbered
            .map(|(index, one)| (format!("{prefix}{index}"), one))
            .collect::<Vec<_>>()
    };
    let mut all = Vec::new();
    let mut left = below("", facts);
    while let Some((path, one)) = left.pop() {
        left.extend(below(&format!("{path}/"), one));
        all.push(CountersignatureRecord {
            path,
            signer: signer(one, names),
            digest: one.digest,
            attributes: one.attributes,
            signature: one.signature,
            certificate_source: one.certificate_source,
            algorithms: algorithms(&one.algorithms),
            signing_time: one.signing_time.map(Instant),
        });
    }
    all
}

fn timestamp<'a>(facts: &'a TimestampFacts, names: &'a Names) -> TimestampRecord<'a> {
    let signature = facts.signature.as_deref();
    TimestampRecord {
        kind: facts.kind,
        structure: facts.structure,
        imprint: facts.imprint,
        at: facts.at.map(Instant),
        signer: signature.map(|signature| signer(signature, names)),
        digest: signature.map(|signature| signature.digest),
        attributes: signature.map(|signature| signature.attributes),
        signature: signature.map(|signature| signature.signature),
        certificate_source: signature.map(|signature| signature.certificate_source),
        algorithms: signature.map(|signature| algorithms(&signature.algorithms)),
    }
}
