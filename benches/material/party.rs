//! An authority under a root, and the people it has certified: RSA-2048 throughout.

use std::fs;
use std::path::Path;

use mailseal::asn1::{Oid, Tag, Time, Writer, oid};
use mailseal::crypto::digest::sha1;
use mailseal::crypto::sign::sign;
use mailseal::crypto::{DigestAlgorithm, PrivateKey, SignatureScheme, Signed};

/// 2024-06-01T00:00:00Z: the runs' clock.
pub const NOW: i64 = 1_717_200_000;

/// All benches sign with this.
pub const SCHEME: SignatureScheme = SignatureScheme::RsaV15(DigestAlgorithm::Sha256);

pub fn days_from_now(days: i64) -> Time {
    Time::from_unix(NOW + days * 86_400).unwrap()
}

/// A name, a key and its certificate.
pub struct Party {
    pub name: Vec<u8>,
    pub issuer: Vec<u8>,
    pub serial: u64,
    pub key: PrivateKey,
    pub certificate: Vec<u8>,
}

/// Root, intermediate authority with its CRL, and people.
pub struct World {
    pub root: Party,
    pub authority: Party,
    pub crl: Vec<u8>,
    pub people: Vec<Party>,
}

impl World {
    pub fn new(people: u64) -> Self {
        let root = authority("Bench Root", 1, None);
        let authority = authority("Bench CA", 2, Some(&root));
        let crl = signed(&authority, |w| {
            w.sequence(|w| {
                w.small_integer(1);
                w.raw(&SCHEME.certificate_algorithm().unwrap());
                w.raw(&authority.name);
                w.time(days_from_now(-10));
                w.time(days_from_now(20));
                w.sequence(|w| {
                    for serial in 0..1000 {
                        w.sequence(|w| {
                            w.small_integer(900_000 + serial);
                            w.time(days_from_now(-100));
                        });
                    }
                });
            });
        });
        let people = (0..people)
            .map(|number| person(number, &authority))
            .collect();
        Self {
            root,
            authority,
            crl,
            people,
        }
    }

    /// Writes person 0's key and certificate as key files.
    pub fn write_key(&self, folder: &Path) {
        let person = &self.people[0];
        fs::write(folder.join("key.der"), &*person.key.to_pkcs8().unwrap()).unwrap();
        fs::write(folder.join("certificate.der"), &person.certificate).unwrap();
    }
}

pub fn address(number: u64) -> String {
    format!("person{number}@example.com")
}

fn authority(name: &str, serial: u64, issuer: Option<&Party>) -> Party {
    let extensions: [(Oid<'static>, bool, Vec<u8>); 2] = [
        (
            oid::BASIC_CONSTRAINTS,
            true,
            Writer::encode(|w| w.sequence(|w| w.boolean(true))),
        ),
        (oid::KEY_USAGE, true, vec![3, 2, 1, 0x06]),
    ];
    certified(self::name(name), serial, issuer, &extensions)
}

fn person(number: u64, issuer: &Party) -> Party {
    let mailbox = address(number);
    let extensions: [(Oid<'static>, bool, Vec<u8>); 3] = [
        (oid::KEY_USAGE, true, vec![3, 2, 5, 0xa0]),
        (
            oid::EXTENDED_KEY_USAGE,
            false,
            Writer::encode(|w| w.sequence(|w| w.oid(oid::EMAIL_PROTECTION))),
        ),
        (
            oid::SUBJECT_ALT_NAME,
            false,
            Writer::encode(|w| {
                w.sequence(|w| w.primitive(Tag::context(1), mailbox.as_bytes()));
            }),
        ),
    ];
    let name = self::name(&format!("Person {number}"));
    certified(name, 1000 + number, Some(issuer), &extensions)
}

fn certified(
    name: Vec<u8>,
    serial: u64,
    issuer: Option<&Party>,
    extensions: &[(Oid<'static>, bool, Vec<u8>)],
) -> Party {
    let mut party = Party {
        issuer: issuer.map_or_else(|| name.clone(), |issuer| issuer.name.clone()),
        name,
        serial,
        key: PrivateKey::generate_rsa(2048).unwrap(),
        certificate: Vec::new(),
    };
    let identifier = |party: &Party| sha1(&party.key.public_spki());
    let certificate = signed(issuer.unwrap_or(&party), |w| {
        w.sequence(|w| {
            w.explicit(0, |w| w.small_integer(2));
            w.small_integer(serial);
            w.raw(&SCHEME.certificate_algorithm().unwrap());
            w.raw(&party.issuer);
            w.sequence(|w| {
                w.time(days_from_now(-400));
                w.time(days_from_now(700));
            });
            w.raw(&party.name);
            w.raw(&party.key.public_spki());
            w.explicit(3, |w| {
                w.sequence(|w| {
                    for (oid, critical, value) in extensions {
                        extension(w, *oid, *critical, value);
                    }
                    let own = Writer::encode(|w| w.octet_string(&identifier(&party)));
                    extension(w, oid::SUBJECT_KEY_IDENTIFIER, false, &own);
                    let above = identifier(issuer.unwrap_or(&party));
                    let above = Writer::encode(|w| {
                        w.sequence(|w| w.primitive(Tag::context(0), &above));
                    });
                    extension(w, oid::AUTHORITY_KEY_IDENTIFIER, false, &above);
                });
            });
        });
    });
    party.certificate = certificate;
    party
}

fn extension(w: &mut Writer, oid: Oid<'_>, critical: bool, value: &[u8]) {
    w.sequence(|w| {
        w.oid(oid);
        if critical {
            w.boolean(true);
        }
        w.octet_string(value);
    });
}

/// What `write` writes, with the signature of `by`.
fn signed(by: &Party, write: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let plain = Writer::encode(write);
    let signature = sign(&SCHEME, &by.key, Signed::Message(&[&plain])).unwrap();
    Writer::encode(|w| {
        w.sequence(|w| {
            w.raw(&plain);
            w.raw(&SCHEME.certificate_algorithm().unwrap());
            w.bit_string(&signature);
        });
    })
}

fn name(common: &str) -> Vec<u8> {
    Writer::encode(|w| {
        w.sequence(|w| {
            for (oid, text) in [
                (oid::COUNTRY, "DE"),
                (oid::ORGANIZATION, "Example GmbH"),
                (oid::COMMON_NAME, common),
            ] {
                w.constructed(Tag::SET, |w| {
                    w.sequence(|w| {
                        w.oid(oid);
                        w.primitive(Tag::UTF8_STRING, text.as_bytes());
                    });
                });
            }
        });
    })
}
