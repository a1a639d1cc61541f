//! What is known of a certificate that mail carried: a row of a harvest's `certificates.csv`, and its line in `certificates.jsonl`.

use serde::Serialize;

use crate::asn1::Time;
use crate::error::RunError;
use crate::facts::record::{Identifier, Sha256};
use crate::pki::trust::{Chain, Revocation};
use crate::pki::x509::summary::CertificateSummary;
use crate::pki::x509::usable::MailUse;
use crate::report::certificates::{self, CertificateRow, CertificateTally};
use crate::report::csv::{Cells, Row};
use crate::report::encode::{Hex, Instant};
use crate::report::jsonl;
use crate::report::usage::{Role, Usage};

/// The name and version of the schema of `certificates.jsonl`.
pub const DOSSIER_SCHEMA: &str = "mailseal/dossier/1";

/// The columns of a harvest's `certificates.csv` behind those of an audit's.
const MORE_COLUMNS: [&str; 11] = [
    "named",
    "first_seen_place",
    "last_seen_place",
    "signed_for",
    "signed_for_unclaimed",
    "usable_for",
    "capabilities_at",
    "key_preference",
    "same_key",
    "variant_of",
    "revocation_now",
];

/// The header of the table.
#[must_use]
pub fn columns() -> Vec<&'static str> {
    [certificates::COLUMNS, &MORE_COLUMNS].concat()
}

/// A message: its archive and its offset in it.
pub type Where = (u32, u64);

/// Something that signers with this certificate said, and how often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement<T> {
    /// What.
    pub value: T,
    /// SignerInfos that say so.
    pub signatures: u64,
    /// Of these, verified; None where nothing was verified.
    pub verified: Option<u64>,
    /// The earliest and the latest time that they claim.
    pub times: (Option<Time>, Option<Time>),
}

/// A From address of mail that was signed with the certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedFor {
    /// The address.
    pub address: String,
    /// It is one of the certificate's.
    pub claimed: bool,
}

/// What a signer wants mail encrypted to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPreference {
    /// As the attribute names it.
    pub identifier: Identifier,
    /// The one certificate of the harvest that it names.
    pub certificate: Option<Sha256>,
}

/// Trust at the run's clock, where anchors were given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainNow {
    /// The path's value.
    pub chain: Chain,
    /// What hinders trust, worst first.
    pub reasons: Vec<Chain>,
    /// The path, leaf first.
    pub path: Vec<Sha256>,
    /// What the lists say; None where the path leads to no anchor.
    pub revocation: Option<Revocation>,
    /// SHA-256 of the list or OCSP response that says that one of the path is revoked.
    pub revoked_by: Option<Sha256>,
}

/// All that is known of one certificate.
#[derive(Clone, Debug)]
pub struct Dossier<'a> {
    /// The certificate's own columns.
    pub row: CertificateRow<'a>,
    /// What it says itself.
    pub summary: &'a CertificateSummary,
    /// How messages use it.
    pub usage: Usage,
    /// SignerInfos that name it and that it verifies; None where nothing was verified.
    pub verified: Option<u64>,
    /// SignerInfos that name it.
    pub named: u64,
    /// Where it was seen at its first and at its last time.
    pub places: (Option<Where>, Option<Where>),
    /// From addresses of mail signed with it, by address.
    pub signed_for: Vec<Statement<SignedFor>>,
    /// S/MIME capabilities that its signers claimed.
    pub capabilities: Vec<Statement<Vec<String>>>,
    /// What its signers want mail encrypted to.
    pub preferences: Vec<Statement<KeyPreference>>,
    /// There was more of these than is kept of one certificate.
    pub more_statements: bool,
    /// Uses that it allows.
    pub usable_for: Vec<MailUse>,
    /// Other certificates with its key: how many, and the first by SHA-256.
    pub same_key: (u64, Vec<Sha256>),
    /// The first certificate with the same tbsCertificate in another encoding around it.
    pub variant_of: Option<Sha256>,
    /// Trust, where anchors were given.
    pub chain: Option<ChainNow>,
}

/// Writes the row, and counts the certificate. The caller comes in order of SHA-256. Never fails.
pub fn row(
    dossier: &Dossier<'_>,
    now: Time,
    cells: Cells,
    tally: &mut CertificateTally,
    out: &mut Vec<u8>,
) {
    let place = |place: Option<Where>| {
        place
            .map(|(archive, offset)| format!("{archive}#{offset}"))
            .unwrap_or_default()
    };
    let addresses = |claimed: bool| -> Vec<String> {
        let all = dossier.signed_for.iter().map(|said| &said.value);
        all.filter(|one| claimed || !one.claimed)
            .map(|one| one.address.clone())
            .collect()
    };
    let latest = dossier
        .capabilities
        .iter()
        .filter_map(|said| said.times.1)
        .max();
    let preferred = dossier.preferences.iter().max_by_key(|said| said.times.1);
    let preferred = preferred.and_then(|said| said.value.certificate);
    let mut row = Row::new(out, cells);
    certificates::columns(&dossier.row, &dossier.usage, dossier.verified, &mut row);
    row.number(dossier.named)
        .word(&place(dossier.places.0))
        .word(&place(dossier.places.1))
        .texts(&addresses(true))
        .texts(&addresses(false))
        .words(dossier.usable_for.iter().map(|one| one.as_str()))
        .time(latest)
        .optional_hex(preferred.as_ref().map(|sha256| sha256.as_slice()))
        .number(dossier.same_key.0)
        .optional_hex(dossier.variant_of.as_ref().map(|sha256| sha256.as_slice()))
        .optional_word(
            dossier
                .chain
                .as_ref()
                .and_then(|chain| chain.revocation)
                .map(Revocation::as_str),
        );
    row.end();
    tally.count(&dossier.row, &dossier.usage, now);
}

/// Writes the line.
///
/// # Errors
/// [`RunError::Internal`] where it can't be JSON; none is so.
pub fn line(dossier: &Dossier<'_>, now: Time, out: &mut Vec<u8>) -> Result<(), RunError> {
    let (row, summary, usage) = (&dossier.row, dossier.summary, &dossier.usage);
    let seen = |at: Option<Time>, place: Option<Where>| {
        let (archive, offset) = place?;
        Some(Seen {
            at: at.map(Instant),
            archive,
            offset,
        })
    };
    let is_read = row.is_ca.is_some();
    let record = Record {
        schema: DOSSIER_SCHEMA,
        sha256: Hex(row.sha256),
        readable: is_read,
        spki_sha256: row.spki_sha256.map(|sha256| Hex(sha256)),
        tbs_sha256: text(&summary.tbs_sha256),
        serial: is_read.then_some(Hex(row.serial)),
        subject: text(&summary.subject),
        issuer: text(&summary.issuer),
        addresses: &summary.addresses,
        not_before: summary.not_before.map(Instant),
        not_after: summary.not_after.map(Instant),
        key_algorithm: text(row.key_algorithm),
        key_bits: row.key_bits,
        signature_algorithm: text(row.signature_algorithm),
        is_ca: row.is_ca,
        key_usage: &summary.key_usage,
        extended_key_usage: &summary.extended_key_usage,
        policies: &summary.policies,
        problems: &summary.problems,
        lint: row.lint,
        usable_for: dossier.usable_for.iter().map(|one| one.as_str()).collect(),
        roles: usage.roles().map(Role::as_str).collect(),
        messages: usage.messages,
        named: dossier.named,
        signed: dossier.verified,
        first_place: Seen {
            at: None,
            archive: usage.first_place.0,
            offset: usage.first_place.1,
        },
        first_seen: seen(usage.first_seen, dossier.places.0),
        last_seen: seen(usage.last_seen, dossier.places.1),
        signed_for: said(&dossier.signed_for, |one| AddressRecord {
            address: &one.address,
            claimed: one.claimed,
        }),
        capabilities: said(&dossier.capabilities, |algorithms| CapabilityRecord {
            algorithms,
        }),
        key_preference: said(&dossier.preferences, |one| PreferenceRecord {
            certificate: one.certificate.as_ref().map(|sha256| Hex(sha256)),
            own: one.certificate.as_ref() == Some(row.sha256),
            serial: match &one.identifier {
                Identifier::IssuerSerial { serial, .. } => Some(Hex(serial)),
                Identifier::Ski(_) | Identifier::None => None,
            },
            ski: match &one.identifier {
                Identifier::Ski(ski) => Some(Hex(ski)),
                Identifier::IssuerSerial { .. } | Identifier::None => None,
            },
        }),
        more_statements: dossier.more_statements,
        same_key: SameKey {
            total: dossier.same_key.0,
            first: dossier.same_key.1.iter().map(|one| Hex(one)).collect(),
        },
        variant_of: dossier.variant_of.as_ref().map(|sha256| Hex(sha256)),
        chain_now: dossier.chain.as_ref().map(|chain| ChainRecord {
            at: Instant(now),
            chain: chain.chain.as_str(),
            reasons: chain.reasons.iter().map(|one| one.as_str()).collect(),
            path: chain.path.iter().map(|one| Hex(one)).collect(),
            revocation: chain.revocation.map(Revocation::as_str),
            revoked_by: chain.revoked_by.as_ref().map(|one| Hex(one)),
        }),
    };
    jsonl::line(&record, out)
}

fn text(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

fn said<'s, T, R>(all: &'s [Statement<T>], record: impl Fn(&'s T) -> R) -> Vec<StatementRecord<R>> {
    all.iter()
        .map(|said| StatementRecord {
            value: record(&said.value),
            signatures: said.signatures,
            verified: said.verified,
            first: said.times.0.map(Instant),
            last: said.times.1.map(Instant),
        })
        .collect()
}

#[derive(Serialize)]
struct Record<'a> {
    schema: &'static str,
    sha256: Hex<'a>,
    readable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    spki_sha256: Option<Hex<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tbs_sha256: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    serial: Option<Hex<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    issuer: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    addresses: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    not_before: Option<Instant>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_after: Option<Instant>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_algorithm: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_bits: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signature_algorithm: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_ca: Option<bool>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    key_usage: &'a [String],
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    extended_key_usage: &'a [String],
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    policies: &'a [String],
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    problems: &'a [String],
    #[serde(skip_serializing_if = "<[&str]>::is_empty")]
    lint: &'a [&'static str],
    usable_for: Vec<&'static str>,
    roles: Vec<&'static str>,
    messages: u64,
    named: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    signed: Option<u64>,
    first_place: Seen,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_seen: Option<Seen>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_seen: Option<Seen>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    signed_for: Vec<StatementRecord<AddressRecord<'a>>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    capabilities: Vec<StatementRecord<CapabilityRecord<'a>>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    key_preference: Vec<StatementRecord<PreferenceRecord<'a>>>,
    #[serde(skip_serializing_if = "is_false")]
    more_statements: bool,
    same_key: SameKey<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    variant_of: Option<Hex<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    chain_now: Option<ChainRecord<'a>>,
}

fn is_false(flag: &bool) -> bool {
    !flag
}

#[derive(Serialize)]
struct Seen {
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<Instant>,
    archive: u32,
    offset: u64,
}

#[derive(Serialize)]
struct StatementRecord<R> {
    #[serde(flatten)]
    value: R,
    signatures: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    verified: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    first: Option<Instant>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<Instant>,
}

#[derive(Serialize)]
struct AddressRecord<'a> {
    address: &'a str,
    claimed: bool,
}

#[derive(Serialize)]
struct CapabilityRecord<'a> {
    algorithms: &'a [String],
}

#[derive(Serialize)]
struct PreferenceRecord<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<Hex<'a>>,
    own: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    serial: Option<Hex<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ski: Option<Hex<'a>>,
}

#[derive(Serialize)]
struct SameKey<'a> {
    total: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    first: Vec<Hex<'a>>,
}

#[derive(Serialize)]
struct ChainRecord<'a> {
    at: Instant,
    chain: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reasons: Vec<&'static str>,
    path: Vec<Hex<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revocation: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked_by: Option<Hex<'a>>,
}
