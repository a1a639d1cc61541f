//! The values of extensions (RFC 5280 §4.2, §5.2), right or wrong as the arguments say.

use mailseal::asn1::Oid;
use mailseal::asn1::Tag;
use mailseal::asn1::Time;
use mailseal::asn1::Writer;
use mailseal::asn1::oid;

/// An extension: identifier, critical, value.
pub type Extension = (Oid<'static>, bool, Vec<u8>);

/// Bits of keyUsage.
pub const DIGITAL_SIGNATURE: u8 = 0;
pub const NON_REPUDIATION: u8 = 1;
pub const KEY_ENCIPHERMENT: u8 = 2;
pub const KEY_AGREEMENT: u8 = 4;
pub const KEY_CERT_SIGN: u8 = 5;
pub const CRL_SIGN: u8 = 6;

pub fn write(w: &mut Writer, extensions: &[Extension]) {
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

pub fn basic_constraints(ca: bool, path_length: Option<u64>) -> Extension {
    let value = Writer::encode(|w| {
        w.sequence(|w| {
            if ca {
                w.boolean(true);
            }
            if let Some(path_length) = path_length {
                w.small_integer(path_length);
            }
        });
    });
    (oid::BASIC_CONSTRAINTS, true, value)
}

pub fn key_usage(bits: &[u8]) -> Extension {
    let octet = bits.iter().fold(0u8, |all, bit| all | 0x80 >> bit);
    let unused = octet.trailing_zeros().min(7) as u8;
    (oid::KEY_USAGE, true, vec![3, 2, unused, octet])
}

pub fn extended_key_usage(critical: bool, usages: &[Oid<'_>]) -> Extension {
    let value = Writer::encode(|w| w.sequence(|w| usages.iter().for_each(|usage| w.oid(*usage))));
    (oid::EXTENDED_KEY_USAGE, critical, value)
}

pub fn subject_key_identifier(identifier: &[u8]) -> Extension {
    let value = Writer::encode(|w| w.octet_string(identifier));
    (oid::SUBJECT_KEY_IDENTIFIER, false, value)
}

pub fn authority_key_identifier(identifier: &[u8]) -> Extension {
    let value = Writer::encode(|w| w.sequence(|w| w.primitive(Tag::context(0), identifier)));
    (oid::AUTHORITY_KEY_IDENTIFIER, false, value)
}

/// A subjectAltName to be.
#[derive(Clone, Default)]
pub struct AltNames(Vec<Vec<u8>>);

impl AltNames {
    pub fn mailbox(self, address: &str) -> Self {
        self.octets(1, address.as_bytes())
    }

    pub fn dns(self, name: &str) -> Self {
        self.octets(2, name.as_bytes())
    }

    /// Any octets under a context tag: text with a NUL, for one.
    pub fn octets(mut self, number: u32, octets: &[u8]) -> Self {
        self.0.push(Writer::encode(|w| {
            w.primitive(Tag::context(number), octets)
        }));
        self
    }

    /// SmtpUTF8Mailbox (RFC 9598 §3).
    pub fn utf8_mailbox(mut self, address: &str) -> Self {
        self.0.push(Writer::encode(|w| {
            w.constructed(Tag::context(0), |w| {
                w.oid(oid::SMTP_UTF8_MAILBOX);
                w.explicit(0, |w| w.primitive(Tag::UTF8_STRING, address.as_bytes()));
            });
        }));
        self
    }

    pub fn extension(&self) -> Extension {
        let value = Writer::encode(|w| w.sequence(|w| w.raw(&self.0.concat())));
        (oid::SUBJECT_ALT_NAME, false, value)
    }
}

pub fn mailboxes(addresses: &[&str]) -> Extension {
    let names = addresses
        .iter()
        .fold(AltNames::default(), |names, address| names.mailbox(address));
    names.extension()
}

/// nameConstraints on mailboxes.
pub fn mailbox_constraints(permitted: &[&str], excluded: &[&str]) -> Extension {
    let subtrees = |w: &mut Writer, number, bases: &[&str]| {
        if !bases.is_empty() {
            w.explicit(number, |w| {
                for base in bases {
                    w.sequence(|w| w.primitive(Tag::context(1), base.as_bytes()));
                }
            });
        }
    };
    let value = Writer::encode(|w| {
        w.sequence(|w| {
            subtrees(w, 0, permitted);
            subtrees(w, 1, excluded);
        });
    });
    (oid::NAME_CONSTRAINTS, true, value)
}

pub fn policies(policies: &[Oid<'_>]) -> Extension {
    let value = Writer::encode(|w| {
        w.sequence(|w| {
            for policy in policies {
                w.sequence(|w| w.oid(*policy));
            }
        });
    });
    (oid::CERTIFICATE_POLICIES, false, value)
}

/// policyConstraints that demand an explicit policy after so many certificates (RFC 5280 §4.2.1.11).
pub fn require_explicit_policy(after: u8) -> Extension {
    let value = Writer::encode(|w| w.sequence(|w| w.primitive(Tag::context(0), &[after])));
    (oid::POLICY_CONSTRAINTS, true, value)
}

/// cRLDistributionPoints with one URI.
pub fn crl_distribution_point(uri: &str) -> Extension {
    let value = Writer::encode(|w| w.sequence(|w| w.sequence(|w| distribution_point(w, uri))));
    (oid::CRL_DISTRIBUTION_POINTS, false, value)
}

/// What an issuingDistributionPoint says (RFC 5280 §5.2.5).
#[derive(Clone, Copy, Default)]
pub struct Scope<'a> {
    pub uri: Option<&'a str>,
    pub only_user: bool,
    pub only_ca: bool,
    /// The bits of onlySomeReasons.
    pub reasons: Option<u8>,
    pub indirect: bool,
    pub only_attribute: bool,
}

pub fn issuing_distribution_point(scope: Scope<'_>) -> Extension {
    let value = Writer::encode(|w| {
        w.sequence(|w| {
            if let Some(uri) = scope.uri {
                distribution_point(w, uri);
            }
            let flag = |w: &mut Writer, number, value: bool| {
                if value {
                    w.primitive(Tag::context(number), &[0xff]);
                }
            };
            flag(w, 1, scope.only_user);
            flag(w, 2, scope.only_ca);
            if let Some(reasons) = scope.reasons {
                let unused = reasons.trailing_zeros().min(7) as u8;
                w.primitive(Tag::context(3), &[unused, reasons]);
            }
            flag(w, 4, scope.indirect);
            flag(w, 5, scope.only_attribute);
        });
    });
    (oid::ISSUING_DISTRIBUTION_POINT, true, value)
}

/// `[0] DistributionPointName` with one URI as fullName.
fn distribution_point(w: &mut Writer, uri: &str) {
    w.explicit(0, |w| {
        w.constructed(Tag::context(0), |w| {
            w.primitive(Tag::context(6), uri.as_bytes());
        });
    });
}

pub fn crl_number(number: u64) -> Extension {
    let value = Writer::encode(|w| w.small_integer(number));
    (oid::CRL_NUMBER, false, value)
}

pub fn delta_crl_indicator(base: u64) -> Extension {
    let value = Writer::encode(|w| w.small_integer(base));
    (oid::DELTA_CRL_INDICATOR, true, value)
}

pub fn expired_certs_on_crl(since: Time) -> Extension {
    let value = Writer::encode(|w| w.generalized_time(since));
    (oid::EXPIRED_CERTS_ON_CRL, false, value)
}

pub fn reason_code(reason: u8) -> Extension {
    (oid::REASON_CODE, false, vec![10, 1, reason])
}

pub fn invalidity_date(time: Time) -> Extension {
    let value = Writer::encode(|w| w.generalized_time(time));
    (oid::INVALIDITY_DATE, false, value)
}
