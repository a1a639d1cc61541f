//! `ContentInfo` (RFC 5652 §3) and the layer in it.

use crate::asn1::BerError;
use crate::asn1::Element;
use crate::asn1::OctetString;
use crate::asn1::Oid;
use crate::asn1::Reader;
use crate::asn1::Tag;
use crate::asn1::oid;
use crate::cms::auth_enveloped::AuthEnvelopedData;
use crate::cms::compressed::CompressedData;
use crate::cms::content;
use crate::cms::enveloped_data::EnvelopedData;
use crate::cms::other::AuthenticatedData;
use crate::cms::other::DigestedData;
use crate::cms::other::EncryptedData;
use crate::cms::signed_data::SignedData;
use crate::limits::Limits;

/// `ContentInfo` (RFC 5652 §3): the envelope of every layer.
#[derive(Clone, Debug)]
pub struct ContentInfo<'a> {
    /// Which layer it is.
    pub content_type: Oid<'a>,
    /// The layer.
    pub layer: Layer<'a>,
    /// Octets behind the structure that `cms::read` did not use.
    pub trailing_bytes: usize,
    /// ContentInfo, layer, a field of the layer or the content has an indefinite length or comes in chunks.
    pub ber: bool,
}

/// What a `ContentInfo` holds.
#[derive(Clone, Debug)]
pub enum Layer<'a> {
    /// Signed, or certificates only (RFC 5652 §5).
    Signed(SignedData<'a>),
    /// Encrypted (RFC 5652 §6).
    Enveloped(EnvelopedData<'a>),
    /// Encrypted with a tag (RFC 5083).
    AuthEnveloped(AuthEnvelopedData<'a>),
    /// Compressed (RFC 3274).
    Compressed(CompressedData<'a>),
    /// With a digest that nobody signed (RFC 5652 §7).
    Digested(DigestedData<'a>),
    /// Encrypted for nobody in particular (RFC 5652 §8; PKCS#12).
    Encrypted(EncryptedData<'a>),
    /// With a MAC (RFC 5652 §9).
    Authenticated(AuthenticatedData<'a>),
    /// Octets (RFC 5652 §4); None where they are elsewhere (PKCS#7 allowed that).
    Data(Option<OctetString<'a>>),
    /// A type that mailseal does not read; the element in `[0]`, if there is one.
    Other(Option<&'a [u8]>),
}

impl<'a> ContentInfo<'a> {
    /// The next element as `ContentInfo`; `trailing_bytes` is 0.
    ///
    /// # Errors
    /// As `cms::read`.
    pub fn read(r: &mut Reader<'a>, limits: &Limits) -> Result<Self, BerError> {
        let outer = r.expect(Tag::SEQUENCE)?;
        let mut inside = outer.reader()?;
        let content_type = inside.oid()?;
        let explicit = inside.optional(Tag::context_constructed(0))?;
        inside.finish()?;
        let layer = Layer::read(content_type, explicit.as_ref(), inside, limits)?;
        let ber = outer.indefinite || layer.is_chunked() || explicit.is_some_and(is_indefinite);
        Ok(Self {
            content_type,
            layer,
            trailing_bytes: 0,
            ber,
        })
    }
}

impl<'a> Layer<'a> {
    /// What is in `[0]`; `end` stands where it is missing.
    fn read(
        content_type: Oid<'a>,
        explicit: Option<&Element<'a>>,
        end: Reader<'a>,
        limits: &Limits,
    ) -> Result<Self, BerError> {
        let mut inside = match explicit {
            Some(explicit) => explicit.reader()?,
            None => end, // empty, so that a structure which needs its content is truncated here
        };
        let r = &mut inside;
        let layer = match content_type {
            oid::SIGNED_DATA => Self::Signed(SignedData::read(r, limits)?),
            oid::ENVELOPED_DATA => Self::Enveloped(EnvelopedData::read(r, limits)?),
            oid::AUTH_ENVELOPED_DATA => Self::AuthEnveloped(AuthEnvelopedData::read(r, limits)?),
            oid::COMPRESSED_DATA => Self::Compressed(CompressedData::read(r)?),
            oid::DIGESTED_DATA => Self::Digested(DigestedData::read(r)?),
            oid::ENCRYPTED_DATA => Self::Encrypted(EncryptedData::read(r, limits)?),
            oid::AUTHENTICATED_DATA => Self::Authenticated(AuthenticatedData::read(r, limits)?),
            oid::DATA if explicit.is_none() => Self::Data(None),
            oid::DATA => Self::Data(Some(content::whole(r.octet_string()?)?)),
            _ if explicit.is_none() => Self::Other(None),
            _ => Self::Other(Some(r.element()?.raw)),
        };
        inside.finish()?;
        Ok(layer)
    }

    fn is_chunked(&self) -> bool {
        match self {
            Self::Signed(layer) => content::is_chunked(layer.content.as_ref()),
            Self::Enveloped(layer) => layer.content.is_chunked(),
            Self::AuthEnveloped(layer) => layer.content.is_chunked(),
            Self::Encrypted(layer) => layer.content.is_chunked(),
            Self::Compressed(layer) => content::is_chunked(layer.content.as_ref()),
            Self::Digested(layer) => content::is_chunked(layer.content.as_ref()),
            Self::Authenticated(layer) => content::is_chunked(layer.content.as_ref()),
            Self::Data(content) => content.is_some_and(|content| content.is_chunked()),
            Self::Other(_) => false,
        }
    }
}

/// The `[0]` of a ContentInfo, the layer in it or one of the layer's fields has an indefinite length.
fn is_indefinite(explicit: Element<'_>) -> bool {
    let fields = |element: Element<'_>| {
        let mut r = element.reader().ok()?;
        let mut found = element.indefinite;
        while !found && !r.is_empty() {
            found = r.element().ok()?.indefinite;
        }
        Some(found)
    };
    let layer = || explicit.reader().ok()?.element().ok();
    explicit.indefinite || layer().and_then(fields).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asn1::BerErrorKind;
    use crate::asn1::Writer;
    use crate::cms::build;
    use crate::cms::build::Form;
    use crate::cms::read;

    const BER: Form = Form::Ber { chunk_bytes: 2 };

    #[test]
    fn what_stands_behind_is_counted_and_not_read() {
        let one = build::data(b"first", Form::Der);
        let two = [&one[..], &build::data(b"second", Form::Der)].concat();
        let info = read(&two, &Limits::default()).unwrap();
        assert_eq!(info.trailing_bytes, two.len() - one.len());
        let Layer::Data(Some(octets)) = info.layer else {
            panic!("{:?}", info.layer)
        };
        assert_eq!(&*octets.bytes().unwrap(), b"first");
        assert_eq!(read(&one, &Limits::default()).unwrap().trailing_bytes, 0);
    }

    #[test]
    fn ber_is_noticed_at_each_level() {
        let limits = Limits::default();
        let is_ber = |bytes: &[u8]| read(bytes, &limits).map(|info| info.ber);
        assert_eq!(is_ber(&build::data(b"content", Form::Der)), Ok(false));
        assert_eq!(is_ber(&build::data(b"content", BER)), Ok(true));
        let inner_only = build::content_info(oid::DATA, Form::Der, |w| {
            w.constructed(Tag::OCTET_STRING, |w| w.octet_string(b"content"));
        });
        assert_eq!(is_ber(&inner_only), Ok(true));
        let field = build::content_info(oid::SIGNED_DATA, Form::Der, |w| {
            w.sequence(|w| {
                w.small_integer(1);
                w.indefinite(Tag::SET, |_| {});
                w.sequence(|w| w.oid(oid::DATA));
                w.set_of(vec![]);
            });
        });
        assert_eq!(is_ber(&field), Ok(true));
    }

    #[test]
    fn every_truncation_is_an_error() {
        for form in [Form::Der, BER] {
            let whole = build::SignedData::new(build::Content::Octets(b"content"));
            let whole = build::SignedData { form, ..whole }.encode();
            for end in 0..whole.len() {
                assert!(read(&whole[..end], &Limits::default()).is_err(), "{end}");
            }
        }
    }

    #[test]
    fn depth_chunks_and_lengths_are_bounded() {
        let limits = Limits::default();
        for hostile in [[0x30, 0x80], [0xa0, 0x80], [0x24, 0x80], [0x31, 0x80]] {
            let head = [&[0x30, 0x80, 6, 9][..], oid::DATA.content(), &[0xa0, 0x80]].concat();
            let deep = [head, hostile.repeat(100_000)].concat();
            let error = read(&deep, &limits).unwrap_err();
            assert_eq!(error.kind, BerErrorKind::TooDeep, "{hostile:?}");
        }
        let giant = [0x30, 0x88, 0x80, 0, 0, 0, 0, 0, 0, 0, 6, 1, 0x2a];
        let error = read(&giant, &limits).unwrap_err();
        assert_eq!(error.kind, BerErrorKind::Length);
    }

    #[test]
    fn types_that_are_not_read_keep_their_element() {
        let limits = Limits::default();
        let other = build::content_info(oid::RECEIPT, Form::Der, |w| w.null());
        let info = read(&other, &limits).unwrap();
        assert_eq!(info.content_type, oid::RECEIPT);
        assert!(matches!(info.layer, Layer::Other(Some([5, 0]))));
        let without = |oid| asn1_sequence(|w| w.oid(oid));
        assert!(matches!(
            read(&without(oid::RECEIPT), &limits).unwrap().layer,
            Layer::Other(None)
        ));
        assert!(matches!(
            read(&without(oid::DATA), &limits).unwrap().layer,
            Layer::Data(None)
        ));
        let error = read(&without(oid::SIGNED_DATA), &limits).unwrap_err();
        assert_eq!(error.kind, BerErrorKind::Truncated);
    }

    fn asn1_sequence(write: impl FnOnce(&mut Writer)) -> Vec<u8> {
        Writer::encode(|w| w.sequence(write))
    }
}
