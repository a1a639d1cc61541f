//! X.509 certificates (RFC 5280 §4.1) made to order: every field can be wrong.

use mailseal::asn1::Oid;
use mailseal::asn1::Tag;
use mailseal::asn1::Time;
use mailseal::asn1::Writer;
use mailseal::asn1::oid;
use mailseal::cms::EntityIdentifier;
use mailseal::cms::IssuerAndSerial;
use mailseal::crypto::digest::sha1;
use mailseal::crypto::digest::sha256;
use mailseal::crypto::private_key::PrivateKey;
use mailseal::crypto::signature_scheme::SignatureScheme;
use mailseal::pki::x509::Certificate;

use crate::toolkit::extensions;
use crate::toolkit::extensions::Extension;
use crate::toolkit::keys;

/// Midnight UTC of a day.
pub fn day(year: i16, month: i8, day: i8) -> Time {
    time(year, month, day, 0, 0, 0)
}

/// An instant in UTC.
pub fn time(year: i16, month: i8, day: i8, hour: i8, minute: i8, second: i8) -> Time {
    let civil = jiff::civil::date(year, month, day).at(hour, minute, second, 0);
    let epoch = jiff::civil::date(1970, 1, 1).at(0, 0, 0, 0);
    Time::from_unix(civil.duration_since(epoch).as_secs()).unwrap()
}

/// A name and its key.
#[derive(Clone)]
pub struct Party {
    /// `Name`, DER.
    pub name: Vec<u8>,
    pub key: PrivateKey,
}

impl Party {
    /// With a common name, and the committed key of this name.
    pub fn new(common_name: &str, key: &str) -> Self {
        Self::named(name(&[(oid::COMMON_NAME, common_name)]), keys::key(key))
    }

    pub fn named(name: Vec<u8>, key: PrivateKey) -> Self {
        Self { name, key }
    }

    pub fn key_identifier(&self) -> Vec<u8> {
        sha1(&keys::public_octets(&keys::spki(&self.key))).to_vec()
    }
}

/// A `Name`, one attribute to a relative name.
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
    /// 3 for version 3; 1 writes neither version nor extensions.
    pub version: u64,
    /// Octets of the INTEGER as they are to stand there.
    pub serial: Vec<u8>,
    /// notBefore and notAfter, encoded.
    pub validity: [Vec<u8>; 2],
    /// In place of the subject's name.
    pub subject: Option<Vec<u8>>,
    /// In place of the issuer's name.
    pub issuer: Option<Vec<u8>>,
    /// In place of the subject's key.
    pub spki: Option<Vec<u8>>,
    /// In place of what the issuer's key signs with.
    pub scheme: Option<SignatureScheme>,
    /// subjectKeyIdentifier and authorityKeyIdentifier are added unless they stand here or `bare` is set.
    pub extensions: Vec<Extension>,
    pub bare: bool,
    /// The last bit of the signature is flipped.
    pub broken: bool,
}

impl Wanted {
    /// Version 3 from 2010 to 2040, without extensions but for the key identifiers.
    pub fn plain(serial: u64) -> Self {
        let serial = Writer::encode(|w| w.small_integer(serial))[2..].to_vec();
        Self {
            version: 3,
            serial,
            validity: [encoded(day(2010, 1, 1)), encoded(day(2040, 1, 1))],
            subject: None,
            issuer: None,
            spki: None,
            scheme: None,
            extensions: Vec::new(),
            bare: false,
            broken: false,
        }
    }

    /// A certification authority, root or not.
    pub fn ca(serial: u64) -> Self {
        Self::plain(serial)
            .with(extensions::basic_constraints(true, None))
            .with(extensions::key_usage(&[
                extensions::KEY_CERT_SIGN,
                extensions::CRL_SIGN,
            ]))
    }

    /// Somebody who signs and receives mail, from 2020 to 2030.
    pub fn mail(serial: u64, address: &str) -> Self {
        Self::plain(serial)
            .validity(day(2020, 1, 1), day(2030, 1, 1))
            .with(extensions::key_usage(&[
                extensions::DIGITAL_SIGNATURE,
                extensions::KEY_ENCIPHERMENT,
                extensions::KEY_AGREEMENT,
            ]))
            .with(extensions::extended_key_usage(
                false,
                &[oid::EMAIL_PROTECTION],
            ))
            .with(extensions::mailboxes(&[address]))
    }

    /// A timestamp authority (RFC 3161 §2.3), from 2020 to 2030.
    pub fn timestamp_authority(serial: u64) -> Self {
        Self::plain(serial)
            .validity(day(2020, 1, 1), day(2030, 1, 1))
            .with(extensions::key_usage(&[extensions::DIGITAL_SIGNATURE]))
            .with(extensions::extended_key_usage(true, &[oid::TIME_STAMPING]))
    }

    pub fn validity(mut self, from: Time, to: Time) -> Self {
        self.validity = [encoded(from), encoded(to)];
        self
    }

    /// Times that no [`Time`] writes, as whole elements.
    pub fn encoded_validity(mut self, from: Vec<u8>, to: Vec<u8>) -> Self {
        self.validity = [from, to];
        self
    }

    /// Adds an extension, in place of the one with the same identifier.
    pub fn with(mut self, extension: Extension) -> Self {
        self = self.without(extension.0);
        self.extensions.push(extension);
        self
    }

    pub fn without(mut self, oid: Oid<'static>) -> Self {
        self.extensions.retain(|(known, _, _)| *known != oid);
        self
    }

    /// No key identifiers of its own accord.
    pub fn bare(mut self) -> Self {
        self.bare = true;
        self
    }

    /// Version 1: no extensions at all.
    pub fn version_1(mut self) -> Self {
        self.version = 1;
        self
    }

    pub fn subject(mut self, name: Vec<u8>) -> Self {
        self.subject = Some(name);
        self
    }

    pub fn scheme(mut self, scheme: SignatureScheme) -> Self {
        self.scheme = Some(scheme);
        self
    }

    pub fn broken(mut self) -> Self {
        self.broken = true;
        self
    }

    /// Issued for `subject` by `issuer`.
    pub fn issue(&self, subject: &Party, issuer: &Party) -> Vec<u8> {
        self.forge(subject, issuer, issuer)
    }

    /// Says that `claimed` issued it, with its name and key identifier; `signing` signed it.
    pub fn forge(&self, subject: &Party, claimed: &Party, signing: &Party) -> Vec<u8> {
        let scheme = self.scheme.unwrap_or_else(|| keys::scheme(&signing.key));
        let tbs = self.to_be_signed(subject, claimed, &scheme);
        signed(&tbs, &scheme, &signing.key, self.broken)
    }

    fn to_be_signed(&self, subject: &Party, issuer: &Party, scheme: &SignatureScheme) -> Vec<u8> {
        let spki = self
            .spki
            .clone()
            .unwrap_or_else(|| keys::spki(&subject.key));
        let mut extensions = self.extensions.clone();
        let has = |oid| self.extensions.iter().any(|(known, _, _)| *known == oid);
        if !self.bare {
            if !has(oid::SUBJECT_KEY_IDENTIFIER) {
                let identifier = sha1(&keys::public_octets(&spki));
                extensions.push(extensions::subject_key_identifier(&identifier));
            }
            if !has(oid::AUTHORITY_KEY_IDENTIFIER) {
                let identifier = issuer.key_identifier();
                extensions.push(extensions::authority_key_identifier(&identifier));
            }
        }
        Writer::encode(|w| {
            w.sequence(|w| {
                if self.version > 1 {
                    w.explicit(0, |w| w.small_integer(self.version - 1));
                }
                w.primitive(Tag::INTEGER, &self.serial);
                w.raw(&scheme.certificate_algorithm().unwrap());
                w.raw(self.issuer.as_ref().unwrap_or(&issuer.name));
                w.sequence(|w| w.raw(&self.validity.concat()));
                w.raw(self.subject.as_ref().unwrap_or(&subject.name));
                w.raw(&spki);
                if self.version == 3 && !extensions.is_empty() {
                    w.explicit(3, |w| extensions::write(w, &extensions));
                }
            });
        })
    }
}

fn encoded(time: Time) -> Vec<u8> {
    Writer::encode(|w| w.time(time))
}

/// `SIGNED{}` around what is to be signed (RFC 5280 §4.1.1, §5.1.1).
pub fn signed(tbs: &[u8], scheme: &SignatureScheme, key: &PrivateKey, broken: bool) -> Vec<u8> {
    let mut signature = keys::signature(scheme, key, tbs);
    if broken && let Some(last) = signature.last_mut() {
        *last ^= 1;
    }
    Writer::encode(|w| {
        w.sequence(|w| {
            w.raw(tbs);
            w.raw(&scheme.certificate_algorithm().unwrap());
            w.bit_string(&signature);
        });
    })
}

/// A party with its certificate and what is above it.
#[derive(Clone)]
pub struct Holder {
    pub party: Party,
    pub certificate: Vec<u8>,
    /// The issuer first; the anchor is not in here.
    pub chain: Vec<Vec<u8>>,
}

impl Holder {
    pub fn root(party: Party, wanted: &Wanted) -> Self {
        Self {
            certificate: wanted.issue(&party, &party),
            party,
            chain: Vec::new(),
        }
    }

    /// Directly below an anchor.
    pub fn below_root(party: Party, wanted: &Wanted, root: &Self) -> Self {
        Self {
            certificate: wanted.issue(&party, &root.party),
            party,
            chain: Vec::new(),
        }
    }

    /// Below an authority that is no anchor.
    pub fn below(party: Party, wanted: &Wanted, issuer: &Self) -> Self {
        let mut chain = vec![issuer.certificate.clone()];
        chain.extend(issuer.chain.iter().cloned());
        Self {
            certificate: wanted.issue(&party, &issuer.party),
            party,
            chain,
        }
    }

    pub fn key(&self) -> &PrivateKey {
        &self.party.key
    }

    pub fn sha256(&self) -> [u8; 32] {
        sha256(&self.certificate)
    }

    /// The certificate and its chain.
    pub fn certificates(&self) -> Vec<Vec<u8>> {
        let mut all = vec![self.certificate.clone()];
        all.extend(self.chain.iter().cloned());
        all
    }

    pub fn issuer_and_serial(&self) -> IssuerAndSerial<'_> {
        let certificate = Certificate::read(&self.certificate).unwrap();
        IssuerAndSerial {
            issuer: certificate.issuer.raw(),
            serial: certificate.serial,
        }
    }

    pub fn by_serial(&self) -> EntityIdentifier<'_> {
        EntityIdentifier::IssuerAndSerial(self.issuer_and_serial())
    }

    /// By the identifier that [`Wanted`] writes.
    pub fn by_key(&self) -> EntityIdentifier<'_> {
        EntityIdentifier::SubjectKeyIdentifier(self.party.key_identifier().into())
    }
}
