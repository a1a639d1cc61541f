//! What the walk does where certificates alone are wanted.

use std::cell::OnceCell;

use crate::asn1::{Element, Oid, Reader, Tag, oid};
use crate::cms::attribute_rules::Role;
use crate::cms::{self, EntityIdentifier, Layer, SignedData, SignerInfo};
use crate::crypto::digest::sha256;
use crate::facts::Carried;
use crate::facts::axis::{Coverage, Signature};
use crate::facts::harvest::{Named, Signer, SignerRole};
use crate::facts::part::At;
use crate::facts::record::{Addresses, Sha256};
use crate::facts::verify::{Verifier, identifier};
use crate::facts::walk::Walk;
use crate::mime::media::file_names;
use crate::mime::{Tree, transfer};
use crate::pki::keyring::pem;
use crate::pki::x509::name::NameKey;
use crate::pki::x509::{Certificate, Name};

/// The message that a layer is of.
struct Mail {
    is_nested: bool,
    from: Vec<String>,
}

/// A SignedData's certificate that can be read. What signers are compared with is worked out once: both sides can be many.
struct Candidate<'a> {
    name: Sha256,
    der: &'a [u8],
    certificate: Certificate<'a>,
    issuer: NameKey,
    computed_ski: OnceCell<Option<[u8; 20]>>,
}

/// Attributes with tokens (RFC 3161): over the content, over the signature, over it and all references, over these alone, over
/// everything (RFC 5126 §5.11.4, §6.1.1, §6.3.5, §6.3.6, §6.4.1), and that again (ETSI EN 319 122-1 §5.5.3).
const TOKENS: [Oid<'static>; 7] = [
    oid::CONTENT_TIME_STAMP,
    oid::TIME_STAMP_TOKEN,
    oid::ESC_TIME_STAMP,
    oid::CERT_CRL_TIME_STAMP,
    oid::ARCHIVE_TIME_STAMP,
    oid::ARCHIVE_TIME_STAMP_V2,
    oid::ARCHIVE_TIME_STAMP_V3,
];

impl Walk<'_> {
    /// Takes the certificates of a SignedData and of all that hangs on its signatures, and notes who signed. Gives the names of those
    /// in its own set.
    pub(super) fn gather(&mut self, data: &SignedData<'_>, at: &At) -> Vec<Sha256> {
        let nested = at
            .nested
            .and_then(|index| self.facts.nested.get(usize::try_from(index).ok()?));
        let mail = Mail {
            is_nested: nested.is_some(),
            from: match nested {
                Some(message) => message.sender.from.clone(),
                None => self.facts.sender.from.clone(),
            },
        };
        self.structure(data, SignerRole::Signer, &mail, 0)
    }

    fn structure(
        &mut self,
        data: &SignedData<'_>,
        role: SignerRole,
        mail: &Mail,
        depth: usize,
    ) -> Vec<Sha256> {
        self.sighted.other_certificates +=
            u64::try_from(data.carried.other_certificates).unwrap_or(u64::MAX);
        let (names, _) = self.carried(&data.carried);
        if data.signers.is_empty() {
            return names;
        }
        let role = if data.content_type == oid::TST_INFO {
            SignerRole::Timestamp
        } else {
            role
        };
        let candidates: Vec<Candidate<'_>> = names
            .iter()
            .zip(&data.carried.certificates)
            .filter_map(|(name, der)| Candidate::read(*name, der))
            .collect();
        for signer in &data.signers {
            let cms_role = Role::Signer(data.content_type);
            self.signer(signer, (role, cms_role), &candidates, mail, depth);
        }
        names
    }

    fn signer(
        &mut self,
        signer: &SignerInfo<'_>,
        (role, cms_role): (SignerRole, Role<'_>),
        candidates: &[Candidate<'_>],
        mail: &Mail,
        depth: usize,
    ) {
        let named = named(candidates, &signer.sid);
        let verify = self.harvest.is_some_and(|harvest| harvest.verify);
        let mut certificate = match named.first() {
            Some(first) => Named::Carried(first.name),
            None => Named::Elsewhere(identifier(&signer.sid)),
        };
        let mut signature = match named.as_slice() {
            [] => Signature::CertificateMissing,
            [..] => Signature::NotChecked,
        };
        if verify && role == SignerRole::Signer && !named.is_empty() {
            let known: Vec<_> = named
                .iter()
                .filter_map(|one| self.scratch.certificate(one.name, one.der, self.limits))
                .collect();
            let verifier = Verifier {
                limits: self.limits,
                sender: &Addresses::default(),
                protected: None,
                coverage: Coverage::Subpart,
                uncovered: &[],
            };
            let (facts, _) = verifier.one(signer, cms_role, None, &known, self.scratch);
            signature = facts.signature;
            // Where several answer, the one whose key it is.
            if let Some(name) = facts.certificate {
                certificate = Named::Carried(name);
            }
        }
        let signed = signer.signed_attributes.as_ref();
        let of_mail = signed.filter(|_| role == SignerRole::Signer);
        let capabilities = of_mail.and_then(|attributes| {
            attributes.smime_capabilities().ok()??;
            let value = attributes.find(oid::SMIME_CAPABILITIES)?.single().ok()?;
            Some(value.raw.to_vec())
        });
        let preference = of_mail.and_then(|attributes| {
            let preferred = attributes.encryption_key_preference().ok()??;
            Some(identifier(&preferred))
        });
        self.sighted.signers.push(Signer {
            role,
            certificate,
            is_nested: mail.is_nested,
            from: mail.from.clone(),
            signature,
            at: signed.and_then(|attributes| Some(attributes.signing_time().ok()??.0)),
            capabilities,
            preference,
        });
        if depth >= self.limits.layer_depth {
            return;
        }
        for counter in signer.countersignatures(self.limits).flatten() {
            let roles = (SignerRole::Countersigner, Role::Countersigner);
            self.signer(&counter, roles, candidates, mail, depth + 1);
        }
        let sets = [&signer.signed_attributes, &signer.unsigned_attributes];
        let all = sets.into_iter().flatten();
        for attribute in all.flat_map(|attributes| attributes.iter()) {
            if TOKENS.contains(&attribute.oid) {
                for token in attribute.values() {
                    self.token(token.raw, mail, depth + 1);
                }
            } else if attribute.oid == oid::CERTIFICATE_VALUES {
                for values in attribute.values() {
                    self.values(&values);
                }
            }
        }
    }

    fn token(&mut self, der: &[u8], mail: &Mail, depth: usize) {
        if let Ok(info) = cms::read(der, self.limits)
            && let Layer::Signed(data) = &info.layer
        {
            self.structure(data, SignerRole::Timestamp, mail, depth);
        }
    }

    /// `CertificateValues ::= SEQUENCE OF Certificate` (RFC 5126 §6.3.3).
    fn values(&mut self, values: &Element<'_>) {
        let Ok(mut inside) = values.reader() else {
            return;
        };
        let mut found = Vec::new();
        while !inside.is_empty() && found.len() < self.limits.certificates {
            match inside.element() {
                Ok(element) if element.tag == Tag::SEQUENCE => found.push(element.raw),
                Ok(_) | Err(_) => return,
            }
        }
        for der in found {
            self.take(der);
        }
    }

    fn take(&mut self, der: &[u8]) {
        let name = sha256(der);
        self.certificates
            .entry(name)
            .or_insert_with(|| der.to_vec());
    }

    /// A structure that can't be read: nothing in it counts, and what can be cut out of it is kept apart.
    pub(super) fn damaged(&mut self, bytes: &[u8]) {
        let Some(harvest) = self.harvest else {
            return;
        };
        self.sighted.damaged += 1;
        if !harvest.salvage {
            return;
        }
        let mut from = 0;
        let mut tries = self.limits.certificates;
        // A certificate of 256 octets and more begins so, and smaller ones are none of use.
        while let Some(found) =
            memchr::memmem::find(bytes.get(from..).unwrap_or_default(), &[0x30, 0x82])
        {
            let at = from + found;
            from = at + 2;
            let rest = bytes.get(at..).unwrap_or_default();
            let Ok(element) = Reader::new(rest).element() else {
                continue;
            };
            if !looks_like_certificate(element.content) {
                continue;
            }
            if tries == 0 {
                return;
            }
            tries -= 1;
            if let Ok(certificate) = Certificate::read(element.raw)
                && certificate.key.is_ok()
                && certificate.not_after.is_ok()
                && certificate.signature.is_ok()
            {
                let sha256 = sha256(element.raw);
                if self.sighted.salvaged.iter().all(|one| one.sha256 != sha256) {
                    self.sighted.salvaged.push(Carried {
                        sha256,
                        der: element.raw.to_vec(),
                    });
                }
                from = at + element.raw.len();
            }
        }
    }

    /// Certificates in attached files: DER, PEM, or a SignedData without signers. Those whose label says so, by type or name.
    pub(super) fn attachments(&mut self, tree: &Tree<'_>) {
        if !self.harvest.is_some_and(|harvest| harvest.attachments) {
            return;
        }
        for (index, part) in tree.parts.iter().enumerate() {
            if !part.children.is_empty() || !says_certificate(tree, index) {
                continue;
            }
            let decoded = transfer::decode(tree, index);
            let bytes: &[u8] = &decoded.bytes;
            if pem::is_pem(bytes) {
                for block in pem::blocks(bytes).take(self.limits.certificates).flatten() {
                    self.attached(&block.bytes, block.label);
                }
            } else {
                self.attached(bytes, "");
            }
        }
    }

    fn attached(&mut self, der: &[u8], label: &str) {
        match label {
            "" | "CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE" | "PKCS7" | "CMS" => {}
            // Labels are an open set (RFC 7468): what is not one of these holds no certificate.
            _ => return,
        }
        let whole = Reader::new(der).element();
        if let Ok(element) = whole
            && let Ok(certificate) = Certificate::read(element.raw)
            && certificate.key.is_ok()
        {
            self.take(element.raw);
        } else if let Ok(info) = cms::read(der, self.limits)
            && let Layer::Signed(data) = &info.layer
        {
            self.carried(&data.carried);
        }
    }
}

impl<'a> Candidate<'a> {
    fn read(name: Sha256, der: &'a [u8]) -> Option<Self> {
        let certificate = Certificate::read(der).ok()?;
        Some(Self {
            name,
            der,
            issuer: certificate.issuer.key(),
            certificate,
            computed_ski: OnceCell::new(),
        })
    }
}

/// Those that the identifier names. Names that differ in string types only are equal (RFC 5280 §7.1).
fn named<'c, 'a>(
    candidates: &'c [Candidate<'a>],
    identifier: &EntityIdentifier<'_>,
) -> Vec<&'c Candidate<'a>> {
    let all = candidates.iter();
    match identifier {
        EntityIdentifier::IssuerAndSerial(named) => {
            let (issuer, serial) = (Name::new(named.issuer).key(), named.serial.minimal());
            all.filter(|one| one.issuer == issuer && one.certificate.serial.minimal() == serial)
                .filter(|one| one.certificate.issuer.matches(Name::new(named.issuer)))
                .collect()
        }
        EntityIdentifier::SubjectKeyIdentifier(id) => all
            .filter(|one| {
                let written = one.certificate.extensions.subject_key_identifier();
                let computed = || one.certificate.computed_key_identifier();
                matches!(written, Ok(Some(written)) if written == &id[..])
                    || one
                        .computed_ski
                        .get_or_init(computed)
                        .is_some_and(|computed| computed[..] == id[..])
            })
            .collect(),
    }
}

/// `tbsCertificate` begins with a version or a serial number (RFC 5280 §4.1). A plain look.
fn looks_like_certificate(content: &[u8]) -> bool {
    matches!(
        content,
        [0x30, 0x82, _, _, 0xa0, 0x03, 0x02, 0x01, ..] | [0x30, 0x82, _, _, 0x02, ..]
    )
}

/// By type (RFC 2585 §4, RFC 8551 §3.8, and what programs write), or by the file name's extension.
fn says_certificate(tree: &Tree<'_>, index: usize) -> bool {
    const TYPES: [&str; 6] = [
        "application/pkix-cert",
        "application/x-x509-ca-cert",
        "application/x-x509-user-cert",
        "application/x-x509-email-cert",
        "application/x-pkcs7-certificates",
        "application/x-pem-file",
    ];
    const EXTENSIONS: [&str; 7] = ["cer", "crt", "der", "pem", "p7b", "p7c", "spc"];
    let Some(part) = tree.parts.get(index) else {
        return false;
    };
    TYPES.contains(&part.media.essence.as_str())
        || file_names(&tree.header(index), &part.media)
            .iter()
            .filter_map(|name| name.rsplit_once('.'))
            .any(|(_, extension)| EXTENSIONS.contains(&extension.to_ascii_lowercase().as_str()))
}
