//! For which certificates a CRL speaks: issuer, distribution point, kind of certificate (RFC 5280 §6.3.3 (b)).

use std::collections::HashSet;

use crate::pki::x509::certificate::Certificate;
use crate::pki::x509::crl::Crl;
use crate::pki::x509::extensions::DistributionPointName;
use crate::pki::x509::general_name::GeneralName;
use crate::pki::x509::name::{Name, NameKey};

/// The distribution points that a certificate names.
pub(super) struct Points<'c> {
    /// CRL issuers beside the certificate's own.
    pub(super) issuers: Vec<Name<'c>>,
    /// Who issues the CRL of a point, and a name of the point (RFC 5280 §6.3.3 (b)(1), (2)(i)).
    names: HashSet<(NameKey, PointKey)>,
}

impl<'c> Points<'c> {
    pub(super) fn read(certificate: &Certificate<'c>) -> Self {
        let points = certificate.extensions.crl_distribution_points();
        let mut all = Self {
            issuers: Vec::new(),
            names: HashSet::new(),
        };
        let mut seen = HashSet::from([certificate.issuer.key()]);
        for point in points.ok().flatten().unwrap_or_default() {
            let mut owners = Vec::new();
            for issuer in &point.crl_issuer {
                if let GeneralName::Directory(name) = issuer {
                    owners.push(*name);
                    if seen.insert(name.key()) {
                        all.issuers.push(*name);
                    }
                }
            }
            if point.crl_issuer.is_empty() {
                owners.push(certificate.issuer);
            }
            for owner in owners {
                let names = match &point.name {
                    Some(name) => complete(name, owner),
                    // A point without a name is called by its CRL issuer.
                    None => point.crl_issuer.iter().map(key_of).collect(),
                };
                let key = owner.key();
                all.names.extend(names.into_iter().map(|name| (key, name)));
            }
        }
        all
    }
}

/// RFC 5280 §6.3.3 (b).
pub(super) fn is_in_scope(crl: &Crl, certificate: &Certificate<'_>, points: &Points<'_>) -> bool {
    let scope = crl.scope();
    let constraints = certificate.extensions.basic_constraints();
    let is_ca = matches!(constraints, Ok(Some(constraints)) if constraints.ca);
    if scope.only_attributes
        || (scope.only_users && is_ca)
        || (scope.only_authorities && !is_ca)
        || (!scope.indirect && !crl.issuer().matches(certificate.issuer))
    {
        return false;
    }
    if !scope.one_distribution_point {
        return true;
    }
    crl.distribution_point().is_some_and(|name| {
        complete(&name, crl.issuer())
            .into_iter()
            .any(|name| points.names.contains(&(crl.issuer_key(), name)))
    })
}

/// What two names of one point have in common.
type PointKey = (u8, Vec<u8>);

fn complete(name: &DistributionPointName<'_>, issuer: Name<'_>) -> Vec<PointKey> {
    match name {
        DistributionPointName::Full(names) => names.iter().map(key_of).collect(),
        DistributionPointName::Relative(rdn) => vec![(4, issuer.normalised_with(rdn))],
    }
}

fn key_of(name: &GeneralName<'_>) -> PointKey {
    match name {
        GeneralName::Rfc822(octets) => (1, octets.to_vec()),
        GeneralName::Dns(octets) => (2, octets.to_vec()),
        GeneralName::Directory(name) => (4, name.normalised()),
        GeneralName::Uri(octets) => (6, octets.to_vec()),
        GeneralName::Ip(octets) => (7, octets.to_vec()),
        GeneralName::SmtpUtf8Mailbox(octets) => (9, octets.to_vec()),
        GeneralName::Other(oid) => (0, oid.content().to_vec()),
        GeneralName::Rare(number) => (10, number.to_be_bytes().to_vec()),
    }
}
