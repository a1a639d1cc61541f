//! Certificates of messages, each parsed once by a worker, and the rest of what a worker keeps between messages.

use std::collections::HashMap;
use std::sync::Arc;

use crate::asn1::Integer;
use crate::cms::EntityIdentifier;
use crate::crypto::content::ContentContext;
use crate::crypto::digest::sha1;
use crate::crypto::key::{KeyError, PublicKey};
use crate::crypto::signature::VerifyContext;
use crate::facts::finding::Finding;
use crate::facts::record::{Identifier, Sha256};
use crate::limits::{Budget, Limits};
use crate::pki::pool::Pool;
use crate::pki::x509::Certificate;
use crate::pki::x509::Name;
use crate::pki::x509::address::CertificateAddresses;

/// What a worker keeps between messages: it changes speed, never results.
#[derive(Default)]
pub struct Scratch {
    known: HashMap<Sha256, Arc<Known>>,
    /// Contexts of OpenSSL for verifying.
    pub(super) verify: VerifyContext,
    /// Contexts of OpenSSL for decrypting.
    pub(super) content: ContentContext,
    /// What the message at hand may still cost; set anew for each.
    pub(super) budget: Budget,
    /// Which password opened the last message under one.
    pub(super) password: usize,
}

/// The number in the pool of the certificate that a recipient's identifier names, where exactly one does.
#[must_use]
pub fn named_by(identifier: &Identifier, pool: &Pool) -> Option<u32> {
    let found = match identifier {
        Identifier::IssuerSerial { issuer, serial } => {
            pool.find_by_issuer_serial(Name::new(issuer), Integer(serial))
        }
        Identifier::Ski(id) => pool.find_by_ski(id),
        Identifier::None => return None,
    };
    match found.as_deref() {
        Ok([one]) => Some(one.0),
        Ok(_) | Err(_) => None,
    }
}

/// Certificates kept by a worker. Origin: 2 KB each, 40 MB in all; past it the worker starts anew.
const KNOWN_CERTIFICATES: usize = 20_000;

/// What verifying needs of a certificate.
pub(super) struct Known {
    pub sha256: Sha256,
    pub der: Vec<u8>,
    issuer: Vec<u8>,
    serial: Vec<u8>,
    key_identifiers: Vec<Vec<u8>>,
    pub addresses: Vec<String>,
    pub key: Result<PublicKey, KeyError>,
    pub findings: Vec<Finding>,
}

impl Scratch {
    /// Units of [`Limits::work_units`] that the last message left.
    #[must_use]
    pub fn work_left(&self) -> u64 {
        self.budget.left()
    }

    /// The certificate whose SHA-256 is `name`, parsed now or before. None where it can't be read at all.
    pub(super) fn certificate(
        &mut self,
        name: Sha256,
        der: &[u8],
        limits: &Limits,
    ) -> Option<Arc<Known>> {
        if let Some(known) = self.known.get(&name) {
            return Some(Arc::clone(known));
        }
        let known = Arc::new(Known::read(name, der, limits)?);
        if self.known.len() >= KNOWN_CERTIFICATES {
            self.known.clear();
        }
        self.known.insert(name, Arc::clone(&known));
        Some(known)
    }
}

impl Known {
    fn read(sha256: Sha256, der: &[u8], limits: &Limits) -> Option<Self> {
        let certificate = Certificate::read(der).ok()?;
        let addresses = CertificateAddresses::read(&certificate);
        let mut findings = Vec::new();
        if !addresses.suspicious.is_empty() {
            findings.push(Finding::CertStringSuspicious);
        }
        if !addresses.conflict.is_empty() {
            findings.push(Finding::DnSanConflict);
        }
        let key = PublicKey::from_spki(certificate.spki, limits);
        match key {
            Err(KeyError::OutOfPolicy) => findings.push(Finding::KeyOutOfPolicy),
            Ok(_)
            | Err(KeyError::Malformed | KeyError::Unsupported | KeyError::ParametersMissing) => {}
        }
        let computed = certificate
            .key
            .as_ref()
            .ok()
            .map(|key| sha1(key.bits.bytes).to_vec());
        let own = certificate
            .extensions
            .subject_key_identifier()
            .ok()
            .flatten()
            .map(|id| id.to_vec());
        Some(Self {
            sha256,
            der: der.to_vec(),
            issuer: certificate.issuer.raw().to_vec(),
            serial: certificate.serial.minimal().to_vec(),
            key_identifiers: own.into_iter().chain(computed).collect(),
            addresses: addresses
                .list
                .into_iter()
                .map(|address| address.text)
                .collect(),
            key,
            findings,
        })
    }

    /// Does the identifier name this certificate? Names that differ in string types only are equal (RFC 5280 §7.1).
    pub fn answers_to(&self, identifier: &EntityIdentifier<'_>) -> bool {
        match identifier {
            EntityIdentifier::IssuerAndSerial(named) => {
                let serial: Integer<'_> = named.serial;
                self.serial == serial.minimal()
                    && (self.issuer == named.issuer
                        || Name::new(&self.issuer).matches(Name::new(named.issuer)))
            }
            EntityIdentifier::SubjectKeyIdentifier(id) => {
                self.key_identifiers.iter().any(|own| own[..] == id[..])
            }
        }
    }
}
