//! Certificates and CRLs made to order: every field can be wrong.

use mailseal::asn1::oid;
use mailseal::asn1::{Oid, Tag, Time, Writer};
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::sign::Signer;

/// 2020-01-01T00:00:00Z; tests count in days from here.
const EPOCH: i64 = 1_577_836_800;

pub fn day(number: i64) -> Time {
    Time::from_unix(EPOCH + number * 86_400).unwrap()
}

/// A name and a key.
#[derive(Clone)]
pub struct Party {
    pub name: Vec<u8>,
    pub key: PKey<Private>,
}

impl Party {
    pub fn new(common_name: &str) -> Self {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
        let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
        Self {
            name: name(&[(oid::COMMON_NAME, common_name)]),
            key,
        }
    }

    pub fn spki(&self) -> Vec<u8> {
        self.key.public_key_to_der().unwrap()
    }

    pub fn key_identifier(&self) -> Vec<u8> {
        openssl::sha::sha1(
            &self
                .key
                .ec_key()
                .unwrap()
                .public_key()
                .to_bytes(
                    self.key.ec_key().unwrap().group(),
                    openssl::ec::PointConversionForm::UNCOMPRESSED,
                    &mut openssl::bn::BigNumContext::new().unwrap(),
                )
                .unwrap(),
        )
        .to_vec()
    }

    fn sign(&self, tbs: &[u8]) -> Vec<u8> {
        let mut signer = Signer::new(MessageDigest::sha256(), &self.key).unwrap();
        let signature = signer.sign_oneshot_to_vec(tbs).unwrap();
        Writer::encode(|w| {
            w.sequence(|w| {
                w.raw(tbs);
                w.algorithm(oid::ECDSA_WITH_SHA256, None);
                w.bit_string(&signature);
            });
        })
    }
}

pub fn name(attributes: &[(Oid<'_>, &str)]) -> Vec<u8> {
    Writer::encode(|w| {
        w.sequence(|w| {
            for (oid, text) in attributes {
                w.constructed(Tag::SET, |w| {
                    w.sequence(|w| {
                        w.oid(*oid);
                        let tag = match *oid {
                            oid::EMAIL_ADDRESS => Tag::IA5_STRING,
                            _ => Tag::UTF8_STRING,
                        };
                        w.primitive(tag, text.as_bytes());
                    });
                });
            }
        });
    })
}

/// A certificate to be.
#[derive(Clone)]
pub struct Wanted {
    pub version: u64,
    pub serial: u64,
    pub subject: Vec<u8>,
    pub spki: Vec<u8>,
    pub days: (i64, i64),
    pub extensions: Vec<(Oid<'static>, bool, Vec<u8>)>,
}

impl Wanted {
    /// Version 3, valid from day 0 to day 1000.
    pub fn new(party: &Party, serial: u64) -> Self {
        let ski = Writer::encode(|w| w.octet_string(&party.key_identifier()));
        Self {
            version: 3,
            serial,
            subject: party.name.clone(),
            spki: party.spki(),
            days: (0, 1000),
            extensions: vec![(oid::SUBJECT_KEY_IDENTIFIER, false, ski)],
        }
    }

    pub fn ca(party: &Party, serial: u64) -> Self {
        Self::new(party, serial)
            .with(oid::BASIC_CONSTRAINTS, true, basic_constraints(true, None))
            .with(oid::KEY_USAGE, true, key_usage(&[5, 6]))
    }

    pub fn signer(party: &Party, serial: u64, address: &str) -> Self {
        Self::new(party, serial)
            .with(oid::KEY_USAGE, true, key_usage(&[0]))
            .with(
                oid::EXTENDED_KEY_USAGE,
                false,
                usages(&[oid::EMAIL_PROTECTION]),
            )
            .with(oid::SUBJECT_ALT_NAME, false, mailboxes(&[address]))
    }

    /// Adds an extension, in place of the one with the same identifier.
    pub fn with(mut self, oid: Oid<'static>, critical: bool, value: Vec<u8>) -> Self {
        self = self.without(oid);
        self.extensions.push((oid, critical, value));
        self
    }

    pub fn without(mut self, oid: Oid<'static>) -> Self {
        self.extensions.retain(|(known, _, _)| *known != oid);
        self
    }

    pub fn days(mut self, from: i64, to: i64) -> Self {
        self.days = (from, to);
        self
    }

    /// Signed by `issuer`, with its key identifier.
    pub fn by(&self, issuer: &Party) -> Vec<u8> {
        let mut extensions = self.extensions.clone();
        extensions.push((
            oid::AUTHORITY_KEY_IDENTIFIER,
            false,
            authority(&issuer.key_identifier()),
        ));
        self.signed(&issuer.name, issuer, &extensions)
    }

    /// Says that `claimed` issued it, with its key identifier, but another key signed.
    pub fn forged(&self, claimed: &Party, by: &Party) -> Vec<u8> {
        let mut extensions = self.extensions.clone();
        extensions.push((
            oid::AUTHORITY_KEY_IDENTIFIER,
            false,
            authority(&claimed.key_identifier()),
        ));
        self.signed(&claimed.name, by, &extensions)
    }

    fn signed(
        &self,
        issuer: &[u8],
        key: &Party,
        extensions: &[(Oid<'static>, bool, Vec<u8>)],
    ) -> Vec<u8> {
        key.sign(&Writer::encode(|w| {
            w.sequence(|w| {
                if self.version > 1 {
                    w.explicit(0, |w| w.small_integer(self.version - 1));
                }
                w.small_integer(self.serial);
                w.algorithm(oid::ECDSA_WITH_SHA256, None);
                w.raw(issuer);
                w.sequence(|w| {
                    w.time(day(self.days.0));
                    w.time(day(self.days.1));
                });
                w.raw(&self.subject);
                w.raw(&self.spki);
                if self.version == 3 && !extensions.is_empty() {
                    w.explicit(3, |w| write_extensions(w, extensions));
                }
            });
        }))
    }
}

fn write_extensions(w: &mut Writer, extensions: &[(Oid<'static>, bool, Vec<u8>)]) {
    w.sequence(|w| {
        for (oid, critical, value) in extensions {
            w.sequence(|w| {
                w.oid(*oid);
                if *critical {
                    w.boolean(true);
                }
                w.octet_string(value);
            });
        }
    });
}

pub fn basic_constraints(ca: bool, path_length: Option<u64>) -> Vec<u8> {
    Writer::encode(|w| {
        w.sequence(|w| {
            if ca {
                w.boolean(true);
            }
            if let Some(path_length) = path_length {
                w.small_integer(path_length);
            }
        });
    })
}

pub fn key_usage(bits: &[u8]) -> Vec<u8> {
    let octet = bits.iter().fold(0u8, |all, bit| all | 0x80 >> bit);
    let unused = octet.trailing_zeros().min(7) as u8;
    vec![3, 2, unused, octet]
}

pub fn usages(usages: &[Oid<'_>]) -> Vec<u8> {
    Writer::encode(|w| w.sequence(|w| usages.iter().for_each(|usage| w.oid(*usage))))
}

pub fn mailboxes(addresses: &[&str]) -> Vec<u8> {
    Writer::encode(|w| {
        w.sequence(|w| {
            for address in addresses {
                w.primitive(Tag::context(1), address.as_bytes());
            }
        });
    })
}

/// A subjectAltName with one SmtpUTF8Mailbox.
pub fn utf8_mailbox(address: &str) -> Vec<u8> {
    Writer::encode(|w| {
        w.sequence(|w| {
            w.constructed(Tag::context(0), |w| {
                w.oid(oid::SMTP_UTF8_MAILBOX);
                w.explicit(0, |w| w.primitive(Tag::UTF8_STRING, address.as_bytes()));
            });
        });
    })
}

/// NameConstraints on mailboxes.
pub fn constraints(permitted: &[&str], excluded: &[&str]) -> Vec<u8> {
    let subtrees = |w: &mut Writer, number, bases: &[&str]| {
        if !bases.is_empty() {
            w.explicit(number, |w| {
                for base in bases {
                    w.sequence(|w| w.primitive(Tag::context(1), base.as_bytes()));
                }
            });
        }
    };
    Writer::encode(|w| {
        w.sequence(|w| {
            subtrees(w, 0, permitted);
            subtrees(w, 1, excluded);
        });
    })
}

fn authority(key_identifier: &[u8]) -> Vec<u8> {
    Writer::encode(|w| w.sequence(|w| w.primitive(Tag::context(0), key_identifier)))
}

/// One entry of a CRL: serial number, day, reason, day of invalidity.
#[derive(Clone, Copy)]
pub struct Revoked {
    pub serial: u64,
    pub day: i64,
    pub reason: Option<u8>,
    pub invalid: Option<i64>,
}

impl Revoked {
    pub fn new(serial: u64, day: i64, reason: Option<u8>) -> Self {
        Self {
            serial,
            day,
            reason,
            invalid: None,
        }
    }
}

/// A CRL of `issuer` from one day to another.
pub fn crl(
    issuer: &Party,
    days: (i64, i64),
    revoked: &[Revoked],
    extensions: &[(Oid<'static>, bool, Vec<u8>)],
) -> Vec<u8> {
    issuer.sign(&Writer::encode(|w| {
        w.sequence(|w| {
            w.small_integer(1);
            w.algorithm(oid::ECDSA_WITH_SHA256, None);
            w.raw(&issuer.name);
            w.time(day(days.0));
            w.time(day(days.1));
            if !revoked.is_empty() {
                w.sequence(|w| revoked.iter().for_each(|one| write_entry(w, *one)));
            }
            if !extensions.is_empty() {
                w.explicit(0, |w| write_extensions(w, extensions));
            }
        });
    }))
}

fn write_entry(w: &mut Writer, revoked: Revoked) {
    let mut extensions = Vec::new();
    if let Some(reason) = revoked.reason {
        extensions.push((oid::REASON_CODE, false, vec![10, 1, reason]));
    }
    if let Some(invalid) = revoked.invalid {
        let value = Writer::encode(|w| {
            let text = day(invalid).to_string().replace(['-', ':', 'T'], "");
            w.primitive(Tag::GENERALIZED_TIME, text.as_bytes());
        });
        extensions.push((oid::INVALIDITY_DATE, false, value));
    }
    w.sequence(|w| {
        w.small_integer(revoked.serial);
        w.time(day(revoked.day));
        if !extensions.is_empty() {
            write_extensions(w, &extensions);
        }
    });
}
