//! The structure of PKCS #12 files (RFC 7292, RFC 9579): what is in them, before any password.

use std::borrow::Cow;

use zeroize::Zeroizing;

use crate::asn1::AlgorithmIdentifier;
use crate::asn1::BerError;
use crate::asn1::BerErrorKind;
use crate::asn1::Oid;
use crate::asn1::Reader;
use crate::asn1::Tag;
use crate::asn1::oid;
use crate::asn1::reader::Element;
use crate::asn1::text;
use crate::cms::ContentInfo;
use crate::cms::Layer;
use crate::limits::Limits;

/// `PFX` (RFC 7292 §4).
#[derive(Clone)]
pub struct Pfx<'a> {
    /// The BER encoding of `AuthenticatedSafe`, over which the MAC is computed.
    pub authenticated_safe: Zeroizing<Vec<u8>>,
    /// None where the file has no MAC, or is signed instead: the signature says nothing about the keys, and is not checked.
    pub mac: Option<MacData<'a>>,
}

/// `MacData` (RFC 7292 §4).
#[derive(Clone, Debug)]
pub struct MacData<'a> {
    /// A digest, or PBMAC1 with parameters of its own (RFC 9579 §5).
    pub algorithm: AlgorithmIdentifier<'a>,
    /// The MAC's value.
    pub value: Cow<'a, [u8]>,
    /// Salt of the key derivation; not used by PBMAC1.
    pub salt: Cow<'a, [u8]>,
    /// Rounds of the key derivation; not used by PBMAC1.
    pub iterations: u64,
}

/// One `ContentInfo` of `AuthenticatedSafe` (RFC 7292 §4.1).
#[derive(Clone)]
pub enum Safe<'a> {
    /// id-data: the encoding of `SafeContents`.
    Plain(Zeroizing<Vec<u8>>),
    /// id-encryptedData: the encoding of `SafeContents` under a password.
    Encrypted {
        /// How the password encrypts.
        algorithm: AlgorithmIdentifier<'a>,
        /// The encrypted encoding.
        ciphertext: Cow<'a, [u8]>,
    },
    /// id-envelopedData, encrypted for somebody's key; nothing writes it.
    Other(Oid<'a>),
}

/// What a `SafeBag` holds (RFC 7292 §4.2).
#[derive(Clone)]
pub enum BagValue<'a> {
    /// `keyBag`: a PKCS #8 `PrivateKeyInfo`.
    Key(&'a [u8]),
    /// `pkcs8ShroudedKeyBag`: a PKCS #8 `EncryptedPrivateKeyInfo`.
    ShroudedKey(&'a [u8]),
    /// `certBag` with an X.509 certificate in DER.
    Certificate(Cow<'a, [u8]>),
    /// A CRL, a secret, an SDSI certificate: nothing that opens mail.
    Other(Oid<'a>),
}

/// `SafeBag` with the two attributes that are used (RFC 2985 §5.5).
#[derive(Clone)]
pub struct SafeBag<'a> {
    /// What is in it.
    pub value: BagValue<'a>,
    /// `localKeyID`: the same octets stand with the key and with its certificate.
    pub local_key_id: Option<Cow<'a, [u8]>>,
    /// `friendlyName`: what a person called it.
    pub friendly_name: Option<String>,
}

/// The data begins as `PFX` does: a SEQUENCE with version 3 and then another; the rest may be damaged.
#[must_use]
pub fn looks_like_pfx(data: &[u8]) -> bool {
    let content = match data {
        [0x30, 0x80, content @ ..]
        | [0x30, 0x81, _, content @ ..]
        | [0x30, 0x82, _, _, content @ ..]
        | [0x30, 0x83, _, _, _, content @ ..]
        | [0x30, 0x84, _, _, _, _, content @ ..]
        | [0x30, _, content @ ..] => content,
        _ => return false,
    };
    content.starts_with(&[2, 1, 3, 0x30])
}

impl<'a> Pfx<'a> {
    /// `PFX` (RFC 7292 §4).
    ///
    /// # Errors
    /// Where the encoding is damaged; `Value` for another version than 3.
    pub fn read(data: &'a [u8], limits: &Limits) -> Result<Self, BerError> {
        Reader::new(data).sequence(|r| {
            let version = r.error(BerErrorKind::Value);
            if r.small_integer()? != 3 {
                return Err(version);
            }
            let at = r.error(BerErrorKind::Value);
            let authenticated_safe = match ContentInfo::read(r, limits)?.layer {
                Layer::Data(Some(content)) => content.bytes()?,
                Layer::Signed(signed) => signed.content.ok_or(at)?.bytes()?,
                _ => return Err(at),
            };
            let mac = if r.is_empty() {
                None
            } else {
                Some(MacData::read(r)?)
            };
            Ok(Self {
                authenticated_safe: wiped(authenticated_safe),
                mac,
            })
        })
    }

    /// `AuthenticatedSafe` (RFC 7292 §4.1).
    ///
    /// # Errors
    /// Where the encoding is damaged; `TooMany` past [`Limits::key_file_items`].
    pub fn safes(&self, limits: &Limits) -> Result<Vec<Safe<'_>>, BerError> {
        let mut safes = Vec::new();
        Reader::new(&self.authenticated_safe).sequence(|r| {
            while !r.is_empty() {
                if safes.len() >= limits.key_file_items {
                    return Err(r.error(BerErrorKind::TooMany));
                }
                safes.push(Safe::read(r, limits)?);
            }
            Ok(())
        })?;
        Ok(safes)
    }
}

/// The octets of a string that may hold unencrypted keys.
fn wiped(octets: Cow<'_, [u8]>) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(octets.into_owned())
}

impl<'a> MacData<'a> {
    fn read(r: &mut Reader<'a>) -> Result<Self, BerError> {
        r.sequence(|r| {
            let (algorithm, value) =
                r.sequence(|r| Ok((AlgorithmIdentifier::read(r)?, r.octet_string()?.bytes()?)))?;
            let salt = r.octet_string()?.bytes()?;
            let iterations = if r.is_empty() { 1 } else { r.small_integer()? };
            Ok(Self {
                algorithm,
                value,
                salt,
                iterations,
            })
        })
    }
}

impl<'a> Safe<'a> {
    fn read(r: &mut Reader<'a>, limits: &Limits) -> Result<Self, BerError> {
        let at = r.error(BerErrorKind::Value);
        let info = ContentInfo::read(r, limits)?;
        Ok(match info.layer {
            Layer::Data(content) => Self::Plain(wiped(content.ok_or(at)?.bytes()?)),
            Layer::Encrypted(data) => Self::Encrypted {
                algorithm: data.content.algorithm,
                ciphertext: data.content.ciphertext.ok_or(at)?.bytes()?,
            },
            _ => Self::Other(info.content_type),
        })
    }
}

/// `SafeContents` (RFC 7292 §4.2): all bags, those of nested `safeContentsBag`s behind the others.
///
/// # Errors
/// Where the encoding is damaged; `TooMany` past [`Limits::key_file_items`], attributes of a bag included.
pub fn read_bags<'a>(
    safe_contents: &'a [u8],
    limits: &Limits,
) -> Result<Vec<SafeBag<'a>>, BerError> {
    let limit = limits.key_file_items;
    let mut open = vec![Reader::new(safe_contents).expect(Tag::SEQUENCE)?];
    let mut bags = Vec::new();
    let mut seen = 0;
    while let Some(contents) = open.pop() {
        let mut r = contents.reader()?;
        while !r.is_empty() {
            seen += 1;
            if seen > limit {
                return Err(r.error(BerErrorKind::TooMany));
            }
            r.sequence(|r| {
                let kind = r.oid()?;
                let mut value = r.expect(Tag::context_constructed(0))?.reader()?;
                let element = value.element()?;
                if kind == oid::PKCS12_SAFE_CONTENTS_BAG {
                    if element.tag != Tag::SEQUENCE {
                        return Err(element.error(BerErrorKind::UnexpectedTag));
                    }
                    open.push(element);
                    r.optional(Tag::SET)?;
                    return Ok(());
                }
                let (local_key_id, friendly_name) = match r.optional(Tag::SET)? {
                    Some(attributes) => read_attributes(&attributes, limit)?,
                    None => (None, None),
                };
                bags.push(SafeBag {
                    value: BagValue::read(kind, &element)?,
                    local_key_id,
                    friendly_name,
                });
                Ok(())
            })?;
        }
    }
    Ok(bags)
}

impl<'a> BagValue<'a> {
    fn read(kind: Oid<'a>, element: &Element<'a>) -> Result<Self, BerError> {
        if kind == oid::PKCS12_KEY_BAG {
            return Ok(Self::Key(element.raw));
        }
        if kind == oid::PKCS12_SHROUDED_KEY_BAG {
            return Ok(Self::ShroudedKey(element.raw));
        }
        if kind != oid::PKCS12_CERT_BAG {
            return Ok(Self::Other(kind));
        }
        let mut r = element.reader()?;
        let form = r.oid()?;
        if form != oid::X509_CERTIFICATE_BAG {
            return Ok(Self::Other(form));
        }
        let bytes = r.nested(Tag::context_constructed(0), |r| r.octet_string()?.bytes())?;
        Ok(Self::Certificate(bytes))
    }
}

/// What [`read_attributes`] finds.
type Names<'a> = (Option<Cow<'a, [u8]>>, Option<String>);

/// `SET OF PKCS12Attribute` (RFC 7292 §4.2); of attributes that come twice the first counts, and values of another type don't.
fn read_attributes<'a>(set: &Element<'a>, limit: usize) -> Result<Names<'a>, BerError> {
    let (mut local_key_id, mut friendly_name) = (None, None);
    let mut r = set.reader()?;
    let mut seen = 0;
    while !r.is_empty() {
        seen += 1;
        if seen > limit {
            return Err(r.error(BerErrorKind::TooMany));
        }
        let mut attribute = r.expect(Tag::SEQUENCE)?.reader()?;
        let kind = attribute.oid()?;
        let mut values = attribute.expect(Tag::SET)?.reader()?;
        if values.is_empty() {
            continue;
        }
        if kind == oid::LOCAL_KEY_ID && local_key_id.is_none() {
            local_key_id = values.octet_string().and_then(|id| id.bytes()).ok();
        } else if kind == oid::FRIENDLY_NAME && friendly_name.is_none() {
            friendly_name = text::text(&values.element()?).map(|text| text.text);
        }
    }
    Ok((local_key_id, friendly_name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asn1::Writer;

    fn content_info(w: &mut Writer, content: &[u8]) {
        w.sequence(|w| {
            w.oid(oid::DATA);
            w.explicit(0, |w| w.octet_string(content));
        });
    }

    fn bag(kind: Oid<'_>, value: &[u8], attributes: &[u8]) -> Vec<u8> {
        Writer::encode(|w| {
            w.sequence(|w| {
                w.oid(kind);
                w.explicit(0, |w| w.raw(value));
                w.raw(attributes);
            });
        })
    }

    fn sequence(elements: &[Vec<u8>]) -> Vec<u8> {
        Writer::encode(|w| w.sequence(|w| w.raw(&elements.concat())))
    }

    fn certificate_bag(der: &[u8], attributes: &[u8]) -> Vec<u8> {
        let value = Writer::encode(|w| {
            w.sequence(|w| {
                w.oid(oid::X509_CERTIFICATE_BAG);
                w.explicit(0, |w| w.octet_string(der));
            });
        });
        bag(oid::PKCS12_CERT_BAG, &value, attributes)
    }

    fn attributes() -> Vec<u8> {
        Writer::encode(|w| {
            w.constructed(Tag::SET, |w| {
                w.sequence(|w| {
                    w.oid(oid::FRIENDLY_NAME);
                    w.constructed(Tag::SET, |w| {
                        w.primitive(Tag::BMP_STRING, &[0, b'Z', 0, 0xeb])
                    });
                });
                w.sequence(|w| {
                    w.oid(oid::LOCAL_KEY_ID);
                    w.constructed(Tag::SET, |w| w.octet_string(&[1, 2]));
                });
            });
        })
    }

    #[test]
    fn the_whole_structure_is_read() {
        let key = sequence(&[vec![2, 1, 0]]);
        let inner = sequence(&[certificate_bag(b"inner", &[])]);
        let contents = sequence(&[
            bag(oid::PKCS12_KEY_BAG, &key, &attributes()),
            bag(oid::PKCS12_SAFE_CONTENTS_BAG, &inner, &[]),
            bag(oid::PKCS12_SHROUDED_KEY_BAG, &key, &[]),
            bag(oid::PKCS12_SECRET_BAG, &key, &[]),
            certificate_bag(b"outer", &attributes()),
        ]);
        let safes = Writer::encode(|w| w.sequence(|w| content_info(w, &contents)));
        let mac = Writer::encode(|w| {
            w.sequence(|w| {
                w.sequence(|w| {
                    w.algorithm(oid::SHA256, None);
                    w.octet_string(b"value");
                });
                w.octet_string(b"salt");
            });
        });
        let pfx = Writer::encode(|w| {
            w.sequence(|w| {
                w.small_integer(3);
                content_info(w, &safes);
                w.raw(&mac);
            });
        });
        assert!(looks_like_pfx(&pfx));
        let limits = Limits::default();
        let read = Pfx::read(&pfx, &limits).unwrap();
        let mac = read.mac.as_ref().unwrap();
        assert_eq!(mac.algorithm.oid, oid::SHA256);
        assert_eq!(
            (mac.value.as_ref(), mac.salt.as_ref()),
            (b"value".as_slice(), b"salt".as_slice())
        );
        assert_eq!(mac.iterations, 1);
        let safes = read.safes(&limits).unwrap();
        let [Safe::Plain(content)] = safes.as_slice() else {
            panic!();
        };
        let bags = read_bags(content, &limits).unwrap();
        let values: Vec<_> = bags
            .iter()
            .map(|bag| match &bag.value {
                BagValue::Key(der) => format!("key {}", der.len()),
                BagValue::ShroudedKey(der) => format!("shrouded {}", der.len()),
                BagValue::Certificate(der) => String::from_utf8(der.to_vec()).unwrap(),
                BagValue::Other(kind) => kind.label(),
            })
            .collect();
        assert_eq!(
            values,
            ["key 5", "shrouded 5", "secretBag", "outer", "inner"]
        );
        assert_eq!(bags[0].friendly_name.as_deref(), Some("Z\u{eb}"));
        assert_eq!(bags[0].local_key_id.as_deref(), Some([1, 2].as_slice()));
        assert_eq!(bags[1].local_key_id, None);
        let few = Limits {
            key_file_items: 4,
            ..Limits::default()
        };
        let error = read_bags(content, &few).err().unwrap();
        assert_eq!(error.kind, BerErrorKind::TooMany);
    }

    #[test]
    fn chunks_and_indefinite_lengths_are_read() {
        let safes = sequence(&[]);
        let (one, two) = safes.split_at(1);
        let mut pfx = vec![0x30, 0x80, 2, 1, 3, 0x30, 0x80, 6, 9];
        pfx.extend_from_slice(oid::DATA.content());
        pfx.extend_from_slice(&[0xa0, 0x80, 0x24, 0x80]);
        for chunk in [one, two] {
            pfx.extend_from_slice(&Writer::encode(|w| w.octet_string(chunk)));
        }
        pfx.extend_from_slice(&[0; 8]);
        assert!(looks_like_pfx(&pfx));
        let limits = Limits::default();
        let read = Pfx::read(&pfx, &limits).unwrap();
        assert_eq!(read.authenticated_safe.as_slice(), safes);
        assert!(read.mac.is_none());
        assert!(read.safes(&limits).unwrap().is_empty());
    }

    #[test]
    fn other_versions_and_contents_are_refused() {
        let make = |version, kind| {
            Writer::encode(|w| {
                w.sequence(|w| {
                    w.small_integer(version);
                    w.sequence(|w| {
                        w.oid(kind);
                        w.explicit(0, |w| w.octet_string(&[0x30, 0]));
                    });
                });
            })
        };
        let limits = Limits::default();
        assert!(Pfx::read(&make(3, oid::DATA), &limits).is_ok());
        assert!(Pfx::read(&make(2, oid::DATA), &limits).is_err());
        assert!(Pfx::read(&make(3, oid::TST_INFO), &limits).is_err());
    }

    #[test]
    fn values_of_another_type_and_missing_content_are_no_trap() {
        // CVE-2024-0727, CVE-2026-22795
        let limits = Limits::default();
        let odd = Writer::encode(|w| {
            w.constructed(Tag::SET, |w| {
                for kind in [oid::FRIENDLY_NAME, oid::LOCAL_KEY_ID] {
                    w.sequence(|w| {
                        w.oid(kind);
                        w.constructed(Tag::SET, |w| w.small_integer(1));
                    });
                    w.sequence(|w| {
                        w.oid(kind);
                        w.constructed(Tag::SET, |_| {});
                    });
                }
            });
        });
        let contents = sequence(&[certificate_bag(b"x", &odd)]);
        let bags = read_bags(&contents, &limits).unwrap_or_default();
        assert_eq!(bags.len(), 1);
        assert!(bags[0].friendly_name.is_none() && bags[0].local_key_id.is_none());
        for kind in [oid::DATA, oid::SIGNED_DATA, oid::ENCRYPTED_DATA] {
            let empty = sequence(&[Writer::encode(|w| w.oid(kind))]);
            let pfx = sequence(&[vec![2, 1, 3], empty.clone()]);
            assert!(Pfx::read(&pfx, &limits).is_err(), "{kind}");
            let pfx = Writer::encode(|w| {
                w.sequence(|w| {
                    w.small_integer(3);
                    content_info(w, &sequence(&[empty]));
                });
            });
            let pfx = Pfx::read(&pfx, &limits).ok().unwrap();
            assert!(pfx.safes(&limits).is_err(), "{kind}");
        }
        let encrypted = Writer::encode(|w| {
            w.sequence(|w| {
                w.oid(oid::ENCRYPTED_DATA);
                w.explicit(0, |w| {
                    w.sequence(|w| {
                        w.small_integer(0);
                        w.sequence(|w| {
                            w.oid(oid::DATA);
                            w.algorithm(oid::PBES2, None);
                        });
                    });
                });
            });
        });
        let pfx = Pfx {
            authenticated_safe: Zeroizing::new(sequence(&[encrypted])),
            mac: None,
        };
        assert!(pfx.safes(&limits).is_err());
    }
}
