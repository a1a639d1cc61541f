//! What signers put beside a signature so that it can be judged later: the values of the certificates and of the revocation
//! information of its path (CAdES, RFC 5126 §6.3.3, §6.3.4), and Adobe's attribute of the same form (ISO 32000-2 §12.8.3.3.2).
//!
//! What stands there is material as all that a message carries; who added an unsigned attribute is not known.

use crate::asn1::BerError;
use crate::asn1::Element;
use crate::asn1::Oid;
use crate::asn1::Reader;
use crate::asn1::Tag;
use crate::asn1::oid;
use crate::cms::carried::Carried;
use crate::cms::list;
use crate::cms::signer_info::SignerInfo;
use crate::limits::Limits;

/// The certificates, CRLs and OCSP responses in the attributes of `signer`. An attribute that is damaged gives what stands before the
/// damage: it is no part of what was signed, or says nothing of the content.
#[must_use]
pub fn values<'a>(signer: &SignerInfo<'a>, limits: &Limits) -> Carried<'a> {
    let mut carried = Carried::default();
    for value in all(signer, oid::CERTIFICATE_VALUES) {
        let _ = elements(&value, limits.certificates, &mut carried.certificates);
    }
    for attribute in [oid::REVOCATION_VALUES, oid::ADOBE_REVOCATION] {
        for value in all(signer, attribute) {
            let _ = revocation(&value, limits, &mut carried);
        }
    }
    carried
}

/// The values of all attributes of this type, signed or not.
pub(super) fn all<'a>(
    signer: &SignerInfo<'a>,
    oid: Oid<'static>,
) -> impl Iterator<Item = Element<'a>> + use<'a> {
    [signer.signed_attributes, signer.unsigned_attributes]
        .into_iter()
        .flatten()
        .flat_map(|attributes| attributes.iter())
        .filter(move |attribute| attribute.oid == oid)
        .flat_map(|attribute| attribute.values())
}

/// `RevocationValues`: crlVals [0], ocspVals [1] (BasicOCSPResponse), otherRevVals [2]; `RevocationInfoArchival`: crl [0], ocsp [1]
/// (OCSPResponse), otherRevInfo [2]; each EXPLICIT and OPTIONAL.
fn revocation<'a>(
    value: &Element<'a>,
    limits: &Limits,
    carried: &mut Carried<'a>,
) -> Result<(), BerError> {
    let mut r = value.reader()?;
    for (number, target) in [(0, &mut carried.crls), (1, &mut carried.ocsp_responses)] {
        if let Some(explicit) = r.optional(Tag::context_constructed(number))? {
            let sequence = explicit.reader()?.element()?;
            elements(&sequence, limits.crls, target)?;
        }
    }
    Ok(())
}

/// The SEQUENCEs in one.
fn elements<'a>(
    sequence: &Element<'a>,
    most: usize,
    target: &mut Vec<&'a [u8]>,
) -> Result<(), BerError> {
    list::for_each(sequence, most, |r: &mut Reader<'a>| {
        target.push(r.raw(Tag::SEQUENCE)?);
        Ok(())
    })?;
    Ok(())
}
