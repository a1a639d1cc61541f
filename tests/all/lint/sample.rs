//! Certificates for the rules: one that keeps every rule for each profile and generation, and every part of it exchangeable.

use std::sync::LazyLock;

use mailseal::asn1::{Oid, Tag, Time, Writer, oid};
use mailseal::pki::lint::{Generation, Profile, Regime, View};
use mailseal::pki::x509::Certificate;
use openssl::ec::{EcGroup, EcKey};
use openssl::nid::Nid;
use openssl::pkey::{Id, PKey};
use openssl::rsa::Rsa;

/// SubjectPublicKeyInfo of keys, each made once.
pub struct Keys {
    pub rsa: Vec<u8>,
    pub p256: Vec<u8>,
    pub p384: Vec<u8>,
    pub secp256k1: Vec<u8>,
    pub ed25519: Vec<u8>,
    pub x25519: Vec<u8>,
}

pub static KEYS: LazyLock<Keys> = LazyLock::new(|| {
    let ec = |nid| {
        let group = EcGroup::from_curve_name(nid).unwrap();
        PKey::from_ec_key(EcKey::generate(&group).unwrap())
            .unwrap()
            .public_key_to_der()
            .unwrap()
    };
    let raw = |bytes: &[u8; 32], id| {
        PKey::public_key_from_raw_bytes(bytes, id)
            .unwrap()
            .public_key_to_der()
            .unwrap()
    };
    Keys {
        rsa: PKey::from_rsa(Rsa::generate(2048).unwrap())
            .unwrap()
            .public_key_to_der()
            .unwrap(),
        p256: ec(Nid::X9_62_PRIME256V1),
        p384: ec(Nid::SECP384R1),
        secp256k1: ec(Nid::SECP256K1),
        ed25519: raw(&[7; 32], Id::ED25519),
        x25519: raw(&[9; 32], Id::X25519),
    }
});

/// An attribute of a name: type, string type, characters.
pub type Attribute = (Oid<'static>, Tag, String);

pub fn utf8(oid: Oid<'static>, text: &str) -> Attribute {
    (oid, Tag::UTF8_STRING, text.to_owned())
}

pub fn printable(oid: Oid<'static>, text: &str) -> Attribute {
    (oid, Tag::PRINTABLE_STRING, text.to_owned())
}

pub fn ia5(oid: Oid<'static>, text: &str) -> Attribute {
    (oid, Tag::IA5_STRING, text.to_owned())
}

pub fn name(attributes: &[Attribute]) -> Vec<u8> {
    Writer::encode(|w| {
        w.sequence(|w| {
            for (oid, tag, text) in attributes {
                w.constructed(Tag::SET, |w| {
                    w.sequence(|w| {
                        w.oid(*oid);
                        w.primitive(*tag, text.as_bytes());
                    });
                });
            }
        });
    })
}

/// A certificate to be. The signature is none: no rule looks at it.
#[derive(Clone)]
pub struct Sample {
    pub version: u64,
    pub serial: Vec<u8>,
    pub inner_algorithm: Vec<u8>,
    pub outer_algorithm: Vec<u8>,
    pub issuer: Vec<u8>,
    /// notBefore and notAfter, in seconds since 1970.
    pub times: (i64, i64),
    /// In place of `times`: the whole element.
    pub validity: Option<Vec<u8>>,
    pub attributes: Vec<Attribute>,
    /// In place of `attributes`: the whole element.
    pub subject: Option<Vec<u8>>,
    pub spki: Vec<u8>,
    pub unique_identifier: bool,
    pub extensions: Vec<(Oid<'static>, bool, Vec<u8>)>,
}

pub const ADDRESS: &str = "alice@example.com";

pub fn day(year: i64, month: i64, day: i64) -> i64 {
    Time::midnight(year, month, day).unix()
}

pub const DAY: i64 = 86_400;

pub fn sha256_with_rsa() -> Vec<u8> {
    Writer::encode(|w| w.algorithm(oid::SHA256_WITH_RSA, Some(&[5, 0])))
}

/// What an authority's certificate and its subscribers' call it.
fn authority_name() -> Vec<Attribute> {
    vec![
        printable(oid::COUNTRY, "DE"),
        utf8(oid::ORGANIZATION, "Example Trust"),
        utf8(oid::COMMON_NAME, "Example Mail CA"),
    ]
}

impl Sample {
    fn new(attributes: Vec<Attribute>) -> Self {
        let from = day(2024, 3, 1);
        let mut sample = Self {
            version: 3,
            serial: vec![0x5a; 16],
            inner_algorithm: sha256_with_rsa(),
            outer_algorithm: sha256_with_rsa(),
            issuer: name(&authority_name()),
            times: (from, from + 700 * DAY - 1),
            validity: None,
            attributes,
            subject: None,
            spki: Vec::new(),
            unique_identifier: false,
            extensions: Vec::new(),
        };
        sample = sample.key(&KEYS.rsa);
        sample.with(
            oid::AUTHORITY_KEY_IDENTIFIER,
            false,
            key_identifier(&[3; 20]),
        )
    }

    /// A mail certificate of a private authority: it claims nothing.
    pub fn plain() -> Self {
        Self::new(vec![utf8(oid::COMMON_NAME, "Alice")])
            .with(oid::KEY_USAGE, true, usage(&[0, 2]))
            .with(
                oid::EXTENDED_KEY_USAGE,
                false,
                purposes(&[oid::EMAIL_PROTECTION]),
            )
            .with(oid::SUBJECT_ALT_NAME, false, alt_names(&[mailbox(ADDRESS)]))
    }

    /// Keeps every rule of its profile and generation.
    pub fn claiming(profile: Profile, generation: Generation) -> Self {
        let organization = [
            printable(oid::COUNTRY, "DE"),
            utf8(oid::ORGANIZATION, "Example GmbH"),
            utf8(oid::ORGANIZATION_IDENTIFIER, "NTRDE-DER3306.HRB12345"),
        ];
        let person = [utf8(oid::GIVEN_NAME, "Alice"), utf8(oid::SURNAME, "Smith")];
        let mut sample = Self::plain();
        sample.attributes = match profile {
            Profile::Mailbox => vec![utf8(oid::COMMON_NAME, ADDRESS)],
            Profile::Organization => {
                [&organization[..], &[utf8(oid::COMMON_NAME, "Example GmbH")]].concat()
            }
            Profile::Sponsor => [
                &organization[..],
                &person,
                &[utf8(oid::COMMON_NAME, "Alice Smith")],
            ]
            .concat(),
            Profile::Individual => [&person[..], &[utf8(oid::COMMON_NAME, "Alice Smith")]].concat(),
        };
        sample
            .with(
                oid::CERTIFICATE_POLICIES,
                false,
                policies(&[policy(reserved(profile, generation), &[])]),
            )
            .with(
                oid::CRL_DISTRIBUTION_POINTS,
                false,
                crls(&[uri("http://example.com/ca.crl")]),
            )
            .with(
                oid::AUTHORITY_INFO_ACCESS,
                false,
                access(&[
                    (oid::ACCESS_OCSP, uri("http://ocsp.example.com/")),
                    (oid::ACCESS_CA_ISSUERS, uri("http://example.com/ca.cer")),
                ]),
            )
    }

    /// A subordinate authority that claims to issue mailbox-validated certificates.
    pub fn subordinate() -> Self {
        let mut sample = Self::new(authority_name());
        sample.issuer = name(&[utf8(oid::COMMON_NAME, "Example Root")]);
        sample
            .with(oid::BASIC_CONSTRAINTS, true, constraints(true, Some(0)))
            .with(oid::KEY_USAGE, true, usage(&[5, 6]))
            .with(
                oid::EXTENDED_KEY_USAGE,
                false,
                purposes(&[oid::EMAIL_PROTECTION]),
            )
            .with(
                oid::CERTIFICATE_POLICIES,
                false,
                policies(&[policy(reserved(Profile::Mailbox, Generation::Strict), &[])]),
            )
            .with(
                oid::CRL_DISTRIBUTION_POINTS,
                false,
                crls(&[uri("http://example.com/root.crl")]),
            )
            .with(
                oid::AUTHORITY_INFO_ACCESS,
                false,
                access(&[(oid::ACCESS_CA_ISSUERS, uri("http://example.com/root.cer"))]),
            )
    }

    /// A root. It can't claim and keep all rules: what claims has policies.
    pub fn root() -> Self {
        let mut sample = Self::new(authority_name());
        sample.issuer = name(&sample.attributes);
        sample
            .without(oid::AUTHORITY_KEY_IDENTIFIER)
            .with(oid::BASIC_CONSTRAINTS, true, constraints(true, None))
            .with(oid::KEY_USAGE, true, usage(&[5, 6]))
    }

    /// Another key, and its identifier.
    pub fn key(mut self, spki: &[u8]) -> Self {
        self.spki = spki.to_vec();
        let identifier = Certificate::read(&self.der())
            .unwrap()
            .computed_key_identifier()
            .unwrap_or([1; 20]);
        self.with(
            oid::SUBJECT_KEY_IDENTIFIER,
            false,
            Writer::encode(|w| w.octet_string(&identifier)),
        )
    }

    /// The extension, in place of one of its type.
    pub fn with(mut self, oid: Oid<'static>, critical: bool, value: Vec<u8>) -> Self {
        match self
            .extensions
            .iter_mut()
            .find(|(known, _, _)| *known == oid)
        {
            Some(there) => *there = (oid, critical, value),
            None => self.extensions.push((oid, critical, value)),
        }
        self
    }

    pub fn without(mut self, oid: Oid<'static>) -> Self {
        self.extensions.retain(|(known, _, _)| *known != oid);
        self
    }

    /// The extension as it is, critical or not.
    pub fn critical(mut self, oid: Oid<'static>, critical: bool) -> Self {
        self.extensions
            .iter_mut()
            .find(|(known, _, _)| *known == oid)
            .unwrap()
            .1 = critical;
        self
    }

    /// One more attribute in the subject.
    pub fn and(mut self, attribute: Attribute) -> Self {
        self.attributes.push(attribute);
        self
    }

    /// The attribute, in place of those of its type.
    pub fn set(self, attribute: Attribute) -> Self {
        self.no(attribute.0).and(attribute)
    }

    /// No attribute of this type.
    pub fn no(mut self, oid: Oid<'static>) -> Self {
        self.attributes.retain(|(known, _, _)| *known != oid);
        self
    }

    /// Issued at another time, and valid for as long.
    pub fn issued(mut self, from: i64) -> Self {
        self.times = (from, from + self.times.1 - self.times.0);
        self
    }

    /// Valid for so many seconds, the last one counted.
    pub fn seconds(mut self, seconds: i64) -> Self {
        self.times.1 = self.times.0 + seconds - 1;
        self
    }

    pub fn change(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    pub fn der(&self) -> Vec<u8> {
        Writer::encode(|w| {
            w.sequence(|w| {
                w.sequence(|w| self.write(w));
                w.raw(&self.outer_algorithm);
                w.bit_string(&[0x11; 256]);
            });
        })
    }

    fn write(&self, w: &mut Writer) {
        if self.version > 1 {
            w.explicit(0, |w| w.small_integer(self.version - 1));
        }
        w.primitive(Tag::INTEGER, &self.serial);
        w.raw(&self.inner_algorithm);
        w.raw(&self.issuer);
        match &self.validity {
            Some(validity) => w.raw(validity),
            None => w.sequence(|w| {
                w.time(Time::from_unix(self.times.0).unwrap());
                w.time(Time::from_unix(self.times.1).unwrap());
            }),
        }
        match &self.subject {
            Some(subject) => w.raw(subject),
            None => w.raw(&name(&self.attributes)),
        }
        if self.spki.is_empty() {
            w.sequence(|w| {
                w.algorithm(oid::ED25519, None);
                w.bit_string(&[]);
            });
        } else {
            w.raw(&self.spki);
        }
        if self.unique_identifier {
            w.primitive(Tag::context(1), &[0, 1]);
        }
        if !self.extensions.is_empty() {
            w.explicit(3, |w| {
                w.sequence(|w| {
                    for (oid, critical, value) in &self.extensions {
                        w.sequence(|w| {
                            w.oid(*oid);
                            if *critical {
                                w.boolean(true);
                            }
                            w.octet_string(value);
                        });
                    }
                });
            });
        }
    }

    /// What the rules see.
    pub fn look<T>(&self, regime: Regime, at: impl FnOnce(&View<'_>) -> T) -> T {
        let der = self.der();
        let certificate = Certificate::read(&der).unwrap();
        at(&View::new(&certificate, regime))
    }
}

/// The reserved policy identifier.
pub fn reserved(profile: Profile, generation: Generation) -> Oid<'static> {
    static ALL: LazyLock<Vec<[u8; 7]>> = LazyLock::new(|| {
        (1..=4)
            .flat_map(|profile| {
                (1..=3).map(move |generation| [0x67, 0x81, 0x0c, 1, 5, profile, generation])
            })
            .collect()
    });
    let row = Profile::ALL
        .iter()
        .position(|known| *known == profile)
        .unwrap();
    let column = Generation::ALL
        .iter()
        .position(|known| *known == generation)
        .unwrap();
    Oid::from_content(&ALL[row * 3 + column]).unwrap()
}

pub fn constraints(ca: bool, path_length: Option<u64>) -> Vec<u8> {
    Writer::encode(|w| {
        w.sequence(|w| {
            if ca {
                w.boolean(true);
            }
            if let Some(length) = path_length {
                w.small_integer(length);
            }
        });
    })
}

/// The bits of keyUsage by their numbers.
pub fn usage(bits: &[usize]) -> Vec<u8> {
    let mut octets = [0_u8; 2];
    for bit in bits {
        octets[bit / 8] |= 0x80 >> (bit % 8);
    }
    let length = octets
        .iter()
        .rposition(|octet| *octet != 0)
        .map_or(0, |last| last + 1);
    let unused = octets[..length]
        .last()
        .map_or(0, |last| last.trailing_zeros() as u8);
    Writer::encode(|w| w.primitive(Tag::BIT_STRING, &[&[unused], &octets[..length]].concat()))
}

pub fn purposes(purposes: &[Oid<'_>]) -> Vec<u8> {
    Writer::encode(|w| {
        w.sequence(|w| {
            for purpose in purposes {
                w.oid(*purpose);
            }
        });
    })
}

pub fn mailbox(address: &str) -> Vec<u8> {
    Writer::encode(|w| w.primitive(Tag::context(1), address.as_bytes()))
}

pub fn utf8_mailbox(address: &str) -> Vec<u8> {
    other_name(oid::SMTP_UTF8_MAILBOX, address)
}

pub fn other_name(oid: Oid<'_>, text: &str) -> Vec<u8> {
    Writer::encode(|w| {
        w.constructed(Tag::context(0), |w| {
            w.oid(oid);
            w.explicit(0, |w| w.primitive(Tag::UTF8_STRING, text.as_bytes()));
        });
    })
}

pub fn uri(uri: &str) -> Vec<u8> {
    Writer::encode(|w| w.primitive(Tag::context(6), uri.as_bytes()))
}

pub fn dns(name: &str) -> Vec<u8> {
    Writer::encode(|w| w.primitive(Tag::context(2), name.as_bytes()))
}

pub fn directory(attributes: &[Attribute]) -> Vec<u8> {
    Writer::encode(|w| w.explicit(4, |w| w.raw(&name(attributes))))
}

pub fn alt_names(names: &[Vec<u8>]) -> Vec<u8> {
    Writer::encode(|w| w.sequence(|w| w.raw(&names.concat())))
}

pub fn policy(identifier: Oid<'_>, qualifiers: &[Vec<u8>]) -> Vec<u8> {
    Writer::encode(|w| {
        w.sequence(|w| {
            w.oid(identifier);
            if !qualifiers.is_empty() {
                w.sequence(|w| w.raw(&qualifiers.concat()));
            }
        });
    })
}

pub fn policies(policies: &[Vec<u8>]) -> Vec<u8> {
    Writer::encode(|w| w.sequence(|w| w.raw(&policies.concat())))
}

pub fn cps(uri: &str) -> Vec<u8> {
    Writer::encode(|w| {
        w.sequence(|w| {
            w.oid(oid::CPS_QUALIFIER);
            w.primitive(Tag::IA5_STRING, uri.as_bytes());
        });
    })
}

pub fn notice(reference: bool, text: Option<(Tag, &str)>) -> Vec<u8> {
    Writer::encode(|w| {
        w.sequence(|w| {
            w.oid(oid::USER_NOTICE_QUALIFIER);
            w.sequence(|w| {
                if reference {
                    w.sequence(|w| {
                        w.primitive(Tag::UTF8_STRING, b"Example Trust");
                        w.sequence(|w| w.small_integer(1));
                    });
                }
                if let Some((tag, text)) = text {
                    w.primitive(tag, text.as_bytes());
                }
            });
        });
    })
}

pub fn other_qualifier() -> Vec<u8> {
    Writer::encode(|w| {
        w.sequence(|w| {
            w.oid(oid::SHA256);
            w.null();
        });
    })
}

/// One distribution point with these full names; none leaves the name out.
pub fn crls(names: &[Vec<u8>]) -> Vec<u8> {
    Writer::encode(|w| {
        w.sequence(|w| {
            w.sequence(|w| {
                if !names.is_empty() {
                    w.explicit(0, |w| {
                        w.constructed(Tag::context(0), |w| w.raw(&names.concat()))
                    });
                }
            });
        });
    })
}

pub fn access(locations: &[(Oid<'_>, Vec<u8>)]) -> Vec<u8> {
    Writer::encode(|w| {
        w.sequence(|w| {
            for (method, location) in locations {
                w.sequence(|w| {
                    w.oid(*method);
                    w.raw(location);
                });
            }
        });
    })
}

/// authorityKeyIdentifier with a key identifier alone.
pub fn key_identifier(identifier: &[u8]) -> Vec<u8> {
    Writer::encode(|w| w.sequence(|w| w.primitive(Tag::context(0), identifier)))
}

/// An RSA key of these numbers.
pub fn rsa(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    let key = Writer::encode(|w| {
        w.sequence(|w| {
            w.unsigned(modulus);
            w.unsigned(exponent);
        });
    });
    spki(oid::RSA_ENCRYPTION, Some(&[5, 0]), &key)
}

pub fn spki(algorithm: Oid<'_>, parameters: Option<&[u8]>, key: &[u8]) -> Vec<u8> {
    Writer::encode(|w| {
        w.sequence(|w| {
            w.algorithm(algorithm, parameters);
            w.bit_string(key);
        });
    })
}
