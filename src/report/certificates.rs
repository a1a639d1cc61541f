//! `certificates.csv` and `certificates.pem`: every certificate that a message carries, by SHA-256.

use std::io;
use std::io::Write;

use serde::Serialize;

use crate::asn1::Time;
use crate::facts::record::Sha256;
use crate::pki::trust::Chain;
use crate::pki::x509::Certificate;
use crate::pki::x509::summary::CertificateSummary;
use crate::report::counts::Counts;
use crate::report::csv::{Cells, Row};
use crate::report::encode::base64;
use crate::report::usage::{Role, Usage};

/// The columns of `certificates.csv`.
pub const COLUMNS: &[&str] = &[
    "sha256",
    "spki_sha256",
    "serial",
    "subject",
    "issuer",
    "addresses",
    "not_before",
    "not_after",
    "key_algorithm",
    "key_bits",
    "signature_algorithm",
    "is_ca",
    "key_usage",
    "extended_key_usage",
    "policies",
    "messages",
    "signed",
    "first_seen",
    "last_seen",
    "first_place",
    "roles",
    "chain_now",
    "lint",
];

/// What the certificate itself says. Empty and None: not there, or not readable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CertificateRow<'a> {
    /// Of the certificate as carried.
    pub sha256: &'a Sha256,
    /// Of subjectPublicKeyInfo.
    pub spki_sha256: Option<&'a Sha256>,
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
    /// `rsa`, a curve's name … or the dotted identifier.
    pub key_algorithm: &'a str,
    /// The key's size in bits.
    pub key_bits: Option<u32>,
    /// The name or the dotted identifier.
    pub signature_algorithm: &'a str,
    /// Basic constraints say that it is an authority's.
    pub is_ca: Option<bool>,
    /// Names of the bits (RFC 5280 §4.2.1.3).
    pub key_usage: &'a [String],
    /// Names or dotted identifiers.
    pub extended_key_usage: &'a [String],
    /// Dotted identifiers.
    pub policies: &'a [String],
    /// Its path at the run's clock, where it was judged.
    pub chain_now: Option<Chain>,
    /// Codes of the rules that it breaks, in the order of the table of rules.
    pub lint: &'a [&'static str],
}

/// What summary.json says of the certificates carried. Joining is associative.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CertificateTally {
    /// Distinct certificates.
    pub total: u64,
    /// Those of authorities.
    pub authorities: u64,
    /// By what they were seen as; one certificate can have several roles.
    pub roles: Counts<&'static str>,
    /// By key, as `rsa-2048`.
    pub keys: Counts<String>,
    /// By signature algorithm.
    pub signature_algorithms: Counts<String>,
    /// By their path at the run's clock.
    pub chain_now: Counts<Chain>,
    /// By the rules that they break; one certificate can break several.
    pub lint: Counts<&'static str>,
    /// No longer valid at the run's clock, whatever their path.
    pub expired_now: u64,
}

/// Writes one row and counts it. The caller comes in order of SHA-256. Never fails.
pub fn row(
    certificate: &CertificateRow<'_>,
    usage: &Usage,
    now: Time,
    cells: Cells,
    tally: &mut CertificateTally,
    out: &mut Vec<u8>,
) {
    let mut row = Row::new(out, cells);
    columns(certificate, usage, Some(usage.signed), &mut row);
    row.end();
    tally.count(certificate, usage, now);
}

/// The cells of [`COLUMNS`]. `signed`: None where no signature was verified.
pub(in crate::report) fn columns(
    certificate: &CertificateRow<'_>,
    usage: &Usage,
    signed: Option<u64>,
    row: &mut Row<'_>,
) {
    let (archive, offset) = usage.first_place;
    row.hex(certificate.sha256)
        .optional_hex(certificate.spki_sha256.map(|sha256| sha256.as_slice()))
        .hex(certificate.serial)
        .text(certificate.subject)
        .text(certificate.issuer)
        .texts(certificate.addresses)
        .time(certificate.not_before)
        .time(certificate.not_after)
        .text(certificate.key_algorithm)
        .optional_number(certificate.key_bits)
        .text(certificate.signature_algorithm)
        .optional_flag(certificate.is_ca)
        .texts(certificate.key_usage)
        .texts(certificate.extended_key_usage)
        .texts(certificate.policies)
        .number(usage.messages)
        .optional_number(signed)
        .time(usage.first_seen)
        .time(usage.last_seen)
        .word(&format!("{archive}#{offset}"))
        .words(usage.roles().map(Role::as_str))
        .optional_word(certificate.chain_now.map(Chain::as_str))
        .words(certificate.lint.iter().copied());
}

impl CertificateTally {
    /// Counts one certificate.
    pub(in crate::report) fn count(
        &mut self,
        certificate: &CertificateRow<'_>,
        usage: &Usage,
        now: Time,
    ) {
        self.total += 1;
        self.authorities += u64::from(certificate.is_ca == Some(true));
        self.expired_now += u64::from(certificate.not_after.is_some_and(|end| end < now));
        for role in usage.roles() {
            self.roles.add(role.as_str());
        }
        self.keys
            .add_key(certificate.key_algorithm, certificate.key_bits);
        self.signature_algorithms
            .add_name(certificate.signature_algorithm);
        if let Some(chain) = certificate.chain_now {
            self.chain_now.add(chain);
        }
        for code in certificate.lint {
            self.lint.add(code);
        }
    }

    /// Adds what `other` has counted.
    pub fn join(&mut self, other: &Self) {
        let Self {
            total,
            authorities,
            roles,
            keys,
            signature_algorithms,
            chain_now,
            expired_now,
            lint,
        } = other;
        self.total += total;
        self.authorities += authorities;
        self.roles.join(roles);
        self.keys.join(keys);
        self.signature_algorithms.join(signature_algorithms);
        self.chain_now.join(chain_now);
        self.expired_now += expired_now;
        self.lint.join(lint);
    }
}

impl<'a> CertificateRow<'a> {
    /// The row of a certificate; `read` with what it says where it can be read.
    #[must_use]
    pub fn new(
        sha256: &'a Sha256,
        spki_sha256: Option<&'a Sha256>,
        read: Option<&'a Certificate<'_>>,
        summary: &'a CertificateSummary,
        chain_now: Option<Chain>,
        lint: &'a [&'static str],
    ) -> Self {
        Self {
            sha256,
            spki_sha256,
            serial: read.map_or(&[], |certificate| certificate.serial.minimal()),
            subject: &summary.subject,
            issuer: &summary.issuer,
            addresses: &summary.addresses,
            not_before: summary.not_before,
            not_after: summary.not_after,
            key_algorithm: summary
                .key_curve
                .as_deref()
                .or(summary.key_algorithm.as_deref())
                .unwrap_or_default(),
            key_bits: summary.key_bits,
            signature_algorithm: summary.signature_algorithm.as_deref().unwrap_or_default(),
            is_ca: read.map(|_| summary.is_ca),
            key_usage: &summary.key_usage,
            extended_key_usage: &summary.extended_key_usage,
            policies: &summary.policies,
            chain_now,
            lint,
        }
    }
}

/// What stands around a certificate revocation list in PEM (RFC 7468 §6).
pub const CRL_LABEL: &str = "X509 CRL";

/// What OpenSSL writes around an OCSP response in PEM; no standard has a label for it.
pub const OCSP_LABEL: &str = "OCSP RESPONSE";

/// Writes one certificate of `certificates.pem` (RFC 7468 §5.1): lines of 64 characters, LF.
///
/// # Errors
/// Where `out` can't be written.
pub fn pem(der: &[u8], out: &mut impl Write) -> io::Result<()> {
    block("CERTIFICATE", der, out)
}

/// Writes one PEM block (RFC 7468 §2) with any label.
///
/// # Errors
/// Where `out` can't be written.
pub fn block(label: &str, der: &[u8], out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "-----BEGIN {label}-----")?;
    // 48 octets give 64 characters, so that no group is split.
    for line in der.chunks(48) {
        out.write_all(base64(line).as_bytes())?;
        out.write_all(b"\n")?;
    }
    writeln!(out, "-----END {label}-----")
}
