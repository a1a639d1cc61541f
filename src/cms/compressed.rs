//! `CompressedData` (RFC 3274 §1.1).

use crate::asn1::AlgorithmIdentifier;
use crate::asn1::BerError;
use crate::asn1::Oid;
use crate::asn1::Reader;
use crate::cms::content;
use crate::cms::content::Content;

/// `CompressedData` (RFC 3274 §1.1). What is compressed stays so.
#[derive(Clone, Copy, Debug)]
pub struct CompressedData<'a> {
    /// 0; others are read too.
    pub version: u64,
    /// The compression.
    pub algorithm: AlgorithmIdentifier<'a>,
    /// What the content is once inflated.
    pub content_type: Oid<'a>,
    /// The compressed octets; None where they are elsewhere.
    pub content: Option<Content<'a>>,
}

impl<'a> CompressedData<'a> {
    /// `CompressedData` (RFC 3274 §1.1).
    ///
    /// # Errors
    /// Where the next element is none.
    pub fn read(r: &mut Reader<'a>) -> Result<Self, BerError> {
        r.sequence(|r| {
            let version = r.small_integer()?;
            let algorithm = AlgorithmIdentifier::read(r)?;
            let (content_type, content) = content::encapsulated(r)?;
            Ok(Self {
                version,
                algorithm,
                content_type,
                content,
            })
        })
    }
}
