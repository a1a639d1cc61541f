//! The third stop: a part's octets become borrowed layers (RFC 5652). No cryptography and no opinion.
//!
//! Reading is tolerant where mail programs are known to deviate and it costs no safety: BER lengths, strings in chunks, elements of
//! sets in any order, unknown certificate formats. What is not a complete structure is one [`BerError`] for all of it: a damaged
//! message yields no certificates. One damaged `RecipientInfo` among others is kept as such ([`Recipient::Damaged`]).
//!
//! Certificates, CRLs and OCSP responses stay raw octets: `pki` reads them. [`build`] writes what this reads.

pub mod archival;

pub mod attribute_rules;

pub mod attribute_values;

pub mod attributes;

pub mod auth_enveloped;

pub mod build;

pub mod carried;

pub mod compressed;

pub mod content;

pub mod content_info;

pub mod enveloped_data;

pub mod ess;

pub mod identifier;

mod list;

pub mod other;

pub mod recipient_info;

pub mod references;

pub mod signed_data;

pub mod signer_info;

pub mod timestamp;

pub use attribute_rules::AttributeProblem;
pub use attributes::{Attribute, Attributes};
pub use auth_enveloped::AuthEnvelopedData;
pub use carried::Carried;
pub use compressed::CompressedData;
pub use content::{Content, EncryptedContent};
pub use content_info::{ContentInfo, Layer};
pub use enveloped_data::EnvelopedData;
pub use identifier::{EntityIdentifier, IssuerAndSerial};
pub use other::{AuthenticatedData, DigestedData, EncryptedData};
pub use recipient_info::Recipient;
pub use signed_data::SignedData;
pub use signer_info::SignerInfo;
pub use timestamp::TstInfo;

use crate::asn1::BerError;
use crate::asn1::Reader;
use crate::limits::Limits;

/// The layer that begins `bytes`.
///
/// Copies nothing but strings that come in chunks, and only where they are short by nature. Never recurses; never allocates
/// by a number in the input. A second structure behind the first is not read: [`ContentInfo::trailing_bytes`].
///
/// # Errors
/// Where the structure is damaged, incomplete, or has more elements than `limits`.
pub fn read<'a>(bytes: &'a [u8], limits: &Limits) -> Result<ContentInfo<'a>, BerError> {
    let mut r = Reader::new(bytes);
    let mut info = ContentInfo::read(&mut r, limits)?;
    info.trailing_bytes = r.rest().len();
    Ok(info)
}
