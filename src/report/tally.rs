//! What a batch of messages adds up to. Joining two tallies is associative and commutative: `summary.json` is the join of all.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::asn1::Time;
use crate::facts::axis::{
    Attributes, CertificateSource, Coverage, Decryption, Digest, EncryptedType, Grade, Identity,
    Integrity, LayerKind, MatchedBy, RecipientKind, Signature, Structure, TimeSource, axis,
};
use crate::facts::finding::Finding;
use crate::facts::record::{MessageFacts, SignatureFacts};
use crate::judge::status::Status;
use crate::judge::strength::Strength;
use crate::judge::verdict::{At, MessageVerdict, SignatureVerdict};
use crate::judge::word::Word;
use crate::pki::trust::{Chain, Revocation};
use crate::report::Place;
use crate::report::counts::Counts;
use crate::report::record::FindingRecord;

axis! {
    /// How far signingTime and Date are apart.
    pub enum Skew {
        WithinMinute = "within_minute",
        WithinHour = "within_hour",
        WithinDay = "within_day",
        More = "more",
    }
}

/// Counts of all messages of a run, or of some.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// All messages, those without S/MIME too.
    pub messages: Group,
    /// Messages with S/MIME in them.
    pub smime_messages: u64,
    /// Messages with a signed layer.
    pub signed_messages: u64,
    /// Messages with an encrypted layer.
    pub encrypted_messages: u64,
    /// Messages with both.
    pub signed_and_encrypted_messages: u64,
    /// Messages with layers inside a nested message.
    pub nested_messages: u64,
    /// Headline verdicts of messages.
    pub verdict: Counts<Word>,
    /// The same at the claimed time.
    pub verdict_claimed: Counts<Word>,
    /// The same at the run's clock.
    pub verdict_now: Counts<Word>,
    /// Messages with an encrypted layer, by the worst of these.
    pub decryption: Counts<Decryption>,
    /// The layers.
    pub layers: LayerCounts,
    /// The SignerInfos.
    pub signatures: SignatureCounts,
    /// The encrypted layers and their recipients.
    pub encrypted: EncryptedCounts,
    /// Findings, each place counted.
    pub findings: Counts<Finding>,
    /// Faults by code.
    pub faults: Counts<String>,
    /// The first message of each status: archive and offset.
    #[serde(skip)]
    pub first: BTreeMap<Status, FirstPlace>,
    /// By year of the claimed time; a message without one is in none of them.
    pub years: BTreeMap<i16, Group>,
    /// By folder.
    pub folders: BTreeMap<String, Group>,
}

/// Counts of the messages of one group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Group {
    /// Messages.
    pub total: u64,
    /// Their bytes.
    pub bytes: u64,
    /// By status.
    pub status: Counts<Status>,
    /// Signatures by strength, at the claimed time where there is one.
    pub strength: Counts<Strength>,
}

/// Counts of layers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LayerCounts {
    /// All layers.
    pub total: u64,
    /// Most layers in one message.
    pub most_in_a_message: u64,
    /// By kind.
    pub kind: Counts<LayerKind>,
    /// By structure.
    pub structure: Counts<Structure>,
}

/// Counts of SignerInfos: a counter for each value of each axis.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "each field is the axis of that name")]
pub struct SignatureCounts {
    /// All SignerInfos of layers.
    pub total: u64,
    pub digest: Counts<Digest>,
    pub attributes: Counts<Attributes>,
    pub signature: Counts<Signature>,
    pub certificate_source: Counts<CertificateSource>,
    pub identity: Counts<Identity>,
    pub coverage: Counts<Coverage>,
    pub verdict: Counts<Word>,
    pub verdict_claimed: Counts<Word>,
    pub verdict_evidenced: Counts<Word>,
    pub verdict_now: Counts<Word>,
    pub etsi: Counts<&'static str>,
    pub chain_claimed: Counts<Chain>,
    pub chain_now: Counts<Chain>,
    pub revocation_claimed: Counts<Revocation>,
    pub revocation_now: Counts<Revocation>,
    pub strength_claimed: Counts<Strength>,
    pub strength_now: Counts<Strength>,
    pub digest_algorithm: Counts<String>,
    pub signature_algorithm: Counts<String>,
    pub key: Counts<String>,
    /// Where the best time of each stands.
    pub time_source: Counts<TimeSource>,
    /// Who stands for the best time of each.
    pub time_grade: Counts<Grade>,
    /// signingTime against Date.
    pub time_skew: Counts<Skew>,
    pub countersignatures: u64,
    pub timestamps: u64,
}

/// Counts of encrypted layers and their recipients.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "each field is the axis of that name")]
pub struct EncryptedCounts {
    /// All encrypted layers.
    pub total: u64,
    pub content_type: Counts<EncryptedType>,
    pub cipher: Counts<String>,
    pub decryption: Counts<Decryption>,
    pub matched_by: Counts<MatchedBy>,
    pub integrity: Counts<Integrity>,
    pub recipients: u64,
    /// Recipients that a key of the keyring answers to.
    pub recipients_with_key: u64,
    pub recipient_kind: Counts<RecipientKind>,
}

impl Tally {
    /// Counts messages without S/MIME, for which there is no record. Never fails.
    pub fn count_ordinary(&mut self, folder: &str, messages: u64, bytes: u64) {
        let add = |group: &mut Group| {
            group.total += messages;
            group.bytes += bytes;
            group.status.add_many(Status::NotSmime, messages);
        };
        add(&mut self.messages);
        add(of_folder(&mut self.folders, folder));
    }

    /// Counts one message. `findings`: all of the message; `claimed`: the message's time, see [`claimed_time`]. Never fails.
    pub fn count(
        &mut self,
        place: &Place<'_>,
        facts: &MessageFacts,
        verdict: &MessageVerdict,
        findings: &[FindingRecord<'_>],
        claimed: Option<Time>,
    ) {
        self.messages.count(place, verdict);
        of_folder(&mut self.folders, place.folder).count(place, verdict);
        if let Some(time) = claimed {
            self.years
                .entry(time.year())
                .or_default()
                .count(place, verdict);
        }
        let known = self.first.get(&verdict.status);
        if known.is_none_or(|known| (place.archive, place.offset) < (known.archive, known.offset)) {
            let first = FirstPlace {
                archive: place.archive,
                offset: place.offset,
                path: place.path.to_owned(),
            };
            self.first.insert(verdict.status, first);
        }

        let signed = facts
            .layers
            .iter()
            .any(|layer| !layer.signatures.is_empty());
        let encrypted = facts.layers.iter().any(|layer| layer.encrypted.is_some());
        self.smime_messages += u64::from(verdict.status != Status::NotSmime);
        self.signed_messages += u64::from(signed);
        self.encrypted_messages += u64::from(encrypted);
        self.signed_and_encrypted_messages += u64::from(signed && encrypted);
        self.nested_messages += u64::from(!facts.nested.is_empty());
        add_some(&mut self.verdict, verdict.verdict);
        add_some(&mut self.verdict_claimed, verdict.verdict_claimed);
        add_some(&mut self.verdict_now, verdict.verdict_now);
        add_some(&mut self.decryption, verdict.decryption);
        for finding in findings {
            self.findings.add(finding.code);
        }
        let layers = u64::try_from(facts.layers.len()).unwrap_or(u64::MAX);
        self.layers.total += layers;
        self.layers.most_in_a_message = self.layers.most_in_a_message.max(layers);
        for (layer, verdicts) in facts.layers.iter().zip(&verdict.signatures) {
            self.layers.kind.add(layer.kind);
            self.layers.structure.add(layer.structure);
            for (signature, verdict) in layer.signatures.iter().zip(verdicts) {
                self.signatures.count(signature, verdict);
            }
        }
        self.encrypted.count(facts);
    }

    /// Adds what `other` has counted.
    pub fn join(&mut self, other: &Self) {
        // Taken apart, so that a new field does not compile until it is joined.
        let Self {
            messages,
            smime_messages,
            signed_messages,
            encrypted_messages,
            signed_and_encrypted_messages,
            nested_messages,
            verdict,
            verdict_claimed,
            verdict_now,
            decryption,
            layers,
            signatures,
            encrypted,
            findings,
            faults,
            first,
            years,
            folders,
        } = other;
        self.messages.join(messages);
        self.smime_messages += smime_messages;
        self.signed_messages += signed_messages;
        self.encrypted_messages += encrypted_messages;
        self.signed_and_encrypted_messages += signed_and_encrypted_messages;
        self.nested_messages += nested_messages;
        self.verdict.join(verdict);
        self.verdict_claimed.join(verdict_claimed);
        self.verdict_now.join(verdict_now);
        self.decryption.join(decryption);
        self.layers.join(layers);
        self.signatures.join(signatures);
        self.encrypted.join(encrypted);
        self.findings.join(findings);
        self.faults.join(faults);
        for (status, place) in first {
            let known = self.first.entry(*status).or_insert_with(|| place.clone());
            if place < known {
                known.clone_from(place);
            }
        }
        for (year, group) in years {
            self.years.entry(*year).or_default().join(group);
        }
        for (folder, group) in folders {
            of_folder(&mut self.folders, folder).join(group);
        }
    }
}

/// Where the first message of a status stands. Ordered by place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct FirstPlace {
    /// The file's number in inputs.csv.
    pub archive: u32,
    /// From where in the uncompressed file on, in bytes.
    pub offset: u64,
    /// The file's path, relative to the argument.
    pub path: String,
}

/// The claimed time of a message: signingTime of its first own signature that has one, else the best of the message's own times.
#[must_use]
pub fn claimed_time(facts: &MessageFacts) -> Option<Time> {
    let own = facts.layers.iter().filter(|layer| layer.nested.is_none());
    own.flat_map(|layer| &layer.signatures)
        .find_map(|signature| signature.signing_time)
        .or_else(|| facts.times.first().map(|time| time.at))
}

impl Group {
    fn count(&mut self, place: &Place<'_>, verdict: &MessageVerdict) {
        self.total += 1;
        self.bytes += place.length;
        self.status.add(verdict.status);
        for signature in verdict.signatures.iter().flatten() {
            let at = signature.claimed.as_ref().unwrap_or(&signature.now);
            add_some(
                &mut self.strength,
                at.trust.as_ref().map(|trust| trust.strength),
            );
        }
    }

    fn join(&mut self, other: &Self) {
        let Self {
            total,
            bytes,
            status,
            strength,
        } = other;
        self.total += total;
        self.bytes += bytes;
        self.status.join(status);
        self.strength.join(strength);
    }
}

impl LayerCounts {
    fn join(&mut self, other: &Self) {
        let Self {
            total,
            most_in_a_message,
            kind,
            structure,
        } = other;
        self.total += total;
        self.most_in_a_message = self.most_in_a_message.max(*most_in_a_message);
        self.kind.join(kind);
        self.structure.join(structure);
    }
}

impl SignatureCounts {
    fn count(&mut self, facts: &SignatureFacts, verdict: &SignatureVerdict) {
        self.total += 1;
        self.digest.add(facts.digest);
        self.attributes.add(facts.attributes);
        self.signature.add(facts.signature);
        self.certificate_source.add(facts.certificate_source);
        self.identity.add(facts.identity);
        self.coverage.add(facts.coverage);
        self.verdict.add(verdict.verdict);
        self.verdict_now.add(verdict.now.verdict);
        add_some(
            &mut self.verdict_claimed,
            verdict.claimed.as_ref().map(|at| at.verdict),
        );
        add_some(
            &mut self.verdict_evidenced,
            verdict.evidenced.as_ref().map(|at| at.verdict),
        );
        self.etsi.add(verdict.etsi);
        let trust = |at: &At| {
            let trust = at.trust.as_ref()?;
            Some((trust.chain, trust.revocation, trust.strength))
        };
        if let Some((chain, revocation, strength)) = trust(&verdict.now) {
            self.chain_now.add(chain);
            self.revocation_now.add(revocation);
            self.strength_now.add(strength);
        }
        if let Some((chain, revocation, strength)) = verdict.claimed.as_ref().and_then(trust) {
            self.chain_claimed.add(chain);
            self.revocation_claimed.add(revocation);
            self.strength_claimed.add(strength);
        }
        self.digest_algorithm.add_name(&facts.algorithms.digest);
        self.signature_algorithm
            .add_name(&facts.algorithms.signature);
        self.key
            .add_key(&facts.algorithms.key, facts.algorithms.key_bits);
        if let Some(best) = verdict.times.first() {
            self.time_source.add(best.source);
            self.time_grade.add(best.grade);
        }
        add_some(&mut self.time_skew, skew(verdict));
        self.countersignatures += u64::try_from(facts.countersignatures.len()).unwrap_or(u64::MAX);
        self.timestamps += u64::try_from(facts.timestamps.len()).unwrap_or(u64::MAX);
    }

    fn join(&mut self, other: &Self) {
        let Self {
            total,
            digest,
            attributes,
            signature,
            certificate_source,
            identity,
            coverage,
            verdict,
            verdict_claimed,
            verdict_evidenced,
            verdict_now,
            etsi,
            chain_claimed,
            chain_now,
            revocation_claimed,
            revocation_now,
            strength_claimed,
            strength_now,
            digest_algorithm,
            signature_algorithm,
            key,
            time_source,
            time_grade,
            time_skew,
            countersignatures,
            timestamps,
        } = other;
        self.total += total;
        self.digest.join(digest);
        self.attributes.join(attributes);
        self.signature.join(signature);
        self.certificate_source.join(certificate_source);
        self.identity.join(identity);
        self.coverage.join(coverage);
        self.verdict.join(verdict);
        self.verdict_claimed.join(verdict_claimed);
        self.verdict_evidenced.join(verdict_evidenced);
        self.verdict_now.join(verdict_now);
        self.etsi.join(etsi);
        self.chain_claimed.join(chain_claimed);
        self.chain_now.join(chain_now);
        self.revocation_claimed.join(revocation_claimed);
        self.revocation_now.join(revocation_now);
        self.strength_claimed.join(strength_claimed);
        self.strength_now.join(strength_now);
        self.digest_algorithm.join(digest_algorithm);
        self.signature_algorithm.join(signature_algorithm);
        self.key.join(key);
        self.time_source.join(time_source);
        self.time_grade.join(time_grade);
        self.time_skew.join(time_skew);
        self.countersignatures += countersignatures;
        self.timestamps += timestamps;
    }
}

impl EncryptedCounts {
    fn count(&mut self, facts: &MessageFacts) {
        for encrypted in facts
            .layers
            .iter()
            .filter_map(|layer| layer.encrypted.as_ref())
        {
            self.total += 1;
            self.content_type.add(encrypted.content_type);
            self.cipher.add_name(&encrypted.cipher);
            self.decryption.add(encrypted.decryption);
            add_some(&mut self.matched_by, encrypted.matched_by);
            add_some(&mut self.integrity, encrypted.integrity);
            for recipient in &encrypted.recipients {
                self.recipients += 1;
                self.recipients_with_key += u64::from(recipient.key_found);
                self.recipient_kind.add(recipient.kind);
            }
        }
    }

    fn join(&mut self, other: &Self) {
        let Self {
            total,
            content_type,
            cipher,
            decryption,
            matched_by,
            integrity,
            recipients,
            recipients_with_key,
            recipient_kind,
        } = other;
        self.total += total;
        self.content_type.join(content_type);
        self.cipher.join(cipher);
        self.decryption.join(decryption);
        self.matched_by.join(matched_by);
        self.integrity.join(integrity);
        self.recipients += recipients;
        self.recipients_with_key += recipients_with_key;
        self.recipient_kind.join(recipient_kind);
    }
}

fn of_folder<'t>(folders: &'t mut BTreeMap<String, Group>, folder: &str) -> &'t mut Group {
    folders.entry(folder.to_owned()).or_default()
}

fn add_some<K: Ord + Clone>(counts: &mut Counts<K>, value: Option<K>) {
    if let Some(value) = value {
        counts.add(value);
    }
}

fn skew(verdict: &SignatureVerdict) -> Option<Skew> {
    let of = |source| {
        verdict
            .times
            .iter()
            .find(|time| time.source == source)
            .map(|time| time.at)
    };
    let (signing, date) = (of(TimeSource::SigningTime)?, of(TimeSource::Date)?);
    Some(match signing.unix().abs_diff(date.unix()) {
        0..=60 => Skew::WithinMinute,
        61..=3_600 => Skew::WithinHour,
        3_601..=86_400 => Skew::WithinDay,
        _ => Skew::More,
    })
}
