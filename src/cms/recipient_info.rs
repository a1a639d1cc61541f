//! `RecipientInfo` (RFC 5652 §6.2; RFC 9629 §3): for whom the content-encryption key was encrypted, and how.

use std::borrow::Cow;

use crate::asn1::AlgorithmIdentifier;
use crate::asn1::BerError;
use crate::asn1::BerErrorKind;
use crate::asn1::BitString;
use crate::asn1::Element;
use crate::asn1::Oid;
use crate::asn1::Reader;
use crate::asn1::Tag;
use crate::asn1::Time;
use crate::asn1::oid;
use crate::cms::attribute_values::implicit_algorithm;
use crate::cms::identifier::EntityIdentifier;
use crate::cms::identifier::IssuerAndSerial;
use crate::cms::list;
use crate::limits::Limits;

/// One `RecipientInfo` (RFC 5652 §6.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recipient<'a> {
    /// A certificate whose key encrypts: RSA (RFC 5652 §6.2.1).
    KeyTransport(KeyTransport<'a>),
    /// Certificates whose keys agree on one: ECDH, X25519, DH (RFC 5652 §6.2.2).
    KeyAgreement(KeyAgreement<'a>),
    /// A symmetric key that both sides have (RFC 5652 §6.2.3).
    Kek(Kek<'a>),
    /// A password (RFC 5652 §6.2.4).
    Password(Password<'a>),
    /// A certificate whose key encapsulates: ML-KEM (RFC 9629).
    Kem(Kem<'a>),
    /// Another kind (RFC 5652 §6.2.5).
    Other {
        /// Which kind.
        oid: Oid<'a>,
        /// Its value's whole element.
        value: &'a [u8],
    },
    /// Not readable. The other recipients of the message are, so it costs only its own.
    Damaged {
        /// The whole element.
        raw: &'a [u8],
        /// What is wrong with it.
        error: BerError,
    },
}

/// `RecipientInfos` (RFC 5652 §6.1), at most as many as `limits` allows, each key of a key agreement counted. May be empty, which
/// the standard forbids.
pub(super) fn read_all<'a>(
    r: &mut Reader<'a>,
    limits: &Limits,
) -> Result<Vec<Recipient<'a>>, BerError> {
    let set = r.expect(Tag::SET)?;
    let mut left = limits.recipients;
    list::read(&set, limits.recipients, |r| {
        let element = r.element()?;
        let recipient = Recipient::read(&element, limits)?;
        left = left
            .checked_sub(recipient.rows())
            .ok_or_else(|| set.error(BerErrorKind::TooMany))?;
        Ok(recipient)
    })
}

impl<'a> Recipient<'a> {
    /// The element as `RecipientInfo`. Damage inside is [`Recipient::Damaged`].
    ///
    /// # Errors
    /// `TooMany` for a key agreement over `limits`, and nothing else.
    pub fn read(element: &Element<'a>, limits: &Limits) -> Result<Self, BerError> {
        match Self::read_choice(element, limits) {
            Err(error) if error.kind != BerErrorKind::TooMany => Ok(Self::Damaged {
                raw: element.raw,
                error,
            }),
            read => read,
        }
    }

    fn read_choice(element: &Element<'a>, limits: &Limits) -> Result<Self, BerError> {
        let mut inside = element.reader()?;
        let r = &mut inside;
        let recipient = match element.tag {
            Tag::SEQUENCE => Self::KeyTransport(KeyTransport::read_fields(r)?),
            KEY_AGREEMENT => Self::KeyAgreement(KeyAgreement::read_fields(r, limits)?),
            KEK => Self::Kek(Kek::read_fields(r)?),
            PASSWORD => Self::Password(Password::read_fields(r)?),
            OTHER => {
                let oid = r.oid()?;
                if oid == oid::ORI_KEM {
                    Self::Kem(Kem::read(r)?)
                } else {
                    let value = r.element()?.raw;
                    Self::Other { oid, value }
                }
            }
            _ => return Err(element.error(BerErrorKind::UnexpectedTag)),
        };
        inside.finish()?;
        Ok(recipient)
    }

    /// How many encrypted keys it holds: rows of a report. A key agreement may have several, every other kind has 1.
    #[must_use]
    pub fn rows(&self) -> usize {
        match self {
            Self::KeyAgreement(agreement) => agreement.keys.len(),
            Self::KeyTransport(_)
            | Self::Kek(_)
            | Self::Password(_)
            | Self::Kem(_)
            | Self::Other { .. }
            | Self::Damaged { .. } => 1,
        }
    }
}

pub(super) const KEY_AGREEMENT: Tag = Tag::context_constructed(1);
pub(super) const KEK: Tag = Tag::context_constructed(2);
pub(super) const PASSWORD: Tag = Tag::context_constructed(3);
pub(super) const OTHER: Tag = Tag::context_constructed(4);

/// One encrypted key of a message.
#[derive(Clone, Copy, Debug)]
pub struct Row<'r, 'a> {
    /// Which it is, counted from 0 through the whole message.
    pub index: usize,
    /// The recipient it belongs to.
    pub recipient: &'r Recipient<'a>,
    /// Which of the key agreement's keys it is; None for the other kinds.
    pub key: Option<&'r AgreedKey<'a>>,
}

/// Every encrypted key in the order of the message.
pub fn rows<'r, 'a>(recipients: &'r [Recipient<'a>]) -> impl Iterator<Item = Row<'r, 'a>> {
    recipients
        .iter()
        .flat_map(|recipient| {
            let keys = match recipient {
                Recipient::KeyAgreement(agreement) => agreement.keys.as_slice(),
                _ => &[],
            };
            (0..recipient.rows()).map(move |key| (recipient, keys.get(key)))
        })
        .enumerate()
        .map(|(index, (recipient, key))| Row {
            index,
            recipient,
            key,
        })
}

/// `KeyTransRecipientInfo` (RFC 5652 §6.2.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyTransport<'a> {
    /// 0 or 2; others are read too.
    pub version: u64,
    /// Whose key opens it.
    pub rid: EntityIdentifier<'a>,
    /// How the key was encrypted.
    pub algorithm: AlgorithmIdentifier<'a>,
    /// The content-encryption key, encrypted.
    pub encrypted_key: Cow<'a, [u8]>,
}

impl<'a> KeyTransport<'a> {
    fn read_fields(r: &mut Reader<'a>) -> Result<Self, BerError> {
        Ok(Self {
            version: r.small_integer()?,
            rid: EntityIdentifier::read(r)?,
            algorithm: AlgorithmIdentifier::read(r)?,
            encrypted_key: r.octet_string()?.bytes()?,
        })
    }
}

/// `KeyAgreeRecipientInfo` (RFC 5652 §6.2.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyAgreement<'a> {
    /// 3; others are read too.
    pub version: u64,
    /// The sender's side of the agreement.
    pub originator: Originator<'a>,
    /// User keying material.
    pub ukm: Option<Cow<'a, [u8]>>,
    /// The agreement; its parameters name the key wrap.
    pub algorithm: AlgorithmIdentifier<'a>,
    /// One for each recipient.
    pub keys: Vec<AgreedKey<'a>>,
}

impl<'a> KeyAgreement<'a> {
    fn read_fields(r: &mut Reader<'a>, limits: &Limits) -> Result<Self, BerError> {
        Ok(Self {
            version: r.small_integer()?,
            originator: r.nested(Tag::context_constructed(0), Originator::read)?,
            ukm: explicit_octets(r, 1)?,
            algorithm: AlgorithmIdentifier::read(r)?,
            keys: {
                let keys = r.expect(Tag::SEQUENCE)?;
                if keys.content.is_empty() {
                    return Err(keys.error(BerErrorKind::Truncated));
                }
                list::read(&keys, limits.recipients, AgreedKey::read)?
            },
        })
    }
}

/// `[number] EXPLICIT OCTET STRING OPTIONAL`.
fn explicit_octets<'a>(r: &mut Reader<'a>, number: u32) -> Result<Option<Cow<'a, [u8]>>, BerError> {
    let tag = Tag::context_constructed(number);
    if r.peek() != Some(tag) {
        return Ok(None);
    }
    r.nested(tag, |r| r.octet_string()?.bytes()).map(Some)
}

/// `OriginatorIdentifierOrKey` (RFC 5652 §6.2.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Originator<'a> {
    /// The key of a certificate (static agreement).
    Certificate(EntityIdentifier<'a>),
    /// A key for this message only.
    PublicKey {
        /// Its type; the curve may be missing, which means the recipient's (RFC 5753 §3.1.1).
        algorithm: AlgorithmIdentifier<'a>,
        /// The key.
        key: BitString<'a>,
    },
}

impl<'a> Originator<'a> {
    fn read(r: &mut Reader<'a>) -> Result<Self, BerError> {
        match r.optional(Tag::context_constructed(1))? {
            None => EntityIdentifier::read(r).map(Self::Certificate),
            Some(element) => {
                let mut inside = element.reader()?;
                let algorithm = AlgorithmIdentifier::read(&mut inside)?;
                let key = inside.bit_string()?;
                inside.finish()?;
                Ok(Self::PublicKey { algorithm, key })
            }
        }
    }
}

/// `RecipientEncryptedKey` (RFC 5652 §6.2.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgreedKey<'a> {
    /// Whose key opens it. Date and other attribute of a `RecipientKeyIdentifier` are left out: they choose among keys with one
    /// identifier.
    pub rid: EntityIdentifier<'a>,
    /// The content-encryption key, wrapped.
    pub encrypted_key: Cow<'a, [u8]>,
}

impl<'a> AgreedKey<'a> {
    fn read(r: &mut Reader<'a>) -> Result<Self, BerError> {
        r.sequence(|r| {
            let rid = match r.optional(Tag::context_constructed(0))? {
                None => EntityIdentifier::IssuerAndSerial(IssuerAndSerial::read(r)?),
                Some(element) => {
                    let (identifier, _) = read_key_identifier(&mut element.reader()?)?;
                    EntityIdentifier::SubjectKeyIdentifier(identifier)
                }
            };
            Ok(Self {
                rid,
                encrypted_key: r.octet_string()?.bytes()?,
            })
        })
    }
}

/// `RecipientKeyIdentifier` and `KEKIdentifier` (RFC 5652 §6.2.2, §6.2.3): identifier, date OPTIONAL, other OPTIONAL.
fn read_key_identifier<'a>(r: &mut Reader<'a>) -> Result<(Cow<'a, [u8]>, Option<Time>), BerError> {
    let identifier = r.octet_string()?.bytes()?;
    let date = match r.optional(Tag::GENERALIZED_TIME)? {
        Some(element) => Some(element.as_time()?.0),
        None => None,
    };
    r.optional(Tag::SEQUENCE)?;
    r.finish()?;
    Ok((identifier, date))
}

/// `KEKRecipientInfo` (RFC 5652 §6.2.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kek<'a> {
    /// 4; others are read too.
    pub version: u64,
    /// Which key opens it.
    pub identifier: Cow<'a, [u8]>,
    /// Which of the keys with this identifier.
    pub date: Option<Time>,
    /// The key wrap.
    pub algorithm: AlgorithmIdentifier<'a>,
    /// The content-encryption key, wrapped.
    pub encrypted_key: Cow<'a, [u8]>,
}

impl<'a> Kek<'a> {
    fn read_fields(r: &mut Reader<'a>) -> Result<Self, BerError> {
        let version = r.small_integer()?;
        let (identifier, date) = r.sequence(read_key_identifier)?;
        Ok(Self {
            version,
            identifier,
            date,
            algorithm: AlgorithmIdentifier::read(r)?,
            encrypted_key: r.octet_string()?.bytes()?,
        })
    }
}

/// `PasswordRecipientInfo` (RFC 5652 §6.2.4, RFC 3211).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Password<'a> {
    /// 0; others are read too.
    pub version: u64,
    /// How the password becomes a key; None where it is one.
    pub key_derivation: Option<AlgorithmIdentifier<'a>>,
    /// The key wrap.
    pub algorithm: AlgorithmIdentifier<'a>,
    /// The content-encryption key, wrapped.
    pub encrypted_key: Cow<'a, [u8]>,
}

impl<'a> Password<'a> {
    fn read_fields(r: &mut Reader<'a>) -> Result<Self, BerError> {
        Ok(Self {
            version: r.small_integer()?,
            key_derivation: implicit_algorithm(r, 0)?,
            algorithm: AlgorithmIdentifier::read(r)?,
            encrypted_key: r.octet_string()?.bytes()?,
        })
    }
}

/// `KEMRecipientInfo` (RFC 9629 §3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kem<'a> {
    /// 0; others are read too.
    pub version: u64,
    /// Whose key opens it.
    pub rid: EntityIdentifier<'a>,
    /// The encapsulation.
    pub kem: AlgorithmIdentifier<'a>,
    /// What was encapsulated.
    pub ciphertext: Cow<'a, [u8]>,
    /// How the shared secret becomes a key-encryption key.
    pub key_derivation: AlgorithmIdentifier<'a>,
    /// The key-encryption key's size in octets.
    pub kek_bytes: u64,
    /// User keying material.
    pub ukm: Option<Cow<'a, [u8]>>,
    /// The key wrap.
    pub wrap: AlgorithmIdentifier<'a>,
    /// The content-encryption key, wrapped.
    pub encrypted_key: Cow<'a, [u8]>,
}

impl<'a> Kem<'a> {
    fn read(r: &mut Reader<'a>) -> Result<Self, BerError> {
        r.sequence(|r| {
            Ok(Self {
                version: r.small_integer()?,
                rid: EntityIdentifier::read(r)?,
                kem: AlgorithmIdentifier::read(r)?,
                ciphertext: r.octet_string()?.bytes()?,
                key_derivation: AlgorithmIdentifier::read(r)?,
                kek_bytes: r.small_integer()?,
                ukm: explicit_octets(r, 0)?,
                wrap: AlgorithmIdentifier::read(r)?,
                encrypted_key: r.octet_string()?.bytes()?,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asn1::Integer;
    use crate::asn1::Writer;
    use crate::cms::build;

    const ALGORITHM: AlgorithmIdentifier<'static> = AlgorithmIdentifier {
        oid: oid::AES256_WRAP,
        parameters: None,
    };

    fn by_serial() -> EntityIdentifier<'static> {
        EntityIdentifier::IssuerAndSerial(IssuerAndSerial {
            issuer: &[0x30, 0],
            serial: Integer(&[5]),
        })
    }

    fn by_key() -> EntityIdentifier<'static> {
        EntityIdentifier::SubjectKeyIdentifier((&[9; 20]).into())
    }

    fn octets(octets: &[u8]) -> Cow<'_, [u8]> {
        Cow::Borrowed(octets)
    }

    fn transport(rid: EntityIdentifier<'static>) -> Recipient<'static> {
        Recipient::KeyTransport(KeyTransport {
            version: 0,
            rid,
            algorithm: ALGORITHM,
            encrypted_key: octets(&[1; 8]),
        })
    }

    fn agreement(originator: Originator<'static>, keys: usize) -> Recipient<'static> {
        let key = |index| AgreedKey {
            rid: if index % 2 == 0 {
                by_serial()
            } else {
                by_key()
            },
            encrypted_key: octets(&[2; 8]),
        };
        Recipient::KeyAgreement(KeyAgreement {
            version: 3,
            originator,
            ukm: keys.is_multiple_of(2).then(|| octets(&[3])),
            algorithm: ALGORITHM,
            keys: (0..keys).map(key).collect(),
        })
    }

    fn public_key() -> Originator<'static> {
        Originator::PublicKey {
            algorithm: ALGORITHM,
            key: BitString {
                unused_bits: 0,
                bytes: &[4, 1, 2],
            },
        }
    }

    fn every_kind() -> Vec<Recipient<'static>> {
        vec![
            transport(by_serial()),
            transport(by_key()),
            agreement(public_key(), 1),
            agreement(public_key(), 2),
            agreement(Originator::Certificate(by_serial()), 3),
            agreement(Originator::Certificate(by_key()), 1),
            Recipient::Kek(Kek {
                version: 4,
                identifier: octets(b"id"),
                date: None,
                algorithm: ALGORITHM,
                encrypted_key: octets(&[1]),
            }),
            Recipient::Kek(Kek {
                version: 4,
                identifier: octets(b"id"),
                date: Time::from_unix(0),
                algorithm: ALGORITHM,
                encrypted_key: octets(&[1]),
            }),
            Recipient::Password(Password {
                version: 0,
                key_derivation: Some(AlgorithmIdentifier {
                    oid: oid::PBKDF2,
                    parameters: Some(&[0x30, 0]),
                }),
                algorithm: ALGORITHM,
                encrypted_key: octets(&[1]),
            }),
            Recipient::Password(Password {
                version: 0,
                key_derivation: None,
                algorithm: ALGORITHM,
                encrypted_key: octets(&[1]),
            }),
            Recipient::Kem(Kem {
                version: 0,
                rid: by_key(),
                kem: ALGORITHM,
                ciphertext: octets(&[6; 100]),
                key_derivation: ALGORITHM,
                kek_bytes: 32,
                ukm: Some(octets(&[7])),
                wrap: ALGORITHM,
                encrypted_key: octets(&[1]),
            }),
            Recipient::Other {
                oid: oid::RECEIPT,
                value: &[5, 0],
            },
        ]
    }

    fn encode(recipient: &Recipient<'_>) -> Vec<u8> {
        Writer::encode(|w| build::recipient_info::write(w, recipient))
    }

    fn set(recipients: &[Vec<u8>]) -> Vec<u8> {
        Writer::encode(|w| w.constructed(Tag::SET, |w| w.raw(&recipients.concat())))
    }

    #[test]
    fn every_kind_is_read_as_it_was_written() {
        let encoded: Vec<_> = every_kind().iter().map(encode).collect();
        let set = set(&encoded);
        let read = read_all(&mut Reader::new(&set), &Limits::default());
        assert_eq!(read, Ok(every_kind()));
    }

    #[test]
    fn each_encrypted_key_is_a_row() {
        let all = every_kind();
        let rows: Vec<_> = rows(&all).collect();
        assert_eq!(rows.len(), all.len() + 1 + 2);
        for (index, row) in rows.iter().enumerate() {
            assert_eq!(row.index, index);
            let agreed = matches!(row.recipient, Recipient::KeyAgreement(_));
            assert_eq!(row.key.is_some(), agreed);
        }
        let Recipient::KeyAgreement(two) = &all[3] else {
            panic!("{:?}", all[3])
        };
        assert_eq!(rows[4].key, Some(&two.keys[1]));
    }

    #[test]
    fn a_damaged_one_costs_only_itself() {
        let good = encode(&transport(by_serial()));
        for kind in every_kind() {
            let whole = encode(&kind);
            let element = Reader::new(&whole).element().unwrap();
            let damaged = Writer::encode(|w| {
                w.constructed(element.tag, |w| {
                    w.raw(element.content);
                    w.null(); // one field too many
                });
            });
            let set = set(&[damaged.clone(), good.clone()]);
            let read = read_all(&mut Reader::new(&set), &Limits::default()).unwrap();
            assert!(
                matches!(&read[0], Recipient::Damaged { raw, .. } if *raw == damaged),
                "{:?}",
                read[0]
            );
            assert_eq!(read[1], transport(by_serial()));
            assert_eq!(encode(&read[0]), damaged);
        }
        let unknown = vec![0xa9, 0];
        let set = set(&[unknown, good]);
        let read = read_all(&mut Reader::new(&set), &Limits::default()).unwrap();
        assert!(matches!(read[0], Recipient::Damaged { .. }));
    }

    #[test]
    fn none_at_all_is_readable() {
        let set = set(&[]);
        assert_eq!(
            read_all(&mut Reader::new(&set), &Limits::default()),
            Ok(vec![])
        );
    }

    #[test]
    fn keys_of_an_agreement_count_for_the_limit() {
        let limits = Limits {
            recipients: 10,
            ..Limits::default()
        };
        let ten = encode(&agreement(public_key(), 10));
        let one = encode(&transport(by_serial()));
        for (all, expected) in [
            (vec![ten.clone()], Ok(1)),
            (vec![ten, one.clone()], Err(BerErrorKind::TooMany)),
            (
                vec![encode(&agreement(public_key(), 11))],
                Err(BerErrorKind::TooMany),
            ),
            (vec![one.clone(); 10], Ok(10)),
            (vec![one; 11], Err(BerErrorKind::TooMany)),
        ] {
            let set = set(&all);
            let read = read_all(&mut Reader::new(&set), &limits);
            assert_eq!(read.map(|all| all.len()).map_err(|e| e.kind), expected);
        }
    }
}
