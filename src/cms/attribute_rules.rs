//! The rules that a set of attributes must keep (RFC 5652 §5.3, §11).

use crate::asn1::Oid;
use crate::asn1::Tag;
use crate::asn1::oid;
use crate::cms::attributes::Attributes;

/// A rule that a set of attributes breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AttributeProblem {
    /// No contentType, which must be there beside any other signed attribute (RFC 5652 §5.3).
    ContentTypeMissing,
    /// No messageDigest, which must be there (RFC 5652 §5.3).
    MessageDigestMissing,
    /// contentType differs from `eContentType` (RFC 5652 §5.3).
    ContentTypeDiffers,
    /// contentType in a countersignature (RFC 5652 §11.4).
    ContentTypeForbidden,
    /// The attribute is there more than once, and may be there once (RFC 5652 §11).
    Duplicate(Oid<'static>),
    /// The attribute has no value, or more than its one (RFC 5652 §11).
    NotOneValue(Oid<'static>),
    /// The attribute's value is none of its type.
    BadValue(Oid<'static>),
    /// The attribute must not be among these (RFC 5652 §11: signed only, unsigned only).
    Misplaced(Oid<'static>),
}

/// What the attributes belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role<'a> {
    /// A signature over content of this `eContentType`.
    Signer(Oid<'a>),
    /// A countersignature, whose content has no type.
    Countersigner,
}

/// Signed attributes of which there may be one, with one value: RFC 5652 §11.1 to §11.3, RFC 5035 §2, RFC 2634 §2.7 and §3.2,
/// RFC 8551 §2.5.2 and §2.5.3, RFC 6211.
const SINGLE: [Oid<'static>; 10] = [
    oid::CONTENT_TYPE,
    oid::MESSAGE_DIGEST,
    oid::SIGNING_TIME,
    oid::SIGNING_CERTIFICATE,
    oid::SIGNING_CERTIFICATE_V2,
    oid::RECEIPT_REQUEST,
    oid::SECURITY_LABEL,
    oid::SMIME_CAPABILITIES,
    oid::ENCRYPTION_KEY_PREFERENCE,
    oid::CMS_ALGORITHM_PROTECTION,
];

/// Every rule of RFC 5652 §5.3 and §11 that signed attributes break; empty when they are in order.
///
/// Values are read only as far as these rules go: digest, bindings and time are for whoever compares them. Never fails.
#[must_use]
pub fn check(attributes: &Attributes<'_>, role: Role<'_>) -> Vec<AttributeProblem> {
    let mut problems = Vec::new();
    let mut seen = SINGLE.map(|oid| (oid, 0_usize));
    for attribute in attributes.iter() {
        if attribute.oid == oid::COUNTERSIGNATURE {
            problems.push(AttributeProblem::Misplaced(oid::COUNTERSIGNATURE));
        }
        let single = seen.iter_mut().find(|(oid, _)| *oid == attribute.oid);
        if let Some((oid, count)) = single {
            *count += 1;
            if *count == 2 {
                problems.push(AttributeProblem::Duplicate(*oid));
            }
            if attribute.single().is_err() {
                problems.push(AttributeProblem::NotOneValue(*oid));
            }
        }
    }
    match (role, attributes.find(oid::CONTENT_TYPE)) {
        (Role::Signer(_), None) => problems.push(AttributeProblem::ContentTypeMissing),
        (Role::Signer(expected), Some(attribute)) => match attribute.single() {
            Ok(value) if value.tag != Tag::OID => {
                problems.push(AttributeProblem::BadValue(oid::CONTENT_TYPE));
            }
            Ok(value) if value.content != expected.content() => {
                problems.push(AttributeProblem::ContentTypeDiffers);
            }
            Ok(_) | Err(_) => {} // not one value: found above
        },
        (Role::Countersigner, Some(_)) => problems.push(AttributeProblem::ContentTypeForbidden),
        (Role::Countersigner, None) => {}
    }
    match attributes.find(oid::MESSAGE_DIGEST).map(|a| a.single()) {
        None => problems.push(AttributeProblem::MessageDigestMissing),
        Some(Ok(value)) if !value.tag.same_type(Tag::OCTET_STRING) => {
            problems.push(AttributeProblem::BadValue(oid::MESSAGE_DIGEST));
        }
        Some(Ok(_) | Err(_)) => {} // not one value: found above
    }
    problems.sort_unstable();
    problems.dedup();
    problems
}

/// The attributes among unsigned ones that only a signature makes worth something (RFC 5652 §11.1 to §11.3, RFC 5035, RFC 6211).
///
/// Anybody can add them on the way; they must be ignored. Never fails.
#[must_use]
pub fn check_unsigned(attributes: &Attributes<'_>) -> Vec<AttributeProblem> {
    SINGLE
        .into_iter()
        .filter(|oid| attributes.find(*oid).is_some())
        .map(AttributeProblem::Misplaced)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asn1::Reader;
    use crate::asn1::Writer;
    use crate::cms::build::AttributeList;
    use crate::limits::Limits;

    fn problems(list: &AttributeList, role: Role<'_>) -> Vec<AttributeProblem> {
        let raw = Writer::encode(|w| list.write(w, 0));
        let limits = Limits::default();
        let attributes = Attributes::optional(&mut Reader::new(&raw), 0, &limits);
        check(&attributes.unwrap().unwrap(), role)
    }

    fn good() -> AttributeList {
        AttributeList::new()
            .content_type(oid::DATA)
            .message_digest(&[7; 32])
    }

    #[test]
    fn each_rule_is_found_broken() {
        let data = Role::Signer(oid::DATA);
        let digest = Writer::encode(|w| w.octet_string(&[7; 32]));
        let type_value = Writer::encode(|w| w.oid(oid::DATA));
        for (list, role, expected) in [
            (good(), data, vec![]),
            (
                AttributeList::new(),
                data,
                vec![
                    AttributeProblem::ContentTypeMissing,
                    AttributeProblem::MessageDigestMissing,
                ],
            ),
            (
                good(),
                Role::Signer(oid::TST_INFO),
                vec![AttributeProblem::ContentTypeDiffers],
            ),
            (
                good(),
                Role::Countersigner,
                vec![AttributeProblem::ContentTypeForbidden],
            ),
            (
                AttributeList::new().message_digest(&[7; 32]),
                Role::Countersigner,
                vec![],
            ),
            (
                good().message_digest(&[8; 32]),
                data,
                vec![AttributeProblem::Duplicate(oid::MESSAGE_DIGEST)],
            ),
            (
                AttributeList::new()
                    .content_type(oid::DATA)
                    .values(oid::MESSAGE_DIGEST, &[&digest, &digest]),
                data,
                vec![AttributeProblem::NotOneValue(oid::MESSAGE_DIGEST)],
            ),
            (
                good().values(oid::SIGNING_TIME, &[]),
                data,
                vec![AttributeProblem::NotOneValue(oid::SIGNING_TIME)],
            ),
            (
                AttributeList::new()
                    .content_type(oid::DATA)
                    .values(oid::MESSAGE_DIGEST, &[&type_value]),
                data,
                vec![AttributeProblem::BadValue(oid::MESSAGE_DIGEST)],
            ),
            (
                AttributeList::new()
                    .values(oid::CONTENT_TYPE, &[&digest])
                    .message_digest(&[7; 32]),
                data,
                vec![AttributeProblem::BadValue(oid::CONTENT_TYPE)],
            ),
            (
                good().countersignature(&[0x30, 0]),
                data,
                vec![AttributeProblem::Misplaced(oid::COUNTERSIGNATURE)],
            ),
        ] {
            assert_eq!(problems(&list, role), expected, "{list:?}");
        }
    }

    #[test]
    fn attributes_of_unknown_type_may_repeat() {
        let twice = good()
            .values(oid::CONTENT_HINTS, &[])
            .values(oid::CONTENT_HINTS, &[&[5, 0], &[5, 0]]);
        assert_eq!(problems(&twice, Role::Signer(oid::DATA)), []);
    }

    #[test]
    fn signed_only_attributes_among_unsigned_ones_are_found() {
        let raw = Writer::encode(|w| good().countersignature(&[0x30, 0]).write(w, 1));
        let limits = Limits::default();
        let attributes = Attributes::optional(&mut Reader::new(&raw), 1, &limits);
        assert_eq!(
            check_unsigned(&attributes.unwrap().unwrap()),
            [
                AttributeProblem::Misplaced(oid::CONTENT_TYPE),
                AttributeProblem::Misplaced(oid::MESSAGE_DIGEST),
            ]
        );
    }
}
