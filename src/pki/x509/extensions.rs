//! Certificate extensions (RFC 5280 §4.2): the list as written, and a reader for each one that mailseal looks into.
//!
//! A reader gives `Ok(None)` where the extension is absent and an error where it is there and damaged, so that neither
//! is taken for the other. An extension written twice is damaged (RFC 5280 §4.2 forbids it).

use crate::asn1::oid;
use crate::asn1::oid::Oid;
use crate::asn1::reader::{BerError, BerErrorKind, BitString, Integer, Reader};
use crate::asn1::tag::Tag;
use crate::pki::x509::certificate::read_element;
use crate::pki::x509::general_name::GeneralName;

/// One extension.
#[derive(Clone, Copy, Debug)]
pub struct Extension<'a> {
    /// Which one.
    pub oid: Oid<'a>,
    /// Who does not understand it must not use the certificate or CRL.
    pub critical: bool,
    /// The octets of `extnValue`.
    pub value: &'a [u8],
    /// Where `value` begins in the outermost input.
    pub at: usize,
}

/// The extensions of a certificate, a CRL or a CRL entry.
#[derive(Clone, Debug)]
pub struct Extensions<'a> {
    /// Those before the first damage, in the order written.
    pub list: Vec<Extension<'a>>,
    /// Whether the list could be read to its end.
    pub end: Result<(), BerError>,
}

/// `AuthorityKeyIdentifier` (RFC 5280 §4.2.1.1).
#[derive(Clone, Debug)]
pub struct AuthorityKeyIdentifier<'a> {
    /// The issuer's key identifier.
    pub key: Option<&'a [u8]>,
    /// Names of the issuer's issuer.
    pub issuer: Vec<GeneralName<'a>>,
    /// The issuer's serial number.
    pub serial: Option<Integer<'a>>,
}

/// `BasicConstraints` (RFC 5280 §4.2.1.9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BasicConstraints {
    /// The subject is an authority.
    pub ca: bool,
    /// Authorities that may follow, those with a certificate of their own for a new key not counted.
    pub path_length: Option<u64>,
}

/// A bit of `KeyUsage` (RFC 5280 §4.2.1.3), as its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyUsageBit {
    /// Signatures on anything but certificates and CRLs.
    DigitalSignature = 0,
    /// Signatures that bind, also called contentCommitment.
    NonRepudiation = 1,
    /// RSA key transport.
    KeyEncipherment = 2,
    /// Encryption of data itself.
    DataEncipherment = 3,
    /// Diffie-Hellman.
    KeyAgreement = 4,
    /// Signatures on certificates.
    KeyCertSign = 5,
    /// Signatures on CRLs.
    CrlSign = 6,
    /// With keyAgreement: only to encrypt.
    EncipherOnly = 7,
    /// With keyAgreement: only to decrypt.
    DecipherOnly = 8,
}

/// `KeyUsage` (RFC 5280 §4.2.1.3).
#[derive(Clone, Copy, Debug)]
pub struct KeyUsage<'a>(BitString<'a>);

impl KeyUsage<'_> {
    const NAMES: [(KeyUsageBit, &'static str); 9] = [
        (KeyUsageBit::DigitalSignature, "digitalSignature"),
        (KeyUsageBit::NonRepudiation, "nonRepudiation"),
        (KeyUsageBit::KeyEncipherment, "keyEncipherment"),
        (KeyUsageBit::DataEncipherment, "dataEncipherment"),
        (KeyUsageBit::KeyAgreement, "keyAgreement"),
        (KeyUsageBit::KeyCertSign, "keyCertSign"),
        (KeyUsageBit::CrlSign, "cRLSign"),
        (KeyUsageBit::EncipherOnly, "encipherOnly"),
        (KeyUsageBit::DecipherOnly, "decipherOnly"),
    ];

    /// The bit is set.
    #[must_use]
    pub fn has(&self, bit: KeyUsageBit) -> bool {
        let index = match bit {
            KeyUsageBit::DigitalSignature => 0,
            KeyUsageBit::NonRepudiation => 1,
            KeyUsageBit::KeyEncipherment => 2,
            KeyUsageBit::DataEncipherment => 3,
            KeyUsageBit::KeyAgreement => 4,
            KeyUsageBit::KeyCertSign => 5,
            KeyUsageBit::CrlSign => 6,
            KeyUsageBit::EncipherOnly => 7,
            KeyUsageBit::DecipherOnly => 8,
        };
        self.0.bit(index)
    }

    /// The names of RFC 5280 of all bits that are set, in their order.
    #[must_use]
    pub fn names(&self) -> Vec<&'static str> {
        Self::NAMES
            .iter()
            .filter(|(bit, _)| self.has(*bit))
            .map(|(_, name)| *name)
            .collect()
    }
}

/// `NameConstraints` (RFC 5280 §4.2.1.10), bases only: a minimum or maximum makes the extension unreadable here, since
/// RFC 5280 forbids them and nobody defines what they would mean.
#[derive(Clone, Debug, Default)]
pub struct NameConstraints<'a> {
    /// Names below must lie inside one of those with their form, if there are any with their form.
    pub permitted: Vec<GeneralName<'a>>,
    /// Names below must lie inside none of these.
    pub excluded: Vec<GeneralName<'a>>,
}

/// `DistributionPoint` (RFC 5280 §4.2.1.13).
#[derive(Clone, Debug)]
pub struct DistributionPoint<'a> {
    /// Where the CRL is, or how its part is called.
    pub name: Option<DistributionPointName<'a>>,
    /// Reasons that this CRL covers; None for all.
    pub reasons: Option<BitString<'a>>,
    /// Who signs the CRL, where that is not the certificate's issuer.
    pub crl_issuer: Vec<GeneralName<'a>>,
}

/// `DistributionPointName` (RFC 5280 §4.2.1.13).
#[derive(Clone, Debug)]
pub enum DistributionPointName<'a> {
    /// Complete names.
    Full(Vec<GeneralName<'a>>),
    /// The inside of one RDN, to be put behind the CRL issuer's name.
    Relative(&'a [u8]),
}

impl<'a> DistributionPointName<'a> {
    /// The CHOICE inside its EXPLICIT tag.
    ///
    /// # Errors
    /// Where the next element is none.
    pub fn read(r: &mut Reader<'a>) -> Result<Self, BerError> {
        let element = r.element()?;
        match element.tag {
            tag if tag == Tag::context_constructed(0) => {
                read_element(&element, GeneralName::read_all).map(Self::Full)
            }
            tag if tag == Tag::context_constructed(1) => Ok(Self::Relative(element.content)),
            _ => Err(element.error(BerErrorKind::UnexpectedTag)),
        }
    }
}

/// Extensions whose meaning this crate or the path confirmation of OpenSSL acts on.
/// RFC 5280 §4.2 and the qualified certificate statements, which only inform (RFC 3739 §3.2.6).
const HANDLED: &[Oid<'static>] = &[
    oid::BASIC_CONSTRAINTS,
    oid::KEY_USAGE,
    oid::EXTENDED_KEY_USAGE,
    oid::SUBJECT_ALT_NAME,
    oid::NAME_CONSTRAINTS,
    oid::CERTIFICATE_POLICIES,
    oid::POLICY_MAPPINGS,
    oid::POLICY_CONSTRAINTS,
    oid::INHIBIT_ANY_POLICY,
    oid::CRL_DISTRIBUTION_POINTS,
    oid::AUTHORITY_KEY_IDENTIFIER,
    oid::SUBJECT_KEY_IDENTIFIER,
    oid::ISSUER_ALT_NAME,
    oid::QC_STATEMENTS,
];

impl<'a> Extensions<'a> {
    /// What stands behind the key in `TBSCertificate`: the unique identifiers, which are skipped, and the extensions.
    #[must_use]
    pub(super) fn read_tail(r: &mut Reader<'a>) -> Self {
        let mut all = Self {
            list: Vec::new(),
            end: Ok(()),
        };
        all.end = all.read_fields(r);
        all
    }

    fn read_fields(&mut self, r: &mut Reader<'a>) -> Result<(), BerError> {
        for number in [1, 2] {
            let next = r.peek();
            if next.is_some_and(|tag| tag.same_type(Tag::context(number))) {
                r.element()?;
            }
        }
        if let Some(element) = r.optional(Tag::context_constructed(3))? {
            read_element(&element, |r| self.read_list(r))?;
        }
        r.finish()
    }

    /// `Extensions`: all of the SEQUENCE that comes next.
    #[must_use]
    pub(super) fn read(r: &mut Reader<'a>) -> Self {
        let mut all = Self {
            list: Vec::new(),
            end: Ok(()),
        };
        all.end = all.read_list(r);
        all
    }

    fn read_list(&mut self, r: &mut Reader<'a>) -> Result<(), BerError> {
        r.sequence(|r| {
            while !r.is_empty() {
                let extension = r.sequence(|r| {
                    let oid = r.oid()?;
                    let critical = r.peek() == Some(Tag::BOOLEAN) && r.boolean()?;
                    let value = r.expect(Tag::OCTET_STRING)?;
                    if value.tag.constructed {
                        return Err(value.error(BerErrorKind::UnexpectedTag));
                    }
                    Ok(Extension {
                        oid,
                        critical,
                        value: value.content,
                        at: value.at + (value.raw.len() - value.content.len()),
                    })
                })?;
                self.list.push(extension);
            }
            Ok(())
        })
    }

    /// The extension, where it is there once.
    ///
    /// # Errors
    /// `Value` where it is there twice; where it was not found and the list is damaged, that damage.
    pub fn find(&self, oid: Oid<'_>) -> Result<Option<Extension<'a>>, BerError> {
        let mut found = self.list.iter().filter(|extension| extension.oid == oid);
        match (found.next(), found.next()) {
            (None, _) => self.end.map(|()| None),
            (Some(one), None) => Ok(Some(*one)),
            (Some(_), Some(second)) => Err(BerError {
                at: second.at,
                kind: BerErrorKind::Value,
            }),
        }
    }

    /// The extension's value through `read`, which must use all of it.
    pub(super) fn value<T>(
        &self,
        oid: Oid<'_>,
        read: impl FnOnce(&mut Reader<'a>) -> Result<T, BerError>,
    ) -> Result<Option<T>, BerError> {
        let Some(extension) = self.find(oid)? else {
            return Ok(None);
        };
        let mut r = Reader::at_offset(extension.value, extension.at);
        let value = read(&mut r)?;
        r.finish()?;
        Ok(Some(value))
    }

    /// `SubjectKeyIdentifier` (RFC 5280 §4.2.1.2).
    ///
    /// # Errors
    /// Where it is damaged.
    pub fn subject_key_identifier(&self) -> Result<Option<&'a [u8]>, BerError> {
        self.value(oid::SUBJECT_KEY_IDENTIFIER, |r| {
            let element = r.expect(Tag::OCTET_STRING)?;
            if element.tag.constructed {
                return Err(element.error(BerErrorKind::UnexpectedTag));
            }
            Ok(element.content)
        })
    }

    /// `AuthorityKeyIdentifier` (RFC 5280 §4.2.1.1).
    ///
    /// # Errors
    /// Where it is damaged.
    pub fn authority_key_identifier(&self) -> Result<Option<AuthorityKeyIdentifier<'a>>, BerError> {
        self.value(oid::AUTHORITY_KEY_IDENTIFIER, |r| {
            r.sequence(|r| {
                let key = r.optional(Tag::context(0))?.map(|e| e.content);
                let issuer = match r.optional(Tag::context_constructed(1))? {
                    Some(names) => read_element(&names, GeneralName::read_all)?,
                    None => Vec::new(),
                };
                let serial = match r.optional(Tag::context(2))? {
                    Some(serial) => Some(serial.as_integer()?),
                    None => None,
                };
                Ok(AuthorityKeyIdentifier {
                    key,
                    issuer,
                    serial,
                })
            })
        })
    }

    /// `BasicConstraints` (RFC 5280 §4.2.1.9).
    ///
    /// # Errors
    /// Where it is damaged.
    pub fn basic_constraints(&self) -> Result<Option<BasicConstraints>, BerError> {
        self.value(oid::BASIC_CONSTRAINTS, |r| {
            r.sequence(|r| {
                let ca = r.peek() == Some(Tag::BOOLEAN) && r.boolean()?;
                let path_length = if r.is_empty() {
                    None
                } else {
                    Some(r.small_integer()?)
                };
                Ok(BasicConstraints { ca, path_length })
            })
        })
    }

    /// `KeyUsage` (RFC 5280 §4.2.1.3).
    ///
    /// # Errors
    /// Where it is damaged.
    pub fn key_usage(&self) -> Result<Option<KeyUsage<'a>>, BerError> {
        self.value(oid::KEY_USAGE, |r| r.bit_string().map(KeyUsage))
    }

    /// `ExtKeyUsageSyntax` (RFC 5280 §4.2.1.12), and whether it is critical.
    ///
    /// # Errors
    /// Where it is damaged.
    pub fn extended_key_usage(&self) -> Result<Option<(Vec<Oid<'a>>, bool)>, BerError> {
        let Some(extension) = self.find(oid::EXTENDED_KEY_USAGE)? else {
            return Ok(None);
        };
        let usages = self.value(oid::EXTENDED_KEY_USAGE, |r| {
            r.sequence(|r| {
                let mut all = Vec::new();
                while !r.is_empty() {
                    all.push(r.oid()?);
                }
                Ok(all)
            })
        })?;
        Ok(usages.map(|usages| (usages, extension.critical)))
    }

    /// `SubjectAltName` (RFC 5280 §4.2.1.6).
    ///
    /// # Errors
    /// Where it is damaged.
    pub fn subject_alt_name(&self) -> Result<Option<Vec<GeneralName<'a>>>, BerError> {
        self.value(oid::SUBJECT_ALT_NAME, |r| r.sequence(GeneralName::read_all))
    }

    /// `NameConstraints` (RFC 5280 §4.2.1.10).
    ///
    /// # Errors
    /// Where it is damaged.
    pub fn name_constraints(&self) -> Result<Option<NameConstraints<'a>>, BerError> {
        self.value(oid::NAME_CONSTRAINTS, |r| {
            r.sequence(|r| {
                let mut constraints = NameConstraints::default();
                if let Some(subtrees) = r.optional(Tag::context_constructed(0))? {
                    constraints.permitted = read_element(&subtrees, read_subtrees)?;
                }
                if let Some(subtrees) = r.optional(Tag::context_constructed(1))? {
                    constraints.excluded = read_element(&subtrees, read_subtrees)?;
                }
                Ok(constraints)
            })
        })
    }

    /// Policy identifiers of `CertificatePolicies` (RFC 5280 §4.2.1.4); qualifiers are not looked at.
    ///
    /// # Errors
    /// Where it is damaged.
    pub fn certificate_policies(&self) -> Result<Option<Vec<Oid<'a>>>, BerError> {
        self.value(oid::CERTIFICATE_POLICIES, |r| {
            r.sequence(|r| {
                let mut all = Vec::new();
                while !r.is_empty() {
                    all.push(r.sequence(|r| {
                        let policy = r.oid()?;
                        r.optional(Tag::SEQUENCE)?;
                        Ok(policy)
                    })?);
                }
                Ok(all)
            })
        })
    }

    /// `CRLDistributionPoints` (RFC 5280 §4.2.1.13).
    ///
    /// # Errors
    /// Where it is damaged.
    pub fn crl_distribution_points(&self) -> Result<Option<Vec<DistributionPoint<'a>>>, BerError> {
        self.value(oid::CRL_DISTRIBUTION_POINTS, |r| {
            r.sequence(|r| {
                let mut all = Vec::new();
                while !r.is_empty() {
                    all.push(r.sequence(read_distribution_point)?);
                }
                Ok(all)
            })
        })
    }

    /// The extension is there, once or more, whatever it holds.
    #[must_use]
    pub fn has(&self, oid: Oid<'_>) -> bool {
        self.list.iter().any(|extension| extension.oid == oid)
    }

    /// Critical extensions of a certificate that nothing here understands (RFC 5280 §4.2).
    pub fn unknown_critical(&self) -> impl Iterator<Item = Oid<'a>> {
        self.list
            .iter()
            .filter(|extension| extension.critical && !HANDLED.contains(&extension.oid))
            .map(|extension| extension.oid)
    }
}

fn read_subtrees<'a>(r: &mut Reader<'a>) -> Result<Vec<GeneralName<'a>>, BerError> {
    let mut bases = Vec::new();
    while !r.is_empty() {
        bases.push(r.sequence(|r| {
            let base = GeneralName::read(r)?;
            // minimum 0 is the default, which some write out.
            match r.optional(Tag::context(0))? {
                Some(minimum) if minimum.as_integer()?.to_u64() != Some(0) => {
                    Err(minimum.error(BerErrorKind::Value))
                }
                _ => Ok(base),
            }
        })?);
    }
    Ok(bases)
}

fn read_distribution_point<'a>(r: &mut Reader<'a>) -> Result<DistributionPoint<'a>, BerError> {
    let name = match r.optional(Tag::context_constructed(0))? {
        Some(element) => Some(read_element(&element, DistributionPointName::read)?),
        None => None,
    };
    let reasons = match r.optional(Tag::context(1))? {
        Some(element) => Some(element.as_bit_string()?),
        None => None,
    };
    let crl_issuer = match r.optional(Tag::context_constructed(2))? {
        Some(element) => read_element(&element, GeneralName::read_all)?,
        None => Vec::new(),
    };
    Ok(DistributionPoint {
        name,
        reasons,
        crl_issuer,
    })
}
