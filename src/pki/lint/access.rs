//! Where revocation lists, OCSP and issuers' certificates are: `cRLDistributionPoints` and `authorityInfoAccess` (S/MIME BR §7.1.2.3 b and c).

use crate::asn1::Oid;
use crate::asn1::oid;
use crate::pki::lint::rule::{BR, Found, Level, RFC_2459, RFC_5280, Rule, told, when};
use crate::pki::lint::scope;
use crate::pki::lint::view::View;
use crate::pki::x509::general_name::GeneralName;

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "crl-distribution-missing",
        level: Level::Must,
        source: "S/MIME BR §7.1.2.2 b, §7.1.2.3 b",
        demand: "cRLDistributionPoints is present, roots excepted",
        since: BR,
        applies: |c| scope::br_subscriber(c) || scope::br_subordinate(c),
        broken: |c| when(c.lacks(oid::CRL_DISTRIBUTION_POINTS), "there is none"),
        same: &[
            "e_subscribers_shall_have_crl_distribution_points",
            "e_sub_ca_crl_distribution_points_missing",
            "cabf.smime.crldp_extension_missing",
        ],
    },
    Rule {
        code: "crl-distribution-critical",
        level: Level::Should,
        source: "RFC 5280 §4.2.1.13, S/MIME BR §7.1.2.3 b",
        demand: "cRLDistributionPoints is not critical",
        since: RFC_5280,
        applies: |c| c.has(oid::CRL_DISTRIBUTION_POINTS) && !scope::br_subordinate(c),
        broken: |c| when(c.critical(oid::CRL_DISTRIBUTION_POINTS), "it is critical"),
        same: &[
            "w_ext_crl_distribution_marked_critical",
            "pkix.certificate_crldp_extension_critical",
            "cabf.critical_crldp_extension",
        ],
    },
    Rule {
        code: "crl-distribution-no-uri",
        level: Level::Must,
        source: "S/MIME BR §7.1.2.3 b",
        demand: "a distribution point has a fullName with a URI",
        since: BR,
        applies: |c| scope::br_subscriber(c) && has_points(c),
        broken: |c| {
            when(
                !c.crl_names()
                    .any(|name| matches!(name, GeneralName::Uri(_))),
                "none has",
            )
        },
        same: &[
            "cabf.no_http_crldp_uri",
            "cabf.smime.crldp_fullname_prohibited_generalname_type",
        ],
    },
    Rule {
        code: "crl-distribution-scheme",
        level: Level::Must,
        source: "S/MIME BR §7.1.2.3 b",
        demand: "Strict and Multipurpose: every URI of a CRL has the scheme http",
        since: BR,
        applies: |c| {
            scope::strict_or_multipurpose(c)
                && c.crl_names()
                    .any(|name| matches!(name, GeneralName::Uri(_)))
        },
        broken: |c| other_scheme(c.crl_names()),
        same: &[
            "e_subscribers_crl_distribution_points_are_http",
            "cabf.smime.crldp_fullname_prohibited_uri_scheme",
            "cabf.no_http_crldp_uri",
        ],
    },
    Rule {
        code: "crl-distribution-no-http",
        level: Level::Must,
        source: "S/MIME BR §7.1.2.2 b, §7.1.2.3 b",
        demand: "Legacy and subordinate authorities: a URI of a CRL has the scheme http",
        since: BR,
        applies: |c| (scope::legacy(c) || scope::br_subordinate(c)) && has_points(c),
        broken: |c| when(!c.crl_names().any(is_http), "none has"),
        same: &[
            "e_sub_ca_crl_distribution_points_does_not_contain_url",
            "cabf.no_http_crldp_uri",
        ],
    },
    Rule {
        code: "distribution-point-incomplete",
        level: Level::Must,
        source: "RFC 5280 §4.2.1.13",
        demand: "a distribution point has a name or a cRLIssuer",
        since: RFC_5280,
        applies: has_points,
        broken: |c| {
            let points = c.crls.as_ref().ok().and_then(Option::as_ref)?;
            when(
                points
                    .iter()
                    .any(|point| point.name.is_none() && point.crl_issuer.is_empty()),
                "one has neither",
            )
        },
        same: &[
            "e_distribution_point_incomplete",
            "pkix.distribution_point_does_not_contain_name_or_issuer",
        ],
    },
    Rule {
        code: "aia-missing",
        level: Level::Should,
        source: "S/MIME BR §7.1.2.2 c, §7.1.2.3 c",
        demand: "authorityInfoAccess is present, roots excepted",
        since: BR,
        applies: |c| scope::br_subscriber(c) || scope::br_subordinate(c),
        broken: |c| when(c.lacks(oid::AUTHORITY_INFO_ACCESS), "there is none"),
        same: &["cabf.aia_extension_missing"],
    },
    Rule {
        code: "aia-critical",
        level: Level::Must,
        source: "RFC 5280 §4.2.2.1",
        demand: "authorityInfoAccess is not critical",
        since: RFC_2459,
        applies: |c| c.has(oid::AUTHORITY_INFO_ACCESS),
        broken: |c| when(c.critical(oid::AUTHORITY_INFO_ACCESS), "it is critical"),
        same: &[
            "e_ext_aia_marked_critical",
            "pkix.authority_information_access_extension_critical",
        ],
    },
    Rule {
        code: "aia-no-issuer",
        level: Level::Should,
        source: "S/MIME BR §7.1.2.2 c, §7.1.2.3 c",
        demand: "authorityInfoAccess says where the issuer's certificate is",
        since: BR,
        applies: |c| {
            (scope::br_subscriber(c) || scope::br_subordinate(c)) && matches!(c.access, Ok(Some(_)))
        },
        broken: |c| {
            when(
                locations(c, oid::ACCESS_CA_ISSUERS).next().is_none(),
                "caIssuers is not there",
            )
        },
        same: &["cabf.aia_ca_issuers_missing"],
    },
    Rule {
        code: "aia-scheme",
        level: Level::Must,
        source: "S/MIME BR §7.1.2.3 c",
        demand: "Strict and Multipurpose: every location of OCSP and the issuer's certificate has the scheme http",
        since: BR,
        applies: |c| scope::strict_or_multipurpose(c) && matches!(c.access, Ok(Some(_))),
        broken: |c| {
            other_scheme(locations(c, oid::ACCESS_OCSP).chain(locations(c, oid::ACCESS_CA_ISSUERS)))
        },
        same: &[
            "e_smime_strict_aia_shall_have_http_only",
            "cabf.smime.aia_prohibited_uri_scheme",
            "cabf.smime.aia_prohibited_generalname_type",
            "cabf.aia_ocsp_has_no_http_uri",
            "cabf.aia_ca_issuers_has_no_http_uri",
        ],
    },
    Rule {
        code: "aia-no-http",
        level: Level::Must,
        source: "S/MIME BR §7.1.2.3 c",
        demand: "Legacy: of the locations of OCSP, and of the issuer's certificate, one has the scheme http",
        since: BR,
        applies: |c| scope::legacy(c) && matches!(c.access, Ok(Some(_))),
        broken: |c| {
            let lacks = |method| {
                locations(c, method).next().is_some() && !locations(c, method).any(is_http)
            };
            when(
                lacks(oid::ACCESS_OCSP) || lacks(oid::ACCESS_CA_ISSUERS),
                "none has",
            )
        },
        same: &[
            "e_smime_legacy_aia_shall_have_one_http",
            "cabf.aia_ocsp_has_no_http_uri",
            "cabf.aia_ca_issuers_has_no_http_uri",
        ],
    },
];

fn has_points(c: &View<'_>) -> bool {
    matches!(c.crls, Ok(Some(_)))
}

fn locations<'c, 'a>(
    c: &'c View<'a>,
    method: Oid<'static>,
) -> impl Iterator<Item = &'c GeneralName<'a>> {
    c.access()
        .iter()
        .filter(move |description| description.method == method)
        .map(|description| &description.location)
}

fn is_http(name: &GeneralName<'_>) -> bool {
    match name {
        GeneralName::Uri(uri) => uri
            .get(..7)
            .is_some_and(|start| start.eq_ignore_ascii_case(b"http://")),
        _ => false,
    }
}

/// The first name that is no URI with the scheme http.
fn other_scheme<'c, 'a: 'c>(mut names: impl Iterator<Item = &'c GeneralName<'a>>) -> Found {
    let odd = names.find(|name| !is_http(name))?;
    told(Some(match odd {
        GeneralName::Uri(uri) => format!("\"{}\" has not", String::from_utf8_lossy(uri)),
        _ => "one is no URI".to_owned(),
    }))
}
