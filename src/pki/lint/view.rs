//! A certificate as the rules look at it: every part read once.

use crate::asn1::oid;
use crate::asn1::text;
use crate::asn1::{BerError, Element, Oid, Reader, Tag};
use crate::pki::lint::claim::Claim;
use crate::pki::lint::read::{self, AccessDescription, Policy, RsaKey};
use crate::pki::words::words;
use crate::pki::x509::Certificate;
use crate::pki::x509::Name;
use crate::pki::x509::extensions::{
    AuthorityKeyIdentifier, BasicConstraints, DistributionPoint, DistributionPointName, Extension,
    KeyUsage, NameConstraints,
};
use crate::pki::x509::general_name::GeneralName;

words! {
    /// What stands at a place of the hierarchy, by `basicConstraints`.
    pub enum Kind {
        /// An authority whose certificate names itself as issuer.
        Root = "root",
        /// Another authority.
        Subordinate = "subordinate",
        /// No authority.
        Subscriber = "subscriber",
    }
}

/// Who is bound by the Baseline Requirements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Regime {
    /// Who has a policy identifier that they reserve.
    AsClaimed,
    /// Every mail certificate and every authority: the caller knows that they are publicly trusted.
    Public,
}

/// A part of a certificate: absent, there, or there and damaged.
pub(super) type Part<T> = Result<Option<T>, BerError>;

/// An attribute of a name.
#[derive(Clone, Debug)]
pub(super) struct Attribute<'a> {
    /// Its type.
    pub oid: Oid<'a>,
    /// Its value.
    pub value: Element<'a>,
    /// The value's text, where it is a string.
    pub text: Option<String>,
    /// The text was in order for the string's type.
    pub well_formed: bool,
}

/// A certificate, taken apart for the rules.
#[derive(Debug)]
pub struct View<'a> {
    /// The certificate.
    pub certificate: &'a Certificate<'a>,
    /// Root, subordinate or subscriber.
    pub kind: Kind,
    /// By the reserved policy identifiers.
    pub claim: Claim,
    /// The Baseline Requirements bind it.
    pub bound: bool,
    pub(super) subject: Result<Vec<Attribute<'a>>, BerError>,
    pub(super) issuer: Result<Vec<Attribute<'a>>, BerError>,
    pub(super) alt_names: Part<Vec<GeneralName<'a>>>,
    /// Mailboxes of `alt_names`.
    pub(super) mailboxes: Vec<&'a str>,
    pub(super) constraints: Part<BasicConstraints>,
    pub(super) key_usage: Part<KeyUsage<'a>>,
    pub(super) purposes: Part<Vec<Oid<'a>>>,
    pub(super) policies: Part<Vec<Policy<'a>>>,
    pub(super) crls: Part<Vec<DistributionPoint<'a>>>,
    pub(super) access: Part<Vec<AccessDescription<'a>>>,
    pub(super) authority_key: Part<AuthorityKeyIdentifier<'a>>,
    pub(super) subject_key: Part<&'a [u8]>,
    pub(super) name_constraints: Part<NameConstraints<'a>>,
    /// The RSA key, where it is one and can be read.
    pub(super) rsa: Option<RsaKey<'a>>,
}

impl<'a> View<'a> {
    /// Takes the certificate apart. Never fails; cost is linear in its size.
    #[must_use]
    pub fn new(certificate: &'a Certificate<'a>, regime: Regime) -> Self {
        let extensions = &certificate.extensions;
        let constraints = extensions.basic_constraints();
        let is_authority = matches!(constraints, Ok(Some(constraints)) if constraints.ca);
        let kind = match (is_authority, certificate.is_self_issued()) {
            (true, true) => Kind::Root,
            (true, false) => Kind::Subordinate,
            (false, _) => Kind::Subscriber,
        };
        let policies = read::policies(extensions);
        let claim = match &policies {
            Ok(Some(policies)) => Claim::of(policies.iter().map(|policy| policy.identifier)),
            Ok(None) | Err(_) => Claim::NotClaimed,
        };
        let alt_names = extensions.subject_alt_name();
        let purposes = extensions
            .extended_key_usage()
            .map(|found| found.map(|(usages, _)| usages));
        let mailboxes = match &alt_names {
            Ok(Some(names)) => names.iter().filter_map(mailbox_of).collect(),
            Ok(None) | Err(_) => Vec::new(),
        };
        let mut view = Self {
            certificate,
            kind,
            claim,
            bound: claim != Claim::NotClaimed,
            subject: attributes(certificate.subject),
            issuer: attributes(certificate.issuer),
            alt_names,
            mailboxes,
            constraints,
            key_usage: extensions.key_usage(),
            purposes,
            policies,
            crls: extensions.crl_distribution_points(),
            access: read::access(extensions),
            authority_key: extensions.authority_key_identifier(),
            subject_key: extensions.subject_key_identifier(),
            name_constraints: extensions.name_constraints(),
            rsa: read::rsa_key(certificate),
        };
        view.bound |= regime == Regime::Public && (is_authority || view.is_for_mail());
        view
    }

    /// For mail by its own account (S/MIME BR §1.1): emailProtection and a mailbox; without extended key usage the mailbox alone.
    #[must_use]
    pub fn is_for_mail(&self) -> bool {
        let has_mailbox =
            !self.mailboxes.is_empty() || self.values(oid::EMAIL_ADDRESS).next().is_some();
        has_mailbox
            && match &self.purposes {
                Ok(Some(purposes)) => purposes.iter().any(|purpose| {
                    [oid::EMAIL_PROTECTION, oid::ANY_EXTENDED_KEY_USAGE].contains(purpose)
                }),
                Ok(None) => true,
                Err(_) => false,
            }
    }

    /// Attributes of the subject; none where the name can't be read.
    pub(super) fn attributes(&self) -> &[Attribute<'a>] {
        self.subject.as_deref().unwrap_or_default()
    }

    /// The subject has an attribute of this type.
    pub(super) fn names(&self, wanted: Oid<'_>) -> bool {
        self.attributes()
            .iter()
            .any(|attribute| attribute.oid == wanted)
    }

    /// Texts of the subject's attributes of this type.
    pub(super) fn values(&self, wanted: Oid<'_>) -> impl Iterator<Item = &str> {
        self.attributes()
            .iter()
            .filter(move |attribute| attribute.oid == wanted)
            .filter_map(|attribute| attribute.text.as_deref())
    }

    /// The extension, the first where it is written twice.
    pub(super) fn extension(&self, wanted: Oid<'_>) -> Option<Extension<'a>> {
        let list = &self.certificate.extensions.list;
        list.iter()
            .find(|extension| extension.oid == wanted)
            .copied()
    }

    /// The extension is there.
    pub(super) fn has(&self, wanted: Oid<'_>) -> bool {
        self.extension(wanted).is_some()
    }

    /// The extension is there and critical.
    pub(super) fn critical(&self, wanted: Oid<'_>) -> bool {
        self.extension(wanted)
            .is_some_and(|extension| extension.critical)
    }

    /// Certainly absent: not there, and the list of extensions could be read to its end.
    pub(super) fn lacks(&self, wanted: Oid<'_>) -> bool {
        !self.has(wanted) && self.certificate.extensions.end.is_ok()
    }

    /// Purposes of the extended key usage; none where it is absent or can't be read.
    pub(super) fn purposes(&self) -> &[Oid<'a>] {
        self.purposes
            .as_ref()
            .ok()
            .and_then(Option::as_deref)
            .unwrap_or_default()
    }

    /// Entries of the subjectAltName.
    pub(super) fn alt_names(&self) -> &[GeneralName<'a>] {
        self.alt_names
            .as_ref()
            .ok()
            .and_then(Option::as_deref)
            .unwrap_or_default()
    }

    /// Policies.
    pub(super) fn policies(&self) -> &[Policy<'a>] {
        self.policies
            .as_ref()
            .ok()
            .and_then(Option::as_deref)
            .unwrap_or_default()
    }

    /// Locations of the authorityInfoAccess.
    pub(super) fn access(&self) -> &[AccessDescription<'a>] {
        self.access
            .as_ref()
            .ok()
            .and_then(Option::as_deref)
            .unwrap_or_default()
    }

    /// Full names of all distribution points, one behind another.
    pub(super) fn crl_names(&self) -> impl Iterator<Item = &GeneralName<'a>> {
        let points = self
            .crls
            .as_ref()
            .ok()
            .and_then(Option::as_deref)
            .unwrap_or_default();
        points.iter().flat_map(|point| match &point.name {
            Some(DistributionPointName::Full(names)) => names.as_slice(),
            Some(DistributionPointName::Relative(_)) | None => &[],
        })
    }

    /// The key's algorithm.
    pub(super) fn key_algorithm(&self) -> Option<Oid<'a>> {
        self.certificate.key.ok().map(|key| key.algorithm.oid)
    }

    /// `keyUsage`, where it is there and can be read.
    pub(super) fn usage(&self) -> Option<KeyUsage<'a>> {
        self.key_usage.ok().flatten()
    }

    /// Elements of `tbsCertificate`, in the order written, as far as they can be read.
    pub(super) fn fields(&self) -> Vec<Element<'a>> {
        let mut fields = Vec::new();
        let mut r = Reader::new(self.certificate.tbs);
        if let Ok(Ok(mut inside)) = r.expect(Tag::SEQUENCE).map(|tbs| tbs.reader()) {
            while let Ok(element) = inside.element() {
                fields.push(element);
            }
        }
        fields
    }
}

/// Attributes of a name with their texts.
pub(super) fn attributes(name: Name<'_>) -> Result<Vec<Attribute<'_>>, BerError> {
    let all = name.attributes()?;
    Ok(all
        .iter()
        .map(|attribute| {
            let text = text::text(&attribute.value);
            Attribute {
                oid: attribute.oid,
                value: attribute.value,
                well_formed: text.as_ref().is_none_or(|text| text.well_formed),
                text: text.map(|text| text.text),
            }
        })
        .collect())
}

/// The address of a name that is a mailbox.
fn mailbox_of<'a>(name: &GeneralName<'a>) -> Option<&'a str> {
    match name {
        GeneralName::Rfc822(octets) | GeneralName::SmtpUtf8Mailbox(octets) => {
            std::str::from_utf8(octets).ok()
        }
        GeneralName::Dns(_)
        | GeneralName::Directory(_)
        | GeneralName::Uri(_)
        | GeneralName::Ip(_)
        | GeneralName::Other(_)
        | GeneralName::Rare(_) => None,
    }
}
