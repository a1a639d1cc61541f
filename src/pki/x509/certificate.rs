//! `Certificate` (RFC 5280 §4.1), borrowed from its encoding.

use crate::asn1::algorithm::AlgorithmIdentifier;
use crate::asn1::reader::{BerError, BitString, Element, Integer, Reader};
use crate::asn1::tag::Tag;
use crate::asn1::time::{Time, TimeForm};
use crate::crypto::digest;
use crate::pki::x509::extensions::Extensions;
use crate::pki::x509::name::Name;

/// A certificate. The names, the serial number and the key's encoding are there whenever it could be read at all;
/// what else is damaged says so in its own field, and the rest can be used.
#[derive(Clone, Debug)]
pub struct Certificate<'a> {
    /// All octets, as received.
    pub raw: &'a [u8],
    /// `tbsCertificate`, all octets: what the signature is over.
    pub tbs: &'a [u8],
    /// 1, 2 or 3; another number as it stands there plus one.
    pub version: Result<u64, BerError>,
    /// The serial number, maybe zero, negative or longer than 20 octets.
    pub serial: Integer<'a>,
    /// `tbsCertificate.signature`: the algorithm, under the signature.
    pub inner_signature_algorithm: Result<AlgorithmIdentifier<'a>, BerError>,
    /// `signatureAlgorithm`.
    pub signature_algorithm: Result<AlgorithmIdentifier<'a>, BerError>,
    /// The issuer's name.
    pub issuer: Name<'a>,
    /// The subject's name.
    pub subject: Name<'a>,
    /// The first second of validity.
    pub not_before: Result<Time, BerError>,
    /// The last second of validity.
    pub not_after: Result<Time, BerError>,
    /// `Deviating` if one of the two times is written as DER does not allow.
    pub time_form: TimeForm,
    /// `subjectPublicKeyInfo`, all octets.
    pub spki: &'a [u8],
    /// What `spki` holds.
    pub key: Result<KeyInfo<'a>, BerError>,
    /// The extensions in the order written.
    pub extensions: Extensions<'a>,
    /// `signatureValue`.
    pub signature: Result<BitString<'a>, BerError>,
}

/// `SubjectPublicKeyInfo` (RFC 5280 §4.1.2.7).
#[derive(Clone, Copy, Debug)]
pub struct KeyInfo<'a> {
    /// Algorithm and parameters.
    pub algorithm: AlgorithmIdentifier<'a>,
    /// The key itself; the key identifier of RFC 5280 §4.2.1.2 method 1 is the SHA-1 of its octets.
    pub bits: BitString<'a>,
}

impl<'a> KeyInfo<'a> {
    /// `SubjectPublicKeyInfo`, the whole element and nothing behind it.
    ///
    /// # Errors
    /// Where `spki` is none.
    pub fn read(spki: &'a [u8]) -> Result<Self, BerError> {
        let mut r = Reader::new(spki);
        let key = r.sequence(|r| {
            Ok(Self {
                algorithm: AlgorithmIdentifier::read(r)?,
                bits: r.bit_string()?,
            })
        })?;
        r.finish()?;
        Ok(key)
    }
}

impl<'a> Certificate<'a> {
    /// `Certificate`, the whole of `der`.
    ///
    /// # Errors
    /// Where it is no SEQUENCE of a `tbsCertificate` with serial number, issuer, validity, subject and key, or something
    /// stands behind it. Offsets are those in `der`.
    pub fn read(der: &'a [u8]) -> Result<Self, BerError> {
        let mut r = Reader::new(der);
        let outer = r.expect(Tag::SEQUENCE)?;
        r.finish()?;
        let mut outside = outer.reader()?;
        let tbs = outside.expect(Tag::SEQUENCE)?;
        let algorithm = outside.expect(Tag::SEQUENCE);
        let signature = outside.bit_string();
        let signature_algorithm =
            algorithm.and_then(|element| read_element(&element, AlgorithmIdentifier::read_fields));
        Self::read_tbs(der, &tbs, signature_algorithm, signature)
    }

    fn read_tbs(
        der: &'a [u8],
        tbs: &Element<'a>,
        signature_algorithm: Result<AlgorithmIdentifier<'a>, BerError>,
        signature: Result<BitString<'a>, BerError>,
    ) -> Result<Self, BerError> {
        let mut r = tbs.reader()?;
        let version = match r.optional(Tag::context_constructed(0))? {
            None => Ok(1),
            Some(element) => {
                read_element(&element, Reader::small_integer).map(|v| v.saturating_add(1))
            }
        };
        let serial = r.integer()?;
        let inner_signature_algorithm =
            read_element(&r.expect(Tag::SEQUENCE)?, AlgorithmIdentifier::read_fields);
        let issuer = Name::new(r.raw(Tag::SEQUENCE)?);
        let validity = r.expect(Tag::SEQUENCE)?;
        let subject = Name::new(r.raw(Tag::SEQUENCE)?);
        let spki = r.raw(Tag::SEQUENCE)?;

        let mut times = validity.reader()?;
        let (not_before, not_after) = (times.time(), times.time());
        let deviates = |time: &Result<(Time, TimeForm), BerError>| {
            time.is_ok_and(|(_, form)| form == TimeForm::Deviating)
        };
        let time_form = if deviates(&not_before) || deviates(&not_after) {
            TimeForm::Deviating
        } else {
            TimeForm::Der
        };
        Ok(Self {
            raw: der,
            tbs: tbs.raw,
            version,
            serial,
            inner_signature_algorithm,
            signature_algorithm,
            issuer,
            subject,
            not_before: not_before.map(|(time, _)| time),
            not_after: not_after.map(|(time, _)| time),
            time_form,
            spki,
            key: KeyInfo::read(spki),
            extensions: Extensions::read_tail(&mut r),
            signature,
        })
    }

    /// SHA-256 of the certificate as received: its identity everywhere in the report.
    #[must_use]
    pub fn sha256(&self) -> [u8; 32] {
        digest::sha256(self.raw)
    }

    /// SHA-256 of `subjectPublicKeyInfo` as received.
    #[must_use]
    pub fn spki_sha256(&self) -> [u8; 32] {
        digest::sha256(self.spki)
    }

    /// SHA-256 of `tbsCertificate` as received: equal for variants that differ only outside the signature.
    #[must_use]
    pub fn tbs_sha256(&self) -> [u8; 32] {
        digest::sha256(self.tbs)
    }

    /// The serial number's octets in lower-case hexadecimal, without redundant leading octets; a negative one as its
    /// two's complement.
    #[must_use]
    pub fn serial_hex(&self) -> String {
        hex(self.serial.minimal())
    }

    /// Issuer and subject are the same name: a root, or a certificate for an authority's own new key.
    #[must_use]
    pub fn is_self_issued(&self) -> bool {
        self.issuer.matches(self.subject)
    }

    /// SHA-1 of the key's octets (RFC 5280 §4.2.1.2 method 1); None where the key can't be read.
    #[must_use]
    pub fn computed_key_identifier(&self) -> Option<[u8; 20]> {
        self.key.ok().map(|key| digest::sha1(key.bits.bytes))
    }
}

/// Reads the inside of an element that is there; what is left over is an error.
pub(super) fn read_element<'a, T>(
    element: &Element<'a>,
    read: impl FnOnce(&mut Reader<'a>) -> Result<T, BerError>,
) -> Result<T, BerError> {
    let mut inside = element.reader()?;
    let value = read(&mut inside)?;
    inside.finish()?;
    Ok(value)
}

/// Lower-case hexadecimal.
#[must_use]
pub(in crate::pki) fn hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f',
    ];
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or('0');
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}
