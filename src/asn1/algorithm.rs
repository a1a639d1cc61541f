//! `AlgorithmIdentifier` (RFC 5280 §4.1.1.2).

use crate::asn1::oid::Oid;
use crate::asn1::reader::{BerError, Reader};
use crate::asn1::tag::Tag;

/// `AlgorithmIdentifier`: an object identifier and parameters whose type it decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AlgorithmIdentifier<'a> {
    /// Which algorithm.
    pub oid: Oid<'a>,
    /// The parameters' whole element, as received; None where they are absent. NULL is present.
    pub parameters: Option<&'a [u8]>,
}

impl<'a> AlgorithmIdentifier<'a> {
    /// `AlgorithmIdentifier` (RFC 5280 §4.1.1.2).
    ///
    /// # Errors
    /// Where the next element is none.
    pub fn read(r: &mut Reader<'a>) -> Result<Self, BerError> {
        r.sequence(Self::read_fields)
    }

    /// The fields, where an IMPLICIT tag stands in place of the SEQUENCE.
    ///
    /// # Errors
    /// Where they are damaged or followed by more.
    pub fn read_fields(r: &mut Reader<'a>) -> Result<Self, BerError> {
        let oid = r.oid()?;
        let parameters = if r.is_empty() {
            None
        } else {
            Some(r.element()?.raw)
        };
        Ok(Self { oid, parameters })
    }

    /// The parameters are absent or NULL: both are written for algorithms without any (RFC 5754 §2).
    #[must_use]
    pub fn without_parameters(&self) -> bool {
        matches!(self.parameters, None | Some([5, 0]))
    }

    /// The parameters' element, where there are any and they are not NULL.
    #[must_use]
    pub fn parameter_reader(&self) -> Option<Reader<'a>> {
        let raw = self.parameters?;
        (Reader::new(raw).peek() != Some(Tag::NULL)).then(|| Reader::new(raw))
    }
}
