//! `missing-keys.csv`: which keys would open the encrypted layers that stayed closed.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::asn1::Integer;
use crate::error::RunError;
use crate::facts::axis::{Decryption, RecipientKind};
use crate::facts::record::{EncryptedFacts, Identifier, MessageFacts, RecipientFacts};
use crate::limits::Limits;
use crate::pki::pool::{CertificateId, Pool};
use crate::pki::x509::address::CertificateAddresses;
use crate::pki::x509::{Certificate, Name};
use crate::report::csv::{self, Cells, Row};
use crate::report::encode::hex;

/// The columns of `missing-keys.csv`.
pub const COLUMNS: &[&str] = &[
    "issuer",
    "serial",
    "ski",
    "kinds",
    "certificates",
    "addresses",
    "messages",
    "bytes",
];

/// What a key is asked for by. Issuers that differ in string types only are equal (RFC 5280 §7.1).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyName {
    /// `IssuerAndSerialNumber` (RFC 5652 §10.2.4): the issuer normalised, the serial number's minimal octets.
    IssuerSerial(Vec<u8>, Vec<u8>),
    /// `SubjectKeyIdentifier` (RFC 5652 §6.2.1).
    Ski(Vec<u8>),
    /// `KEKIdentifier` (RFC 5652 §6.2.3): a key that no certificate has.
    Kek(Vec<u8>),
}

impl KeyName {
    fn of(recipient: &RecipientFacts) -> Option<Self> {
        match (&recipient.identifier, recipient.kind) {
            (Identifier::IssuerSerial { issuer, serial }, _) => Some(Self::IssuerSerial(
                Name::new(issuer).normalised(),
                serial.clone(),
            )),
            (Identifier::Ski(id), RecipientKind::Kek) => Some(Self::Kek(id.clone())),
            (Identifier::Ski(id), _) => Some(Self::Ski(id.clone())),
            (Identifier::None, _) => None,
        }
    }
}

/// What one key would open.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Missing {
    /// As a recipient wrote it; of several ways to write it the first in byte order.
    issuer: Vec<u8>,
    kinds: BTreeSet<&'static str>,
    messages: u64,
    bytes: u64,
}

/// The keys that are missing, and what they would open. Joining is associative and commutative.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MissingKeys(BTreeMap<KeyName, Missing>);

impl MissingKeys {
    /// Counts one message of this many bytes: once for each key that would open a closed layer of it. Never fails.
    pub fn count(&mut self, facts: &MessageFacts, bytes: u64) {
        let mut counted: BTreeSet<KeyName> = BTreeSet::new();
        for recipient in closed(facts).flat_map(|layer| &layer.recipients) {
            let Some(name) = KeyName::of(recipient) else {
                continue;
            };
            let first = counted.insert(name.clone());
            let one = Missing {
                issuer: match &recipient.identifier {
                    Identifier::IssuerSerial { issuer, .. } => issuer.clone(),
                    Identifier::Ski(_) | Identifier::None => Vec::new(),
                },
                kinds: BTreeSet::from([recipient.kind.as_str()]),
                messages: u64::from(first),
                bytes: if first { bytes } else { 0 },
            };
            self.add(&name, &one);
        }
    }

    /// Adds what `other` has seen.
    pub fn join(&mut self, other: &Self) {
        for (name, missing) in &other.0 {
            self.add(name, missing);
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// How many keys are missing.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// None is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The keys in the order of the table: those that open the most messages first, equal ones by what they are asked for by.
    #[must_use]
    pub fn ranked(&self) -> Vec<&KeyName> {
        let mut all: Vec<_> = self.0.iter().collect();
        all.sort_by(|(a, one), (b, other)| other.messages.cmp(&one.messages).then(a.cmp(b)));
        all.into_iter().map(|(name, _)| name).collect()
    }

    /// The table. Certificates and addresses are those that the pool knows under a key's name; where there are several, one of them
    /// is the recipient's.
    ///
    /// # Errors
    /// Where the pool's spool can't be read.
    pub fn table(&self, pool: &Pool, limits: &Limits, cells: Cells) -> Result<Vec<u8>, RunError> {
        let mut out = Vec::new();
        csv::header(COLUMNS, &mut out);
        for name in self.ranked() {
            let Some(missing) = self.0.get(name) else {
                continue;
            };
            let (serial, ski) = match name {
                KeyName::IssuerSerial(_, serial) => (Some(serial.as_slice()), None),
                KeyName::Ski(id) | KeyName::Kek(id) => (None, Some(id.as_slice())),
            };
            let issuer = serial.map(|_| Name::new(&missing.issuer).display());
            let mut certificates = Vec::new();
            let mut addresses = BTreeSet::new();
            for id in known(name, &missing.issuer, pool)?
                .into_iter()
                .take(limits.issuer_candidates)
            {
                certificates.push(hex(&pool.sha256(id)));
                let der = pool.der(id)?;
                if let Ok(certificate) = Certificate::read(&der) {
                    let read = CertificateAddresses::read(&certificate);
                    addresses.extend(read.list.into_iter().map(|address| address.text));
                }
            }
            let addresses: Vec<String> = addresses.into_iter().collect();
            let mut row = Row::new(&mut out, cells);
            row.optional_text(issuer.as_deref())
                .optional_hex(serial)
                .optional_hex(ski)
                .words(missing.kinds.iter().copied())
                .words(certificates.iter().map(String::as_str))
                .texts(&addresses)
                .number(missing.messages)
                .number(missing.bytes);
            row.end();
        }
        Ok(out)
    }

    fn add(&mut self, name: &KeyName, one: &Missing) {
        match self.0.get_mut(name) {
            Some(known) => {
                known.messages = known.messages.saturating_add(one.messages);
                known.bytes = known.bytes.saturating_add(one.bytes);
                known.kinds.extend(&one.kinds);
                if one.issuer < known.issuer {
                    known.issuer.clone_from(&one.issuer);
                }
            }
            None => {
                self.0.insert(name.clone(), one.clone());
            }
        }
    }
}

/// The names under which a closed layer of this message asks for a key, each once. Never fails.
#[must_use]
pub fn asked_for(facts: &MessageFacts) -> BTreeSet<KeyName> {
    closed(facts)
        .flat_map(|layer| &layer.recipients)
        .filter_map(KeyName::of)
        .collect()
}

/// Layers that no key was there for: one that failed with the right key needs no other.
pub fn closed(facts: &MessageFacts) -> impl Iterator<Item = &EncryptedFacts> {
    let encrypted = facts
        .layers
        .iter()
        .filter_map(|layer| layer.encrypted.as_ref());
    encrypted.filter(|layer| {
        layer.decryption != Decryption::Decrypted
            && layer
                .recipients
                .iter()
                .all(|recipient| !recipient.key_found)
    })
}

fn known(name: &KeyName, issuer: &[u8], pool: &Pool) -> Result<Vec<CertificateId>, RunError> {
    match name {
        KeyName::IssuerSerial(_, serial) => {
            pool.find_by_issuer_serial(Name::new(issuer), Integer(serial))
        }
        KeyName::Ski(id) => pool.find_by_ski(id),
        KeyName::Kek(_) => Ok(Vec::new()),
    }
}
