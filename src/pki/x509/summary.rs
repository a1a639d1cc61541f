//! What a report says about a certificate by itself, owned.

use serde::{Deserialize, Serialize};

use crate::asn1::oid::Oid;
use crate::asn1::time::{Time, TimeForm};
use crate::crypto::key::{KeyError, PublicKey};
use crate::limits::Limits;
use crate::pki::x509::address::CertificateAddresses;
use crate::pki::x509::certificate::{Certificate, hex};

/// The columns of certificates.csv that depend on nothing but the certificate. What is absent or can't be read is None or
/// empty; what can't be read is named in `problems`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateSummary {
    /// SHA-256 of the DER, lower-case hexadecimal.
    pub sha256: String,
    /// SHA-256 of `subjectPublicKeyInfo`.
    pub spki_sha256: String,
    /// SHA-256 of `tbsCertificate`.
    pub tbs_sha256: String,
    /// Lower-case hexadecimal.
    pub serial: String,
    /// RFC 4514 text.
    pub subject: String,
    /// RFC 4514 text.
    pub issuer: String,
    /// The addresses that the certificate speaks for.
    pub addresses: Vec<String>,
    /// The first second of validity.
    pub not_before: Option<Time>,
    /// The last second of validity.
    pub not_after: Option<Time>,
    /// The key's algorithm, by name or dotted.
    pub key_algorithm: Option<String>,
    /// The named curve, where it is one that is accepted.
    pub key_curve: Option<String>,
    /// The key's size, where the key can be used as it stands.
    pub key_bits: Option<u32>,
    /// `signatureAlgorithm`, by name or dotted.
    pub signature_algorithm: Option<String>,
    /// `basicConstraints` says that the subject is an authority.
    pub is_ca: bool,
    /// Names of the `keyUsage` bits.
    pub key_usage: Vec<String>,
    /// `extKeyUsage`, by name or dotted.
    pub extended_key_usage: Vec<String>,
    /// `certificatePolicies`, dotted.
    pub policies: Vec<String>,
    /// Codes of what is wrong, sorted.
    pub problems: Vec<String>,
}

impl CertificateSummary {
    /// Never fails.
    #[must_use]
    pub fn new(certificate: &Certificate<'_>, limits: &Limits) -> Self {
        let extensions = &certificate.extensions;
        let addresses = CertificateAddresses::read(certificate);
        let key = PublicKey::from_spki(certificate.spki, limits);
        let usage = extensions.key_usage();
        let extended = extensions.extended_key_usage();
        let policies = extensions.certificate_policies();
        let constraints = extensions.basic_constraints();

        let mut problems: Vec<&str> = Vec::new();
        let mut note = |broken: bool, code| {
            if broken {
                problems.push(code);
            }
        };
        note(
            certificate.not_before.is_err() || certificate.not_after.is_err(),
            "malformed_time",
        );
        note(
            certificate.time_form == TimeForm::Deviating,
            "deviating_time",
        );
        note(
            !matches!(certificate.version, Ok(1..=3)),
            "malformed_version",
        );
        note(
            certificate.signature.is_err() || certificate.signature_algorithm.is_err(),
            "malformed_signature",
        );
        note(
            certificate.inner_signature_algorithm != certificate.signature_algorithm,
            "signature_algorithms_differ",
        );
        note(
            certificate.serial.is_negative() || certificate.serial.magnitude().is_empty(),
            "serial_not_positive",
        );
        note(
            extensions.end.is_err()
                || usage.is_err()
                || extended.is_err()
                || policies.is_err()
                || constraints.is_err()
                || extensions.subject_alt_name().is_err(),
            "malformed_extension",
        );
        note(!addresses.conflict.is_empty(), "dn_san_conflict");
        note(!addresses.suspicious.is_empty(), "cert_string_suspicious");
        problems.extend(match key {
            Err(KeyError::OutOfPolicy) => Some("key_out_of_policy"),
            Err(KeyError::Malformed) => Some("malformed_key"),
            Ok(_) | Err(KeyError::Unsupported | KeyError::ParametersMissing) => None,
        });
        problems.sort_unstable();
        problems.dedup();

        Self {
            sha256: hex(&certificate.sha256()),
            spki_sha256: hex(&certificate.spki_sha256()),
            tbs_sha256: hex(&certificate.tbs_sha256()),
            serial: certificate.serial_hex(),
            subject: certificate.subject.display(),
            issuer: certificate.issuer.display(),
            addresses: addresses.list.into_iter().map(|a| a.text).collect(),
            not_before: certificate.not_before.ok(),
            not_after: certificate.not_after.ok(),
            key_algorithm: certificate.key.ok().map(|key| key.algorithm.oid.label()),
            key_curve: key
                .as_ref()
                .ok()
                .and_then(|key| key.algorithm().curve())
                .map(|curve| curve.name().to_owned()),
            key_bits: key.as_ref().ok().map(PublicKey::bits),
            signature_algorithm: certificate.signature_algorithm.ok().map(|a| a.oid.label()),
            is_ca: matches!(constraints, Ok(Some(constraints)) if constraints.ca),
            key_usage: match usage {
                Ok(Some(usage)) => usage.names().into_iter().map(str::to_owned).collect(),
                Ok(None) | Err(_) => Vec::new(),
            },
            extended_key_usage: match extended {
                Ok(Some((usages, _))) => usages.into_iter().map(Oid::label).collect(),
                Ok(None) | Err(_) => Vec::new(),
            },
            policies: match policies {
                Ok(Some(policies)) => policies.iter().map(Oid::to_string).collect(),
                Ok(None) | Err(_) => Vec::new(),
            },
            problems: problems.into_iter().map(str::to_owned).collect(),
        }
    }
}
