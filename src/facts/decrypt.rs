//! Opens an encrypted layer with the keyring: recipients first, then one key, then the content.

use zeroize::Zeroizing;

use crate::asn1::oid;
use crate::cms::recipient_info::{
    self, AgreedKey, KeyAgreement as AgreementInfo, KeyTransport, Originator, Row,
};
use crate::cms::{
    AuthEnvelopedData, Carried, EncryptedContent, EntityIdentifier, Layer, Recipient,
};
use crate::crypto::content::ContentContext;
use crate::crypto::content_cipher::{Container, ContentCipher};
use crate::crypto::digest::sha256;
use crate::crypto::key_agreement::{self, KeyAgreement};
use crate::crypto::key_transport::RsaTransport;
use crate::facts::axis::{Decryption, EncryptedType, MatchedBy, RecipientKind};
use crate::facts::certificates::Scratch;
use crate::facts::finding::Finding;
use crate::facts::plausible::is_plausible;
use crate::facts::record::{EncryptedFacts, Identifier, RecipientFacts};
use crate::facts::verify::identifier;
use crate::pki::keyring::{KeyId, Keyring};

/// What opening a layer gave.
pub(super) struct Opened<'l, 'a> {
    pub facts: EncryptedFacts,
    pub plaintext: Option<Zeroizing<Vec<u8>>>,
    pub findings: Vec<Finding>,
    /// The structure leaves open for whom or what it is.
    pub malformed: bool,
    pub originator: Option<&'l Carried<'a>>,
}

/// What the kinds of encrypted layers have in common.
struct Envelope<'l, 'a> {
    content_type: EncryptedType,
    recipients: &'l [Recipient<'a>],
    content: &'l EncryptedContent<'a>,
    authenticated: Option<&'l AuthEnvelopedData<'a>>,
    originator: Option<&'l Carried<'a>>,
}

/// Opens an encrypted layer; None where it is none.
pub(super) fn open<'l, 'a>(
    layer: &'l Layer<'a>,
    keys: &Keyring,
    scratch: &mut Scratch,
) -> Option<Opened<'l, 'a>> {
    let envelope = match layer {
        Layer::Enveloped(data) => Envelope {
            content_type: EncryptedType::Enveloped,
            recipients: &data.recipients,
            content: &data.content,
            authenticated: None,
            originator: data.originator.as_ref(),
        },
        Layer::AuthEnveloped(data) => Envelope {
            content_type: EncryptedType::AuthEnveloped,
            recipients: &data.recipients,
            content: &data.content,
            authenticated: Some(data),
            originator: data.originator.as_ref(),
        },
        Layer::Encrypted(data) => Envelope {
            content_type: EncryptedType::EncryptedData,
            recipients: &[],
            content: &data.content,
            authenticated: None,
            originator: None,
        },
        Layer::Signed(_)
        | Layer::Compressed(_)
        | Layer::Digested(_)
        | Layer::Authenticated(_)
        | Layer::Data(_)
        | Layer::Other(_) => return None,
    };
    Some(envelope.open(keys, scratch))
}

impl<'l, 'a> Envelope<'l, 'a> {
    fn open(&self, keys: &Keyring, scratch: &mut Scratch) -> Opened<'l, 'a> {
        let cipher = ContentCipher::from_algorithm(&self.content.algorithm);
        let mut opened = Opened {
            facts: self.facts(cipher.as_ref().ok()),
            plaintext: None,
            findings: Vec::new(),
            malformed: false,
            originator: self.originator,
        };
        let rows: Vec<Row<'_, 'a>> = recipient_info::rows(self.recipients).collect();
        let mut found: Vec<Option<(KeyId, MatchedBy)>> = Vec::with_capacity(rows.len());
        for row in &rows {
            let (facts, key) = recipient(row, keys);
            if let Recipient::Damaged { .. } = row.recipient {
                opened.findings.push(Finding::RecipientMalformed);
            }
            opened.facts.recipients.push(facts);
            found.push(key);
        }
        match self.content_type {
            EncryptedType::EncryptedData => {
                opened.facts.decryption = Decryption::Unsupported;
                return opened;
            }
            // RFC 5652 §6.1: at least one recipient.
            EncryptedType::Enveloped | EncryptedType::AuthEnveloped if rows.is_empty() => {
                opened.malformed = true;
                return opened;
            }
            EncryptedType::Enveloped | EncryptedType::AuthEnveloped => {}
        }
        let cipher = match cipher {
            Ok(cipher) if cipher.allowed_in(self.container()) => Some(cipher),
            Ok(_) => {
                opened.findings.push(Finding::CipherNotAllowed);
                None
            }
            Err(_) => None,
        };
        let mut best = Decryption::NoKey;
        for (index, (row, key)) in rows.iter().zip(&found).enumerate() {
            let Some((key, matched_by)) = key else {
                continue;
            };
            let (result, plaintext) = match &cipher {
                Some(cipher) => self.with_key(row, *key, cipher, keys, &mut scratch.content),
                None => (Decryption::Unsupported, None),
            };
            if let Some(recipient) = opened.facts.recipients.get_mut(index) {
                recipient.result = result;
            }
            if let Some(plaintext) = plaintext {
                opened.facts.matched_by = Some(*matched_by);
                opened.facts.plaintext_bytes = u64::try_from(plaintext.len()).ok();
                opened.facts.plaintext_sha256 = Some(sha256(&plaintext));
                opened.plaintext = Some(plaintext);
                best = Decryption::Decrypted;
                break;
            }
            // A failure says more than an algorithm that is missing, and both say more than no key.
            best = match (best, result) {
                (Decryption::Failed, _) | (_, Decryption::Failed) => Decryption::Failed,
                (_, result) => result,
            };
        }
        opened.facts.decryption = best;
        opened
    }

    fn facts(&self, cipher: Option<&ContentCipher>) -> EncryptedFacts {
        let mut ciphertext_bytes: u64 = 0;
        if let Some(octets) = &self.content.ciphertext {
            // Chunks were checked when the structure was read.
            let _ = octets.for_each_chunk(|chunk| {
                ciphertext_bytes =
                    ciphertext_bytes.saturating_add(u64::try_from(chunk.len()).unwrap_or(u64::MAX));
            });
        }
        EncryptedFacts {
            content_type: self.content_type,
            cipher: cipher.map_or_else(
                || self.content.algorithm.oid.label(),
                |cipher| cipher.name().to_owned(),
            ),
            key_bits: cipher.and_then(|cipher| u32::try_from(cipher.key_bits()?).ok()),
            recipients: Vec::with_capacity(self.recipients.len()),
            decryption: Decryption::NotTried,
            matched_by: None,
            integrity: None,
            plaintext_bytes: None,
            plaintext_sha256: None,
            ciphertext_bytes,
        }
    }

    fn container(&self) -> Container {
        match self.content_type {
            EncryptedType::AuthEnveloped => Container::AuthEnvelopedData,
            EncryptedType::Enveloped | EncryptedType::EncryptedData => Container::EnvelopedData,
        }
    }

    /// One recipient that a key answers to. Whatever fails from here on is the same word (RFC 3218 §2.3).
    fn with_key(
        &self,
        row: &Row<'_, '_>,
        key: KeyId,
        cipher: &ContentCipher,
        keys: &Keyring,
        context: &mut ContentContext,
    ) -> (Decryption, Option<Zeroizing<Vec<u8>>>) {
        let secret = match (row.recipient, row.key) {
            (Recipient::KeyTransport(info), _) => transported(info, key, keys),
            (Recipient::KeyAgreement(info), Some(agreed)) => self::agreed(info, agreed, key, keys),
            _ => None,
        };
        let secret = match secret {
            Some(Ok(secret)) => secret,
            Some(Err(())) => return (Decryption::Failed, None),
            None => return (Decryption::Unsupported, None),
        };
        match self.content(&secret, cipher, context) {
            Some(plaintext) => (Decryption::Decrypted, Some(plaintext)),
            None => (Decryption::Failed, None),
        }
    }

    fn content(
        &self,
        secret: &[u8],
        cipher: &ContentCipher,
        context: &mut ContentContext,
    ) -> Option<Zeroizing<Vec<u8>>> {
        let ciphertext = self.content.ciphertext.as_ref()?;
        let mut length = 0;
        ciphertext
            .for_each_chunk(|chunk| length += chunk.len())
            .ok()?;
        let attributes = self
            .authenticated
            .and_then(|data| data.authenticated_attributes.as_ref());
        let aad = attributes
            .map(|attributes| attributes.to_digest().to_vec())
            .unwrap_or_default();
        let mut decryptor = context.decrypt(cipher, secret, &aad, length).ok()?;
        ciphertext
            .for_each_chunk(|chunk| decryptor.update(chunk))
            .ok()?;
        let plaintext = decryptor
            .finish(self.authenticated.map(|data| &*data.mac))
            .ok()?;
        // A tag was checked, or else padding that one wrong key in 256 gets right.
        let trusted = cipher.is_aead() || is_plausible(&plaintext, self.content.content_type);
        trusted.then_some(plaintext)
    }
}

/// The content key from an RSA recipient; None where the algorithm is not supported.
fn transported(
    info: &KeyTransport<'_>,
    key: KeyId,
    keys: &Keyring,
) -> Option<Result<Zeroizing<Vec<u8>>, ()>> {
    let transport = RsaTransport::from_algorithm(&info.algorithm).ok()?;
    let Ok(key) = keys.private_key(key) else {
        return Some(Err(()));
    };
    Some(transport.decrypt(key, &info.encrypted_key).map_err(|_| ()))
}

/// The content key from an elliptic-curve recipient; None where the algorithm is not supported.
fn agreed(
    info: &AgreementInfo<'_>,
    agreed: &AgreedKey<'_>,
    key: KeyId,
    keys: &Keyring,
) -> Option<Result<Zeroizing<Vec<u8>>, ()>> {
    let agreement = KeyAgreement::from_algorithm(&info.algorithm).ok()?;
    let Originator::PublicKey {
        algorithm,
        key: point,
    } = &info.originator
    else {
        return None; // a static key, named by its certificate: in no S/MIME program (RFC 5753 §2.1 has the ephemeral one)
    };
    let Ok(key) = keys.private_key(key) else {
        return Some(Err(()));
    };
    let originator = key_agreement::Originator {
        algorithm: *algorithm,
        point: point.bytes,
    };
    let secret = agreement.unwrap(key, &originator, info.ukm.as_deref(), &agreed.encrypted_key);
    Some(secret.map_err(|_| ()))
}

/// The facts of one recipient, and the key that answers to it.
fn recipient(row: &Row<'_, '_>, keys: &Keyring) -> (RecipientFacts, Option<(KeyId, MatchedBy)>) {
    let (kind, named, algorithm) = match row.recipient {
        Recipient::KeyTransport(info) => {
            let kind = match info.algorithm.oid {
                oid::RSA_ENCRYPTION => RecipientKind::RsaV15,
                oid::RSAES_OAEP => RecipientKind::RsaOaep,
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
        Recipient::Kem(info) => (RecipientKind::Kem, Some(&info.rid), info.kem.oid.label()),
        Recipient::Kek(info) => {
            return without_key(
                row,
                RecipientKind::Kek,
                info.algorithm.oid.label(),
                &info.identifier,
            );
        }
        Recipient::Password(info) => {
            return without_key(
                row,
                RecipientKind::Password,
                info.algorithm.oid.label(),
                &[],
            );
        }
        Recipient::Other { oid, .. } => {
            return without_key(row, RecipientKind::Unknown, oid.label(), &[]);
        }
        Recipient::Damaged { .. } => {
            return without_key(row, RecipientKind::Unknown, String::new(), &[]);
        }
    };
    let key = named.and_then(|named| match named {
        EntityIdentifier::IssuerAndSerial(named) => {
            let key = keys.by_issuer_serial(named.issuer, named.serial.0)?;
            Some((key, MatchedBy::IssuerSerial))
        }
        EntityIdentifier::SubjectKeyIdentifier(id) => Some((keys.by_ski(id)?, MatchedBy::Ski)),
    });
    let facts = RecipientFacts {
        index: u32::try_from(row.index).unwrap_or(u32::MAX),
        kind,
        identifier: named.map_or(Identifier::None, identifier),
        algorithm,
        key_found: key.is_some(),
        result: if key.is_some() {
            Decryption::NotTried
        } else {
            Decryption::NoKey
        },
    };
    (facts, key)
}

/// A recipient that no certificate's key answers to.
fn without_key(
    row: &Row<'_, '_>,
    kind: RecipientKind,
    algorithm: String,
    id: &[u8],
) -> (RecipientFacts, Option<(KeyId, MatchedBy)>) {
    let facts = RecipientFacts {
        index: u32::try_from(row.index).unwrap_or(u32::MAX),
        kind,
        identifier: if id.is_empty() {
            Identifier::None
        } else {
            Identifier::Ski(id.to_vec())
        },
        algorithm,
        key_found: false,
        result: Decryption::NoKey,
    };
    (facts, None)
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
