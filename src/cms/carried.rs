//! Certificates and revocation information that a message carries along (RFC 5652 §10.2.1, §10.2.3).

use crate::asn1::BerError;
use crate::asn1::Reader;
use crate::asn1::Tag;
use crate::asn1::oid;
use crate::cms::list;
use crate::limits::Limits;

/// The sets `certificates` and `crls` of SignedData and of `OriginatorInfo`, in the order of the message.
#[derive(Clone, Debug, Default)]
pub struct Carried<'a> {
    /// X.509 certificates: whole elements as received, their inside not looked at.
    pub certificates: Vec<&'a [u8]>,
    /// How many of another kind were there: PKCS#6, attribute certificates, other formats.
    pub other_certificates: usize,
    /// CRLs: whole elements as received, their inside not looked at.
    pub crls: Vec<&'a [u8]>,
    /// `OCSPResponse` elements (RFC 5940).
    pub ocsp_responses: Vec<&'a [u8]>,
    /// How much revocation information of another kind was there.
    pub other_revocations: usize,
}

impl<'a> Carried<'a> {
    /// `certificates [0] IMPLICIT CertificateSet OPTIONAL, crls [1] IMPLICIT RevocationInfoChoices OPTIONAL`.
    ///
    /// # Errors
    /// Where a set is damaged or has more elements than `limits`, those of another kind included.
    pub fn read(r: &mut Reader<'a>, limits: &Limits) -> Result<Self, BerError> {
        let mut carried = Self::default();
        if let Some(set) = r.optional(Tag::context_constructed(0))? {
            list::for_each(&set, limits.certificates, |r| {
                let element = r.element()?;
                if element.tag == Tag::SEQUENCE {
                    carried.certificates.push(element.raw);
                } else {
                    carried.other_certificates += 1;
                }
                Ok(())
            })?;
        }
        if let Some(set) = r.optional(Tag::context_constructed(1))? {
            list::for_each(&set, limits.crls, |r| carried.revocation(r))?;
        }
        Ok(carried)
    }

    /// `RevocationInfoChoice` (RFC 5652 §10.2.1).
    fn revocation(&mut self, r: &mut Reader<'a>) -> Result<(), BerError> {
        let element = r.element()?;
        if element.tag == Tag::SEQUENCE {
            self.crls.push(element.raw);
        } else if element.tag == Tag::context_constructed(1) {
            let mut other = element.reader()?;
            let format = other.oid()?;
            let information = other.element()?;
            other.finish()?;
            if format == oid::OTHER_REVOCATION_OCSP {
                self.ocsp_responses.push(information.raw);
            } else {
                self.other_revocations += 1;
            }
        } else {
            self.other_revocations += 1;
        }
        Ok(())
    }

    /// Nothing is carried.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.certificates.is_empty()
            && self.other_certificates == 0
            && self.crls.is_empty()
            && self.ocsp_responses.is_empty()
            && self.other_revocations == 0
    }
}

/// `originatorInfo [0] IMPLICIT OriginatorInfo OPTIONAL` (RFC 5652 §6.1).
pub(super) fn originator<'a>(
    r: &mut Reader<'a>,
    limits: &Limits,
) -> Result<Option<Carried<'a>>, BerError> {
    match r.optional(Tag::context_constructed(0))? {
        None => Ok(None),
        Some(element) => {
            let mut inside = element.reader()?;
            let carried = Carried::read(&mut inside, limits)?;
            inside.finish()?;
            Ok(Some(carried))
        }
    }
}
