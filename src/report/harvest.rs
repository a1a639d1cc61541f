//! `summary.json` of a harvest, `salvaged.csv`, and the lines on the terminal.

use serde::Serialize;

use crate::asn1::Time;
use crate::error::RunError;
use crate::facts::record::Sha256;
use crate::report::certificates::CertificateTally;
use crate::report::counts::Counts;
use crate::report::csv::{Cells, Row};
use crate::report::encode::Instant;
use crate::report::jsonl;
use crate::report::screen::{Line, Severity, grouped};
use crate::report::summary::{Given, GivenRecord, InputCounts, Reconciliation, Versions, given};

/// The name and version of the schema.
pub const HARVEST_SCHEMA: &str = "mailseal/harvest/1";

/// The columns of `salvaged.csv`.
pub const SALVAGED_COLUMNS: &[&str] = &[
    "sha256",
    "serial",
    "subject",
    "issuer",
    "addresses",
    "not_before",
    "not_after",
    "messages",
    "first_place",
    "carried",
];

/// A certificate cut out of a damaged structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SalvagedRow<'a> {
    /// Of the octets that were cut out.
    pub sha256: &'a Sha256,
    /// The serial number's minimal octets.
    pub serial: &'a [u8],
    /// RFC 4514 text.
    pub subject: &'a str,
    /// RFC 4514 text.
    pub issuer: &'a str,
    /// Addresses, of the alternative names first.
    pub addresses: &'a [String],
    /// The first second of validity.
    pub not_before: Option<Time>,
    /// The last second of validity.
    pub not_after: Option<Time>,
    /// Messages that it was cut out of.
    pub messages: u64,
    /// Archive and offset of the first.
    pub first_place: (u32, u64),
    /// The very same certificate stands in certificates.csv: another structure carries it undamaged.
    pub carried: bool,
}

/// Writes one row of `salvaged.csv`. Never fails.
pub fn salvaged(salvaged: &SalvagedRow<'_>, cells: Cells, out: &mut Vec<u8>) {
    let (archive, offset) = salvaged.first_place;
    let mut row = Row::new(out, cells);
    row.hex(salvaged.sha256)
        .hex(salvaged.serial)
        .text(salvaged.subject)
        .text(salvaged.issuer)
        .texts(salvaged.addresses)
        .time(salvaged.not_before)
        .time(salvaged.not_after)
        .number(salvaged.messages)
        .word(&format!("{archive}#{offset}"))
        .flag(salvaged.carried);
    row.end();
}

/// What a harvest adds up to.
#[derive(Clone, Debug)]
pub struct HarvestSummary<'a> {
    /// The clock `now`.
    pub now: Time,
    /// Version of mailseal.
    pub mailseal: &'a str,
    /// Version text of the linked OpenSSL.
    pub openssl: &'a str,
    /// Number of own keys, and a digest of their public keys.
    pub keyring: Given,
    /// Number and digest of the trust anchors.
    pub anchors: Given,
    /// What was asked for.
    pub asked: Asked,
    /// What was read.
    pub reconciliation: Reconciliation,
    /// The files read.
    pub inputs: InputCounts,
    /// Faults by code.
    pub faults: Counts<String>,
    /// The certificates.
    pub certificates: CertificateTally,
    /// Beyond what an audit counts.
    pub more: HarvestTally,
}

/// Options that change what is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Asked {
    /// `--verify`
    pub verify: bool,
    /// `--attachments`
    pub attachments: bool,
    /// `--salvage`
    pub salvage: bool,
}

/// Counts beyond those of an audit. Joining is associative.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct HarvestTally {
    /// Certificates that can't be read.
    pub unreadable: u64,
    /// Whose own encoding differs from that of another certificate with the same content.
    pub variants: u64,
    /// With a key that another certificate has, too.
    pub same_key: u64,
    /// By use.
    pub usable_for: Counts<&'static str>,
    /// SignerInfos whose certificate nothing carries.
    pub signers_elsewhere: u64,
    /// Certificates of other kinds than X.509; they are not harvested.
    pub other_kinds: u64,
    /// Structures that could not be read; nothing in them counts.
    pub damaged: u64,
    /// Certificates that were cut out of them.
    pub salvaged: u64,
    /// Statements of signers that were left out: one certificate had too many.
    pub statements_left_out: u64,
}

impl HarvestTally {
    /// Adds what `other` has counted.
    pub fn join(&mut self, other: &Self) {
        let Self {
            unreadable,
            variants,
            same_key,
            usable_for,
            signers_elsewhere,
            other_kinds,
            damaged,
            salvaged,
            statements_left_out,
        } = other;
        self.unreadable += unreadable;
        self.variants += variants;
        self.same_key += same_key;
        self.usable_for.join(usable_for);
        self.signers_elsewhere += signers_elsewhere;
        self.other_kinds += other_kinds;
        self.damaged += damaged;
        self.salvaged += salvaged;
        self.statements_left_out += statements_left_out;
    }
}

impl HarvestSummary<'_> {
    /// The bytes of `summary.json`.
    ///
    /// # Errors
    /// [`RunError::Internal`] where the bytes do not balance.
    pub fn json(&self) -> Result<Vec<u8>, RunError> {
        let sums = &self.reconciliation;
        let parts = [sums.message_bytes, sums.between_bytes, sums.fault_bytes];
        if sums.bytes != parts.iter().sum::<u64>() {
            return Err(RunError::Internal {
                what: "bytes read differ from those in messages, between them and in faults",
            });
        }
        jsonl::pretty(&Record {
            schema: HARVEST_SCHEMA,
            now: Instant(self.now),
            versions: Versions {
                mailseal: self.mailseal,
                openssl: self.openssl,
            },
            keyring: given(&self.keyring),
            anchors: given(&self.anchors),
            asked: self.asked,
            reconciliation: self.reconciliation,
            inputs: &self.inputs,
            faults: &self.faults,
            certificates: &self.certificates,
            harvest: &self.more,
        })
    }

    /// What is shown on the terminal; `folder` is where the rest is.
    #[must_use]
    pub fn lines(&self, folder: &str) -> Vec<Line> {
        let (sums, tally) = (&self.reconciliation, &self.certificates);
        let line = |severity, text: String| Line { severity, text };
        let mut lines = vec![
            line(
                Severity::Plain,
                format!(
                    "{} messages in {} files, {} of them S/MIME",
                    grouped(sums.messages),
                    grouped(self.inputs.total),
                    grouped(sums.smime_messages)
                ),
            ),
            line(
                Severity::Good,
                format!(
                    "{} certificates, {} of them of authorities, {} expired",
                    grouped(tally.total),
                    grouped(tally.authorities),
                    grouped(tally.expired_now)
                ),
            ),
        ];
        for (number, what) in [
            (self.more.unreadable, "certificates can't be read"),
            (
                self.more.damaged,
                "damaged structures: nothing in them counts",
            ),
            (
                self.more.salvaged,
                "certificates cut out of them, see salvaged.csv",
            ),
            (self.faults.total(), "faults, see faults.csv"),
        ] {
            if number > 0 {
                lines.push(line(
                    Severity::Notice,
                    format!("{} {what}", grouped(number)),
                ));
            }
        }
        lines.push(line(Severity::Plain, format!("Harvest: {folder}")));
        lines
    }
}

#[derive(Serialize)]
struct Record<'a> {
    schema: &'static str,
    now: Instant,
    versions: Versions<'a>,
    keyring: GivenRecord<'a>,
    anchors: GivenRecord<'a>,
    asked: Asked,
    reconciliation: Reconciliation,
    inputs: &'a InputCounts,
    faults: &'a Counts<String>,
    certificates: &'a CertificateTally,
    harvest: &'a HarvestTally,
}
