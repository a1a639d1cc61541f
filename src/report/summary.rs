//! `summary.json`: the sums of a run, held against each other. A run whose sums differ is not to be trusted, and fails.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;

use crate::asn1::Time;
use crate::error::RunError;
use crate::facts::record::Sha256;
use crate::judge::evidence::{Evidence, Host};
use crate::judge::policy::{Change, Table};
use crate::judge::status::Status;
use crate::pki::trust::{Model, PolicyInputs};
use crate::report::certificates::CertificateTally;
use crate::report::counts::Counts;
use crate::report::csv::Cells;
use crate::report::encode::{Hex, Instant};
use crate::report::inputs::{self, InputRow};
use crate::report::jsonl;
use crate::report::tally::{FirstPlace, Tally};

/// The name and version of the schema of `summary.json`.
pub const SUMMARY_SCHEMA: &str = "mailseal/summary/1";

/// What the verdicts depend on, and by whom they were made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    /// The clock `now` of the judgement.
    pub now: Time,
    /// Version of mailseal.
    pub mailseal: &'a str,
    /// Version text of the linked OpenSSL.
    pub openssl: &'a str,
    /// Number and digest of the trust anchors.
    pub anchors: Given,
    /// Digest of the policy's text.
    pub policy: Sha256,
    /// `--model`
    pub model: Model,
    /// What paths had to show of certificate policies.
    pub path_policies: &'a PolicyInputs,
    /// `--policy`
    pub policy_file: Option<&'a Table>,
    /// Who was believed about times.
    pub evidence: &'a Evidence,
    /// Number of keys, and a digest of their public keys.
    pub keyring: Given,
    /// SHA-256 of the certificates given as files, sorted.
    pub certificates_given: &'a [Sha256],
    /// Number and digest of the CRLs given as files.
    pub crls_given: Given,
    /// SHA-256 of the certificates that the store distrusts, sorted: they are no anchors.
    pub distrusted: &'a [Sha256],
    /// `--all`: every message has a record.
    pub all: bool,
    /// `--hash-inputs`: inputs.csv has the digests of the files.
    pub input_digests: bool,
}

/// A set of things from files, named by a digest that is the same for equal sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Given {
    /// How many.
    pub number: u64,
    /// SHA-256 over all of them, in the order of their own SHA-256.
    pub sha256: Sha256,
}

/// The sums of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary<'a> {
    header: Header<'a>,
    tally: Tally,
    certificates: CertificateTally,
    reconciliation: Reconciliation,
    inputs: InputCounts,
    folders: BTreeMap<String, FolderTotals>,
}

/// What was read from the files, counted without looking at any verdict: the other side of the balance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Reconciliation {
    /// Messages that were cut from the files; equal to the sum over all statuses.
    pub messages: u64,
    /// Messages with S/MIME in them; equal to the sum over all statuses but `not_smime`.
    pub smime_messages: u64,
    /// Bytes read, uncompressed; equal to the sum of the next three.
    pub bytes: u64,
    /// Bytes of messages.
    pub message_bytes: u64,
    /// Bytes between messages.
    pub between_bytes: u64,
    /// Bytes that faults.csv accounts for.
    pub fault_bytes: u64,
}

/// The files read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct InputCounts {
    /// Files.
    pub total: u64,
    /// By kind.
    pub kind: Counts<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct FolderTotals {
    messages: u64,
    message_bytes: u64,
}

impl<'a> Summary<'a> {
    /// Nothing counted yet: the inputs follow with [`Summary::input`], the rest with [`Summary::complete`].
    #[must_use]
    pub fn new(header: Header<'a>) -> Self {
        Self {
            header,
            tally: Tally::default(),
            certificates: CertificateTally::default(),
            reconciliation: Reconciliation::default(),
            inputs: InputCounts::default(),
            folders: BTreeMap::new(),
        }
    }

    /// Writes one row of inputs.csv and counts it. Never fails.
    pub fn input(&mut self, input: &InputRow<'_>, cells: Cells, out: &mut Vec<u8>) {
        inputs::row(input, cells, out);
        self.inputs.total += 1;
        self.inputs.kind.add_name(input.kind);
        let sums = &mut self.reconciliation;
        sums.messages += input.messages;
        sums.smime_messages += input.smime_messages;
        sums.bytes += input.bytes;
        sums.message_bytes += input.message_bytes;
        sums.between_bytes += input.between_bytes;
        sums.fault_bytes += input.fault_bytes;
        if input.messages > 0 || input.message_bytes > 0 {
            let folder = self.folders.entry(input.folder.to_owned()).or_default();
            folder.messages += input.messages;
            folder.message_bytes += input.message_bytes;
        }
    }

    /// Takes the sums of all messages and certificates.
    pub fn complete(&mut self, tally: Tally, certificates: CertificateTally) {
        self.tally = tally;
        self.certificates = certificates;
    }

    /// Holds the sums against each other: messages and bytes as cut from the files, in all and by folder, against those
    /// that have a status.
    ///
    /// # Errors
    /// [`RunError::Internal`], naming the sum that does not hold.
    pub fn check(&self) -> Result<(), RunError> {
        let (sums, counted) = (&self.reconciliation, &self.tally.messages);
        let smime = counted
            .status
            .total()
            .saturating_sub(counted.status.of(&Status::NotSmime));
        let parts = [sums.message_bytes, sums.between_bytes, sums.fault_bytes];
        let folder_sums: BTreeMap<&str, FolderTotals> = self
            .tally
            .folders
            .iter()
            .map(|(folder, group)| {
                let totals = FolderTotals {
                    messages: group.status.total(),
                    message_bytes: group.bytes,
                };
                (folder.as_str(), totals)
            })
            .collect();
        let all_in_folders: u64 = self.tally.folders.values().map(|group| group.total).sum();
        for (holds, what) in [
            (
                counted.total == counted.status.total(),
                "a message has no status, or two",
            ),
            (
                sums.messages == counted.total,
                "messages read differ from messages counted",
            ),
            (
                sums.smime_messages == smime,
                "S/MIME messages read differ from those with a status",
            ),
            (
                self.tally.smime_messages == smime,
                "S/MIME messages counted differ from those with a status",
            ),
            (
                sums.message_bytes == counted.bytes,
                "bytes of messages read differ from those of messages counted",
            ),
            (
                all_in_folders == counted.total,
                "the folders' messages do not add up",
            ),
            (
                self.folders
                    .iter()
                    .map(|(folder, totals)| (folder.as_str(), *totals))
                    .eq(folder_sums),
                "a folder's messages read differ from those counted",
            ),
            (
                sums.bytes == parts.iter().sum::<u64>(),
                "bytes read differ from those in messages, between them and in faults",
            ),
        ] {
            if !holds {
                return Err(RunError::Internal { what });
            }
        }
        Ok(())
    }

    /// The bytes of `summary.json`.
    ///
    /// # Errors
    /// As [`Summary::check`].
    pub fn json(&self) -> Result<Vec<u8>, RunError> {
        self.check()?;
        let header = &self.header;
        jsonl::pretty(&SummaryRecord {
            schema: SUMMARY_SCHEMA,
            now: Instant(header.now),
            versions: Versions {
                mailseal: header.mailseal,
                openssl: header.openssl,
            },
            anchors: given(&header.anchors),
            policy: PolicyRecord {
                sha256: Hex(&header.policy),
                model: header.model.as_str(),
                required: &header.path_policies.required,
                inhibit_mapping: header.path_policies.inhibit_mapping,
                inhibit_any: header.path_policies.inhibit_any,
                file_sha256: header.policy_file.map(|table| Hex(&table.sha256)),
                file_rows: header.policy_file.map(|table| rows(&table.changes)),
            },
            evidence: evidence(header.evidence),
            keyring: given(&header.keyring),
            certificates_given: header
                .certificates_given
                .iter()
                .map(|sha256| Hex(sha256))
                .collect(),
            crls_given: given(&header.crls_given),
            distrusted: header.distrusted.iter().map(|sha256| Hex(sha256)).collect(),
            all: header.all,
            input_digests: header.input_digests,
            reconciliation: self.reconciliation,
            inputs: &self.inputs,
            tally: &self.tally,
            first: &self.tally.first,
            certificates: &self.certificates,
        })
    }

    /// What the messages add up to.
    #[must_use]
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// The trust anchors.
    #[must_use]
    pub fn anchors(&self) -> &Given {
        &self.header.anchors
    }

    /// What the certificates add up to.
    #[must_use]
    pub fn certificates(&self) -> &CertificateTally {
        &self.certificates
    }

    /// What was read.
    #[must_use]
    pub fn reconciliation(&self) -> &Reconciliation {
        &self.reconciliation
    }

    /// The files read.
    #[must_use]
    pub fn inputs(&self) -> &InputCounts {
        &self.inputs
    }
}

#[derive(Serialize)]
struct SummaryRecord<'a> {
    schema: &'static str,
    now: Instant,
    versions: Versions<'a>,
    anchors: GivenRecord<'a>,
    policy: PolicyRecord<'a>,
    evidence: EvidenceRecord<'a>,
    keyring: GivenRecord<'a>,
    certificates_given: Vec<Hex<'a>>,
    crls_given: GivenRecord<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    distrusted: Vec<Hex<'a>>,
    all: bool,
    input_digests: bool,
    reconciliation: Reconciliation,
    inputs: &'a InputCounts,
    #[serde(flatten)]
    tally: &'a Tally,
    first: &'a BTreeMap<Status, FirstPlace>,
    certificates: &'a CertificateTally,
}

/// What wrote it.
#[derive(Serialize)]
pub(super) struct Versions<'a> {
    pub mailseal: &'a str,
    pub openssl: &'a str,
}

/// A set that was given, as it is written.
#[derive(Serialize)]
pub(super) struct GivenRecord<'a> {
    number: u64,
    sha256: Hex<'a>,
}

#[derive(Serialize)]
struct PolicyRecord<'a> {
    sha256: Hex<'a>,
    model: &'static str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    required: &'a [String],
    #[serde(skip_serializing_if = "is_not_asked")]
    inhibit_mapping: bool,
    #[serde(skip_serializing_if = "is_not_asked")]
    inhibit_any: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_sha256: Option<Hex<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_rows: Option<Vec<RowRecord<'a>>>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands it so")]
fn is_not_asked(asked: &bool) -> bool {
    !*asked
}

/// A row of the policy file that differs from the built-in table.
#[derive(Serialize)]
struct RowRecord<'a> {
    line: usize,
    algorithm: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_bits_below: Option<u32>,
    change: &'static str,
}

fn rows(changes: &[Change]) -> Vec<RowRecord<'_>> {
    changes.iter().map(row).collect()
}

fn row(change: &Change) -> RowRecord<'_> {
    let (algorithm, key_bits_below) = change.subject.cells();
    RowRecord {
        line: change.line,
        algorithm,
        key_bits_below,
        change: change.kind.as_str(),
    }
}

#[derive(Serialize)]
struct EvidenceRecord<'a> {
    trust_received: Vec<&'a str>,
    assert_time: Vec<&'a str>,
    use_file_time: bool,
}

fn evidence(evidence: &Evidence) -> EvidenceRecord<'_> {
    EvidenceRecord {
        trust_received: evidence.hosts.iter().map(Host::text).collect(),
        assert_time: evidence.fields.iter().map(String::as_str).collect(),
        use_file_time: evidence.file_time,
    }
}

pub(super) fn given(given: &Given) -> GivenRecord<'_> {
    GivenRecord {
        number: given.number,
        sha256: Hex(&given.sha256),
    }
}
