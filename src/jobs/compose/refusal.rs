//! Why a message is not sent.

use crate::facts::record::Sha256;
use crate::judge::recipient::{Choice, Hindrance, NotChosen, Refusal};
use crate::mime::write::CannotWrite;

/// Whom a refusal is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Who signs.
    Signer,
    /// To whom it is to be encrypted.
    Recipient,
    /// The sender, who is to be able to read what was sent.
    Myself,
    /// The message itself.
    Message,
}

impl Role {
    /// Every value, in the order in which they are declared.
    pub const ALL: [Self; 4] = [Self::Signer, Self::Recipient, Self::Myself, Self::Message];

    /// The word in `refused.csv`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Signer => "signer",
            Self::Recipient => "recipient",
            Self::Myself => "self",
            Self::Message => "message",
        }
    }
}

/// Why a message is refused, where it is not what hinders a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Problem {
    /// No From with an address.
    NoSender,
    /// More than one From, or more than one address in it.
    SeveralSenders,
    /// No key with a certificate for the From address.
    NoKey,
    /// The key does not open, or what it signs does not verify with its certificate.
    KeyUnusable,
    /// Nobody to encrypt to.
    NoRecipient,
    /// No certificate claims the address.
    NoCertificate,
    /// The store can't be read.
    StoreUnreadable,
    /// Encrypting failed: the linked OpenSSL lacks the cipher, or the system gives no randomness.
    NotEncrypted,
    /// An address field that can't be read.
    BadAddress,
    /// The header is over the limit.
    HeaderTooLarge,
    /// A part is signed already and not in seven bits.
    InnerSignature,
    /// A part that may have no encoding is not in seven bits.
    NotEncodable,
    /// A part is not written in the encoding that it declares.
    EncodingIrregular,
    /// It can be read in more than one way.
    MimeAmbiguous,
    /// A header field has a word that does not fit into a line.
    HeaderLine,
    /// The mbox variant can't hold it.
    NotRepresentable,
    /// Read again, it was not what it must be.
    ReadBackDiffers,
    /// Larger than `--max-message`.
    MessageTooLarge,
    /// A fault of mailseal's own.
    Panic,
}

impl Problem {
    /// Every value, in the order in which they are declared.
    pub const ALL: [Self; 19] = [
        Self::NoSender,
        Self::SeveralSenders,
        Self::NoKey,
        Self::KeyUnusable,
        Self::NoRecipient,
        Self::NoCertificate,
        Self::StoreUnreadable,
        Self::NotEncrypted,
        Self::BadAddress,
        Self::HeaderTooLarge,
        Self::InnerSignature,
        Self::NotEncodable,
        Self::EncodingIrregular,
        Self::MimeAmbiguous,
        Self::HeaderLine,
        Self::NotRepresentable,
        Self::ReadBackDiffers,
        Self::MessageTooLarge,
        Self::Panic,
    ];

    /// The word in `refused.csv`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoSender => "no_sender",
            Self::SeveralSenders => "several_senders",
            Self::NoKey => "no_key",
            Self::KeyUnusable => "key_unusable",
            Self::NoRecipient => "no_recipient",
            Self::NoCertificate => "no_certificate",
            Self::StoreUnreadable => "store_unreadable",
            Self::NotEncrypted => "not_encrypted",
            Self::BadAddress => "bad_address",
            Self::HeaderTooLarge => "header_too_large",
            Self::InnerSignature => "inner_signature",
            Self::NotEncodable => "not_encodable",
            Self::EncodingIrregular => "encoding_irregular",
            Self::MimeAmbiguous => "mime_ambiguous",
            Self::HeaderLine => "header_line",
            Self::NotRepresentable => "not_representable",
            Self::ReadBackDiffers => "read_back_differs",
            Self::MessageTooLarge => "message_too_large",
            Self::Panic => "panic",
        }
    }
}

impl From<CannotWrite> for Problem {
    fn from(error: CannotWrite) -> Self {
        match error {
            CannotWrite::InnerSignature => Self::InnerSignature,
            CannotWrite::NotEncodable => Self::NotEncodable,
            CannotWrite::Irregular => Self::EncodingIrregular,
            CannotWrite::Ambiguous => Self::MimeAmbiguous,
            CannotWrite::HeaderLine => Self::HeaderLine,
        }
    }
}

/// One reason why a message is refused: a row of `refused.csv`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Whom it is about.
    pub role: Role,
    /// Whose address; none where it is about the message.
    pub address: Option<String>,
    /// The word: one of [`Problem`] or of [`Hindrance`].
    pub reason: &'static str,
    /// The certificate that came nearest, and all that hinders it.
    pub certificate: Option<(Sha256, Vec<Hindrance>)>,
}

impl Refused {
    /// The message itself is the reason.
    #[must_use]
    pub fn message(problem: Problem) -> Self {
        Self {
            role: Role::Message,
            address: None,
            reason: problem.as_str(),
            certificate: None,
        }
    }

    /// Somebody is the reason, without any certificate.
    #[must_use]
    pub fn somebody(role: Role, address: &str, problem: Problem) -> Self {
        Self {
            role,
            address: Some(address.to_owned()),
            reason: problem.as_str(),
            certificate: None,
        }
    }

    /// Nothing could be chosen: the certificate is told that the least speaks against, and of that what is told first.
    #[must_use]
    pub fn no_choice(
        role: Role,
        address: &str,
        choice: &Choice,
        refusal: Refusal,
        allowed: &[Hindrance],
    ) -> Self {
        let none = match role {
            Role::Signer => Problem::NoKey,
            Role::Recipient | Role::Myself | Role::Message => Problem::NoCertificate,
        };
        let mut nearest: Option<(Sha256, Vec<Hindrance>)> = None;
        for (sha256, reason) in &choice.others {
            let NotChosen::Hindered(hindrances) = reason else {
                continue;
            };
            let against: Vec<Hindrance> = hindrances
                .iter()
                .copied()
                .filter(|one| !allowed.contains(one))
                .collect();
            let rank = |list: &[Hindrance]| (list.contains(&Hindrance::OtherAddress), list.len());
            if nearest
                .as_ref()
                .is_none_or(|(_, best)| rank(&against) < rank(best))
            {
                nearest = Some((*sha256, against));
            }
        }
        let reason = match (refusal, &nearest) {
            (Refusal::NoCertificate, _) | (_, None) => none.as_str(),
            (Refusal::NoneUsable | Refusal::AuthorityChanged, Some((_, against))) => against
                .first()
                .map_or(Hindrance::OtherAuthority.as_str(), |first| first.as_str()),
        };
        Self {
            role,
            address: Some(address.to_owned()),
            reason,
            certificate: nearest.filter(|_| refusal != Refusal::NoCertificate),
        }
    }
}
