//! Opens an encrypted layer with the keyring: recipients first, then one key, then the content.

use zeroize::Zeroizing;

use crate::cms::recipient_info::{self, Row};
use crate::cms::{AuthEnvelopedData, Carried, EncryptedContent, Layer, Recipient};
use crate::crypto::content::ContentContext;
use crate::crypto::content_cipher::{Container, ContentCipher};
use crate::crypto::digest::sha256;
use crate::facts::axis::{Decryption, EncryptedType, MatchedBy};
use crate::facts::finding::Finding;
use crate::facts::plausible::{is_plausible, is_plausible_without_padding};
use crate::facts::recipient::{Answer, Opener, Secret, is_locked, recipient};
use crate::facts::record::EncryptedFacts;
use crate::facts::work::byte_units;
use crate::pki::keyring::KeyId;

/// What opening a layer gave.
pub(super) struct Opened<'l, 'a> {
    pub facts: EncryptedFacts,
    pub plaintext: Option<Zeroizing<Vec<u8>>>,
    pub findings: Vec<Finding>,
    /// The structure leaves open for whom or what it is.
    pub malformed: bool,
    pub originator: Option<&'l Carried<'a>>,
    /// Keys of the keyring that answer to a recipient.
    pub keys: Vec<KeyId>,
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
    opener: &mut Opener<'_>,
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
    Some(envelope.open(opener))
}

impl<'l, 'a> Envelope<'l, 'a> {
    fn open(&self, opener: &mut Opener<'_>) -> Opened<'l, 'a> {
        let cipher = ContentCipher::from_algorithm(&self.content.algorithm);
        let mut opened = Opened {
            facts: self.facts(cipher.as_ref().ok()),
            plaintext: None,
            findings: Vec::new(),
            malformed: false,
            originator: self.originator,
            keys: Vec::new(),
        };
        let rows: Vec<Row<'_, 'a>> = recipient_info::rows(self.recipients).collect();
        let mut found: Vec<Option<Answer>> = Vec::with_capacity(rows.len());
        for row in &rows {
            let (facts, answer) = recipient(row, opener.keys);
            if let Recipient::Damaged { .. } = row.recipient {
                opened.findings.push(Finding::RecipientMalformed);
            }
            opened.facts.recipients.push(facts);
            if let Some(Answer::Key(key, _)) = answer {
                opened.keys.push(key);
            }
            found.push(answer);
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
            Ok(cipher) if !cipher.allowed_in(self.container()) => {
                opened.findings.push(Finding::CipherNotAllowed);
                None
            }
            Ok(cipher) if !may_use(&cipher, opener.no_legacy) => {
                opened.findings.push(Finding::NeedsLegacyProvider);
                None
            }
            Ok(cipher) => Some(cipher),
            Err(_) => None,
        };
        let mut best = Decryption::NoKey;
        for (index, (row, answer)) in rows.iter().zip(&found).enumerate() {
            let Some(answer) = answer else {
                if let Recipient::Other { .. } = row.recipient {
                    best = more_telling(best, Decryption::Unsupported);
                }
                continue;
            };
            let tried = match &cipher {
                Some(cipher) => self.with_key(row, *answer, cipher, opener),
                // A password that was not tried is not known to fit.
                None if *answer == Answer::Passwords => continue,
                None => Tried::of(Decryption::Unsupported),
            };
            opened.findings.extend(tried.finding);
            if let Some(recipient) = opened.facts.recipients.get_mut(index) {
                recipient.result = tried.result;
                recipient.key_found |= tried.secret_bits.is_some();
            }
            if let (Some(plaintext), Some(cipher)) = (tried.plaintext, &cipher) {
                opened.facts.matched_by = Some(match answer {
                    Answer::Key(_, matched_by) => *matched_by,
                    Answer::Kek => MatchedBy::KekId,
                    Answer::Passwords => MatchedBy::Password,
                });
                if cipher.key_bits().is_none() {
                    opened.facts.key_bits = tried.secret_bits;
                }
                opened.facts.plaintext_bytes = u64::try_from(plaintext.len()).ok();
                opened.facts.plaintext_sha256 = Some(sha256(&plaintext));
                opened.plaintext = Some(plaintext);
                best = Decryption::Decrypted;
                break;
            }
            // The rest is not tried either, and one of them may be the one that opens it.
            if tried.finding == Some(Finding::WorkBudget) {
                best = Decryption::NotTried;
                break;
            }
            best = more_telling(best, tried.result);
        }
        let is_locked = || {
            let mut recipients = opened.facts.recipients.iter();
            recipients.any(|one| is_locked(one, opener.keys))
        };
        if best == Decryption::NoKey && is_locked() {
            opened.findings.push(Finding::KeyLocked);
        }
        opened.facts.decryption = best;
        opened
    }

    fn facts(&self, cipher: Option<&ContentCipher>) -> EncryptedFacts {
        EncryptedFacts {
            content_type: self.content_type,
            cipher: cipher.map_or_else(
                || self.content.algorithm.oid.label(),
                |cipher| cipher.name().to_owned(),
            ),
            key_bits: cipher.and_then(|cipher| u32::try_from(cipher.key_bits()?).ok()),
            cek_hkdf: cipher.is_some_and(ContentCipher::has_derived_key),
            recipients: Vec::with_capacity(self.recipients.len()),
            decryption: Decryption::NotTried,
            matched_by: None,
            integrity: None,
            plaintext_bytes: None,
            plaintext_sha256: None,
            ciphertext_bytes: self.ciphertext_bytes(),
        }
    }

    fn ciphertext_bytes(&self) -> u64 {
        let mut ciphertext_bytes: u64 = 0;
        if let Some(octets) = &self.content.ciphertext {
            // Chunks were checked when the structure was read.
            let _ = octets.for_each_chunk(|chunk| {
                ciphertext_bytes =
                    ciphertext_bytes.saturating_add(u64::try_from(chunk.len()).unwrap_or(u64::MAX));
            });
        }
        ciphertext_bytes
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
        answer: Answer,
        cipher: &ContentCipher,
        opener: &mut Opener<'_>,
    ) -> Tried {
        let secret = match opener.secret(row, answer) {
            Secret::Opened(secret) => secret,
            Secret::Failed => return Tried::of(Decryption::Failed),
            Secret::OverBudget => {
                return Tried {
                    finding: Some(Finding::WorkBudget),
                    ..Tried::of(Decryption::NotTried)
                };
            }
            Secret::OverRounds => {
                return Tried {
                    finding: Some(Finding::KdfLimit),
                    ..Tried::of(Decryption::NotTried)
                };
            }
            Secret::NoPassword => return Tried::of(Decryption::NoKey),
            Secret::Unsupported => return Tried::of(Decryption::Unsupported),
            Secret::Refused(finding) => {
                return Tried {
                    finding: Some(finding),
                    ..Tried::of(Decryption::Unsupported)
                };
            }
        };
        let bytes = self.ciphertext_bytes();
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        if !opener.scratch.budget.spend(byte_units(bytes)) {
            return Tried {
                finding: Some(Finding::WorkBudget),
                ..Tried::of(Decryption::NotTried)
            };
        }
        let plaintext = self.content(&secret, cipher, &mut opener.scratch.content);
        Tried {
            result: match plaintext {
                Some(_) => Decryption::Decrypted,
                None => Decryption::Failed,
            },
            plaintext,
            secret_bits: u32::try_from(cipher.key_bits_with(&secret)).ok(),
            finding: None,
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
        // A tag was checked, or else padding that one wrong key in 256 gets right, or nothing.
        let content_type = self.content.content_type;
        let trusted = if cipher.is_aead() {
            true
        } else if cipher.has_padding() {
            is_plausible(&plaintext, content_type)
        } else {
            is_plausible_without_padding(&plaintext, content_type)
        };
        trusted.then_some(plaintext)
    }
}

/// What came of one recipient.
struct Tried {
    result: Decryption,
    plaintext: Option<Zeroizing<Vec<u8>>>,
    /// Bits of the content key, where there was one.
    secret_bits: Option<u32>,
    finding: Option<Finding>,
}

impl Tried {
    fn of(result: Decryption) -> Self {
        Self {
            result,
            plaintext: None,
            secret_bits: None,
            finding: None,
        }
    }
}

fn may_use(cipher: &ContentCipher, no_legacy: bool) -> bool {
    let algorithm = cipher.algorithm();
    !(no_legacy && algorithm.is_legacy()) && algorithm.is_available()
}

/// A failure says more than an algorithm that is missing, both say more than passwords that were not tried, and those more than no key.
fn more_telling(one: Decryption, other: Decryption) -> Decryption {
    match (one, other) {
        (Decryption::Failed, _) | (_, Decryption::Failed) => Decryption::Failed,
        (Decryption::Unsupported, _) | (_, Decryption::Unsupported) => Decryption::Unsupported,
        (Decryption::NotTried, _) | (_, Decryption::NotTried) => Decryption::NotTried,
        (Decryption::NoKey | Decryption::Decrypted, Decryption::NoKey | Decryption::Decrypted) => {
            Decryption::NoKey
        }
    }
}
