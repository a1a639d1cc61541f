//! The recipients of an encrypted layer: which key of the keyring answers to one, and the content key that it gives.

use std::iter;

use zeroize::Zeroizing;

use crate::asn1::AlgorithmIdentifier;
use crate::asn1::oid;
use crate::cms::recipient_info::{
    AgreedKey, Kek, Kem, KeyAgreement as AgreementInfo, KeyTransport, Originator, Password, Row,
};
use crate::cms::{EntityIdentifier, Recipient};
use crate::crypto::PrivateKey;
use crate::crypto::kem::Encapsulation;
use crate::crypto::key_agreement::{self, KeyAgreement};
use crate::crypto::key_transport::RsaTransport;
use crate::crypto::key_wrap::KeyWrap;
use crate::crypto::password::{PasswordError, PasswordWrap};
use crate::facts::axis::{Decryption, MatchedBy, RecipientKind};
use crate::facts::certificates::Scratch;
use crate::facts::finding::Finding;
use crate::facts::record::{Identifier, RecipientFacts};
use crate::facts::verify::identifier;
use crate::facts::work::private_units;
use crate::limits::Limits;
use crate::pki::keyring::{KeyId, Keyring};

/// What opening a layer needs, beside the layer.
pub(super) struct Opener<'o> {
    pub keys: &'o Keyring,
    pub limits: &'o Limits,
    /// Nothing that needs the legacy provider.
    pub no_legacy: bool,
    /// Rounds of key derivations that the message may still cost.
    pub kdf_rounds: &'o mut u64,
    pub scratch: &'o mut Scratch,
}

/// What of the keyring answers to a recipient.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// A private key, by this name of it.
    Key(KeyId, MatchedBy),
    /// Key-encryption keys with its identifier.
    Kek,
    /// Passwords: which fits is only known once one does.
    Passwords,
}

/// The content key, or why there is none.
pub(super) enum Secret {
    Opened(Zeroizing<Vec<u8>>),
    /// A key answered, and did not open it: why is not told (RFC 3218 §2.3).
    Failed,
    Unsupported,
    /// The same, for a reason that has a finding.
    Refused(Finding),
    /// Not begun: the message has cost what one may.
    OverBudget,
    /// No password fits among those that the message may cost; the rest was not tried.
    OverRounds,
    /// No password fits.
    NoPassword,
}

impl From<Option<Zeroizing<Vec<u8>>>> for Secret {
    fn from(secret: Option<Zeroizing<Vec<u8>>>) -> Self {
        secret.map_or(Self::Failed, Self::Opened)
    }
}

/// The facts of one recipient, and what answers to it. No private key is used.
pub(super) fn recipient(row: &Row<'_, '_>, keys: &Keyring) -> (RecipientFacts, Option<Answer>) {
    let (kind, named, algorithm) = match row.recipient {
        Recipient::KeyTransport(info) => {
            let kind = match info.algorithm.oid {
                oid::RSA_ENCRYPTION => RecipientKind::RsaV15,
                oid::RSAES_OAEP => RecipientKind::RsaOaep,
                // Identifiers are an open set.
                _ => RecipientKind::Unknown,
            };
            (kind, Some(&info.rid), info.algorithm.oid.label())
        }
        Recipient::KeyAgreement(info) => {
            let wrap = KeyAgreement::from_algorithm(&info.algorithm)
                .map(|agreement| agreement.wrap.name());
            let algorithm = match wrap {
                Ok(wrap) => format!("{} {wrap}", info.algorithm.oid.label()),
                Err(_) => info.algorithm.oid.label(),
            };
            (agreement_kind(info), row.key.map(|key| &key.rid), algorithm)
        }
        Recipient::Kem(info) => {
            let algorithm = format!("{} {}", info.kem.oid.label(), info.wrap.oid.label());
            (RecipientKind::Kem, Some(&info.rid), algorithm)
        }
        Recipient::Kek(info) => {
            let found = keys.keks().by_identifier(&info.identifier).next().is_some();
            let answer = found.then_some(Answer::Kek);
            let named = Identifier::Ski(info.identifier.to_vec());
            let algorithm = info.algorithm.oid.label();
            return without_certificate(row, RecipientKind::Kek, algorithm, named, answer);
        }
        Recipient::Password(info) => {
            let algorithm = password_algorithm(info);
            let answer = Some(Answer::Passwords);
            let (kind, none) = (RecipientKind::Password, Identifier::None);
            return without_certificate(row, kind, algorithm, none, answer);
        }
        Recipient::Other { oid, .. } => {
            let (kind, none) = (RecipientKind::Unknown, Identifier::None);
            return without_certificate(row, kind, oid.label(), none, None);
        }
        Recipient::Damaged { .. } => {
            let (kind, none) = (RecipientKind::Unknown, Identifier::None);
            return without_certificate(row, kind, String::new(), none, None);
        }
    };
    let answer = named.and_then(|named| match named {
        EntityIdentifier::IssuerAndSerial(named) => {
            let key = keys.by_issuer_serial(named.issuer, named.serial.0);
            let key = key.map(|key| Answer::Key(key, MatchedBy::IssuerSerial));
            key.or_else(|| mapped(keys, named.serial.minimal()))
        }
        EntityIdentifier::SubjectKeyIdentifier(id) => {
            let key = keys.by_ski(id);
            let key = key.map(|key| Answer::Key(key, MatchedBy::Ski));
            key.or_else(|| mapped(keys, id))
        }
    });
    let named = named.map_or(Identifier::None, identifier);
    without_certificate(row, kind, algorithm, named, answer)
}

/// The key that the operator says is meant.
fn mapped(keys: &Keyring, name: &[u8]) -> Option<Answer> {
    let key = keys.by_alias(name)?;
    Some(Answer::Key(key, MatchedBy::Spki))
}

fn without_certificate(
    row: &Row<'_, '_>,
    kind: RecipientKind,
    algorithm: String,
    identifier: Identifier,
    answer: Option<Answer>,
) -> (RecipientFacts, Option<Answer>) {
    // A password is found once it fits.
    let key_found = answer.is_some_and(|answer| answer != Answer::Passwords);
    let facts = RecipientFacts {
        index: u32::try_from(row.index).unwrap_or(u32::MAX),
        kind,
        identifier,
        algorithm,
        key_found,
        result: if key_found {
            Decryption::NotTried
        } else if let Recipient::Other { .. } = row.recipient {
            Decryption::Unsupported
        } else {
            Decryption::NoKey
        },
    };
    (facts, answer)
}

/// The derivation and the cipher of the wrap: `PBKDF2 aes-256-cbc`.
fn password_algorithm(info: &Password<'_>) -> String {
    let derivation = info.key_derivation.as_ref();
    let derivation = derivation.map(|derivation| derivation.oid.label());
    let inner = info.algorithm.parameter_reader();
    let inner = inner.and_then(|mut r| AlgorithmIdentifier::read(&mut r).ok());
    let wrap = match inner {
        Some(inner) if info.algorithm.oid == oid::PWRI_KEK => inner.oid.label(),
        // Identifiers are an open set: one that is not known stands by itself.
        _ => info.algorithm.oid.label(),
    };
    derivation.map_or(wrap.clone(), |derivation| format!("{derivation} {wrap}"))
}

fn agreement_kind(info: &AgreementInfo<'_>) -> RecipientKind {
    match (&info.originator, info.algorithm.oid) {
        (_, oid::ESDH) => RecipientKind::Dh,
        (Originator::PublicKey { algorithm, .. }, _)
            if algorithm.oid == oid::X25519 || algorithm.oid == oid::X448 =>
        {
            RecipientKind::X25519
        }
        (Originator::PublicKey { algorithm, .. }, _) if algorithm.oid == oid::EC_PUBLIC_KEY => {
            RecipientKind::Ecdh
        }
        (Originator::PublicKey { .. } | Originator::Certificate(_), _) => RecipientKind::Unknown,
    }
}

impl Opener<'_> {
    /// The content key of a recipient that something answers to.
    pub fn secret(&mut self, row: &Row<'_, '_>, answer: Answer) -> Secret {
        if let Answer::Key(key, _) = answer
            && let Ok(key) = self.keys.private_key(key)
            && !self.scratch.budget.spend(private_units(key.public_key()))
        {
            return Secret::OverBudget;
        }
        match (row.recipient, answer) {
            (Recipient::KeyTransport(info), Answer::Key(key, _)) => self.transported(info, key),
            (Recipient::KeyAgreement(info), Answer::Key(key, _)) => match row.key {
                Some(agreed) => self.agreed(info, agreed, key),
                None => Secret::Unsupported,
            },
            (Recipient::Kem(info), Answer::Key(key, _)) => self.encapsulated(info, key),
            (Recipient::Kek(info), _) => self.wrapped(info),
            (Recipient::Password(info), _) => self.under_password(info),
            (
                Recipient::KeyTransport(_) | Recipient::KeyAgreement(_) | Recipient::Kem(_),
                Answer::Kek | Answer::Passwords,
            )
            | (Recipient::Other { .. } | Recipient::Damaged { .. }, _) => Secret::Unsupported,
        }
    }

    fn private_key(&self, key: KeyId) -> Option<&PrivateKey> {
        self.keys.private_key(key).ok()
    }

    fn may_use(&self, wrap: KeyWrap) -> bool {
        !(self.no_legacy && wrap.is_legacy())
    }

    fn transported(&self, info: &KeyTransport<'_>, key: KeyId) -> Secret {
        let Ok(transport) = RsaTransport::from_algorithm(&info.algorithm) else {
            return Secret::Unsupported;
        };
        let key = self.private_key(key);
        let secret = key.and_then(|key| transport.decrypt(key, &info.encrypted_key).ok());
        secret.into()
    }

    fn agreed(&self, info: &AgreementInfo<'_>, agreed: &AgreedKey<'_>, key: KeyId) -> Secret {
        let Ok(agreement) = KeyAgreement::from_algorithm(&info.algorithm) else {
            return Secret::Unsupported;
        };
        let Originator::PublicKey {
            algorithm,
            key: point,
        } = &info.originator
        else {
            // A static key, named by its certificate: in no S/MIME program (RFC 5753 §2.1 has the ephemeral one).
            return Secret::Unsupported;
        };
        if !self.may_use(agreement.wrap) {
            return Secret::Refused(Finding::NeedsLegacyProvider);
        }
        let originator = key_agreement::Originator {
            algorithm: *algorithm,
            point: point.bytes,
        };
        let ukm = info.ukm.as_deref();
        let key = self.private_key(key);
        let secret = key.and_then(|key| {
            let unwrapped = agreement.unwrap(key, &originator, ukm, &agreed.encrypted_key);
            unwrapped.ok()
        });
        secret.into()
    }

    fn encapsulated(&self, info: &Kem<'_>, key: KeyId) -> Secret {
        let (kdf, wrap, ukm) = (&info.key_derivation, &info.wrap, info.ukm.as_deref());
        let Ok(kem) = Encapsulation::from_fields(&info.kem, kdf, wrap, info.kek_bytes, ukm) else {
            return Secret::Unsupported;
        };
        if !self.may_use(kem.wrap) {
            return Secret::Refused(Finding::NeedsLegacyProvider);
        }
        let key = self.private_key(key);
        let secret =
            key.and_then(|key| kem.unwrap(key, &info.ciphertext, &info.encrypted_key).ok());
        secret.into()
    }

    fn wrapped(&self, info: &Kek<'_>) -> Secret {
        let Ok(wrap) = KeyWrap::from_algorithm(&info.algorithm) else {
            return Secret::Unsupported;
        };
        if !self.may_use(wrap) {
            return Secret::Refused(Finding::NeedsLegacyProvider);
        }
        let mut keys = self.keys.keks().by_identifier(&info.identifier);
        let secret = keys.find_map(|key| wrap.unwrap(key, &info.encrypted_key).ok());
        secret.into()
    }

    /// Each password in order until one fits or the rounds are spent. A recipient without a derivation may also be meant for a key-encryption
    /// key, which has no name there (RFC 5652 §6.2.4).
    fn under_password(&mut self, info: &Password<'_>) -> Secret {
        if self.keys.keks().is_empty() && self.keys.passwords().all(|one| one.is_empty()) {
            return Secret::NoPassword;
        }
        let derivation = info.key_derivation.as_ref();
        let wrap = match PasswordWrap::from_algorithms(&info.algorithm, derivation, self.limits) {
            Ok(wrap) => wrap,
            Err(PasswordError::TooManyRounds) => return Secret::Refused(Finding::KdfLimit),
            Err(_) => return Secret::Unsupported,
        };
        let cipher = wrap.cipher().algorithm();
        if (self.no_legacy && cipher.is_legacy()) || !cipher.is_available() {
            return Secret::Refused(Finding::NeedsLegacyProvider);
        }
        let wrapped = info.encrypted_key.as_ref();
        // The empty one opens files that say nothing else; nobody sends mail under it.
        let passwords = self.keys.passwords();
        let passwords: Vec<_> = passwords.filter(|one| !one.is_empty()).collect();
        // What can be paid for is known before the first is tried.
        let each = wrap.rounds().max(1);
        let reach = usize::try_from(*self.kdf_rounds / each).unwrap_or(usize::MAX);
        let reach = reach.min(passwords.len());
        // The one that fitted last goes first, which saves time; it costs what it would in its place, so that nothing else depends on it.
        let last = self.scratch.password;
        let hint = iter::once(last).filter(|number| *number < reach);
        let order = hint.chain((0..reach).filter(|number| *number != last));
        for number in order {
            let Some(password) = passwords.get(number) else {
                continue;
            };
            if let Some(secret) = wrap.unwrap(password, wrapped) {
                self.scratch.password = number;
                spend(self.kdf_rounds, each, number.saturating_add(1));
                return Secret::Opened(secret);
            }
        }
        spend(self.kdf_rounds, each, reach);
        let mut keks = self.keys.keks().keys();
        match keks.find_map(|key| wrap.unwrap_with_key(key, wrapped)) {
            Some(secret) => Secret::Opened(secret),
            None if reach < passwords.len() => Secret::OverRounds,
            None => Secret::NoPassword,
        }
    }
}

fn spend(left: &mut u64, each: u64, times: usize) {
    let times = u64::try_from(times).unwrap_or(u64::MAX);
    *left = left.saturating_sub(each.saturating_mul(times));
}

/// The recipient's key is in a file of the operator's that did not open, as the certificate beside it says.
pub(super) fn is_locked(recipient: &RecipientFacts, keys: &Keyring) -> bool {
    match &recipient.identifier {
        Identifier::IssuerSerial { issuer, serial } => {
            keys.is_locked_by_issuer_serial(issuer, serial)
        }
        Identifier::Ski(id) => keys.is_locked_by_ski(id),
        Identifier::None => false,
    }
}
