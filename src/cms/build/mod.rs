//! Writes CMS (RFC 5652): in DER, or in the BER that streaming mail programs write.
//!
//! Knows no cryptography: digests, signatures, ciphertexts and encrypted keys come from the caller. What the structures of this module
//! say is written as it is, sense or not, so that samples of broken and hostile mail come from here too.

pub mod attributes;

mod certs_only;

pub mod enveloped_data;

pub mod recipient_info;

pub mod signed_data;

pub mod timestamp;

pub use attributes::{AttributeList, Order};
pub use certs_only::certs_only;
pub use enveloped_data::{AuthEnvelopedData, EnvelopedData};
pub use signed_data::{Content, SignedData, Signer};

use crate::asn1::AlgorithmIdentifier;
use crate::asn1::Oid;
use crate::asn1::Tag;
use crate::asn1::Writer;
use crate::asn1::oid;

/// How the outer levels and the content are encoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// Definite lengths, strings in one piece, sets sorted.
    #[default]
    Der,
    /// Indefinite lengths, the content in chunks, sets in the order given.
    Ber {
        /// A chunk's size in octets; 0 counts as 1.
        chunk_bytes: usize,
    },
}

impl Form {
    fn constructed(self, w: &mut Writer, tag: Tag, write: impl FnOnce(&mut Writer)) {
        match self {
            Self::Der => w.constructed(tag, write),
            Self::Ber { .. } => w.indefinite(tag, write),
        }
    }

    fn octets(self, w: &mut Writer, tag: Tag, content: &[u8]) {
        match self {
            Self::Der => w.primitive(tag, content),
            Self::Ber { chunk_bytes } => w.indefinite(tag, |w| {
                for chunk in content.chunks(chunk_bytes.max(1)) {
                    w.octet_string(chunk);
                }
            }),
        }
    }

    fn set(self, w: &mut Writer, tag: Tag, elements: Vec<Vec<u8>>) {
        match self {
            Self::Der => w.sorted(tag, elements),
            Self::Ber { .. } => w.indefinite(tag, |w| {
                for element in &elements {
                    w.raw(element);
                }
            }),
        }
    }
}

/// `ContentInfo` (RFC 5652 §3) around the layer that `write` writes.
#[must_use]
pub fn content_info(content_type: Oid<'_>, form: Form, write: impl FnOnce(&mut Writer)) -> Vec<u8> {
    Writer::encode(|w| {
        form.constructed(w, Tag::SEQUENCE, |w| {
            w.oid(content_type);
            form.constructed(w, Tag::context_constructed(0), write);
        });
    })
}

/// `ContentInfo` of type id-data (RFC 5652 §4).
#[must_use]
pub fn data(content: &[u8], form: Form) -> Vec<u8> {
    content_info(oid::DATA, form, |w| {
        form.octets(w, Tag::OCTET_STRING, content);
    })
}

/// `CompressedData` (RFC 3274 §1.1) around octets that zlib has compressed.
#[must_use]
pub fn compressed_data(content_type: Oid<'_>, compressed: &[u8], form: Form) -> Vec<u8> {
    content_info(oid::COMPRESSED_DATA, form, |w| {
        form.constructed(w, Tag::SEQUENCE, |w| {
            w.small_integer(0);
            w.algorithm(oid::ZLIB_COMPRESS, None);
            encapsulated(w, form, content_type, Content::Octets(compressed));
        });
    })
}

/// `DigestedData` (RFC 5652 §7).
#[must_use]
pub fn digested_data(
    algorithm: AlgorithmIdentifier<'_>,
    content_type: Oid<'_>,
    content: Content<'_>,
    digest: &[u8],
    form: Form,
) -> Vec<u8> {
    content_info(oid::DIGESTED_DATA, form, |w| {
        form.constructed(w, Tag::SEQUENCE, |w| {
            w.small_integer(if content_type == oid::DATA { 0 } else { 2 });
            w.algorithm(algorithm.oid, algorithm.parameters);
            encapsulated(w, form, content_type, content);
            w.octet_string(digest);
        });
    })
}

/// `EncryptedData` (RFC 5652 §8) around octets that are encrypted already.
#[must_use]
pub fn encrypted_data(
    content_type: Oid<'_>,
    algorithm: AlgorithmIdentifier<'_>,
    ciphertext: &[u8],
    form: Form,
) -> Vec<u8> {
    content_info(oid::ENCRYPTED_DATA, form, |w| {
        form.constructed(w, Tag::SEQUENCE, |w| {
            w.small_integer(0);
            encrypted(w, form, content_type, algorithm, Some(ciphertext));
        });
    })
}

/// `EncapsulatedContentInfo` (RFC 5652 §5.2).
fn encapsulated(w: &mut Writer, form: Form, content_type: Oid<'_>, content: Content<'_>) {
    form.constructed(w, Tag::SEQUENCE, |w| {
        w.oid(content_type);
        match content {
            Content::Detached => {}
            Content::Octets(octets) => {
                form.constructed(w, Tag::context_constructed(0), |w| {
                    form.octets(w, Tag::OCTET_STRING, octets);
                });
            }
            Content::Element(element) => {
                form.constructed(w, Tag::context_constructed(0), |w| w.raw(element));
            }
        }
    });
}

/// `EncryptedContentInfo` (RFC 5652 §6.1).
fn encrypted(
    w: &mut Writer,
    form: Form,
    content_type: Oid<'_>,
    algorithm: AlgorithmIdentifier<'_>,
    ciphertext: Option<&[u8]>,
) {
    form.constructed(w, Tag::SEQUENCE, |w| {
        w.oid(content_type);
        w.algorithm(algorithm.oid, algorithm.parameters);
        if let Some(ciphertext) = ciphertext {
            form.octets(w, Tag::context(0), ciphertext);
        }
    });
}
