//! `DigestInfo` (RFC 8017 §9.2): what an RSA v1.5 signature signs.

use crate::asn1::AlgorithmIdentifier;
use crate::asn1::Oid;
use crate::asn1::Reader;
use crate::asn1::Writer;
use crate::crypto::digest::DigestAlgorithm;

/// What an RSA v1.5 signature holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecoveredDigest {
    oid: Vec<u8>,
    value: Vec<u8>,
}

impl RecoveredDigest {
    /// The digest algorithm that it names; None for what mailseal does not compute.
    #[must_use]
    pub fn algorithm(&self) -> Option<DigestAlgorithm> {
        DigestAlgorithm::from_oid(self.oid()?)
    }

    /// The digest algorithm's object identifier.
    #[must_use]
    pub fn oid(&self) -> Option<Oid<'_>> {
        Oid::from_content(&self.oid)
    }

    /// The digest.
    #[must_use]
    pub fn value(&self) -> &[u8] {
        &self.value
    }
}

/// The recovered bytes are the DigestInfo of this digest, in one of its two encodings: parameters NULL, as RFC 8017 §A.2.4
/// writes them, or absent (RFC 4055 §2.1: both must be accepted). Nothing else passes: what a lenient reader skips
/// over is room for a forger (CVE-2006-4339).
pub(crate) fn is_for(info: &[u8], algorithm: DigestAlgorithm, value: &[u8]) -> bool {
    info == encode(algorithm, Some(&[5, 0]), value) || info == encode(algorithm, None, value)
}

fn encode(algorithm: DigestAlgorithm, parameters: Option<&[u8]>, value: &[u8]) -> Vec<u8> {
    Writer::encode(|w| {
        w.sequence(|w| {
            w.algorithm(algorithm.oid(), parameters);
            w.octet_string(value);
        });
    })
}

/// Reads a DigestInfo for reporting. None where it is none.
pub(crate) fn read(info: &[u8]) -> Option<RecoveredDigest> {
    let mut r = Reader::new(info);
    let read = r.sequence(|r| {
        let algorithm = AlgorithmIdentifier::read(r)?;
        Ok(RecoveredDigest {
            oid: algorithm.oid.content().to_vec(),
            value: r.octet_string()?.bytes()?.into_owned(),
        })
    });
    r.finish().ok()?;
    read.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_encodings_and_no_third() {
        let value = [7; 20];
        let algorithm = DigestAlgorithm::Sha1;
        // The prefix of RFC 8017 §9.2 note 1.
        let prefix = [
            0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00, 0x04,
            0x14,
        ];
        let usual = [prefix.as_slice(), &value].concat();
        assert!(is_for(&usual, algorithm, &value));
        assert!(is_for(&encode(algorithm, None, &value), algorithm, &value));
        assert!(!is_for(&usual, DigestAlgorithm::Sha256, &value));
        assert!(!is_for(&usual, algorithm, &[8; 20]));
        let trailing = [usual.as_slice(), &[0]].concat();
        assert!(!is_for(&trailing, algorithm, &value));
        let junk = encode(algorithm, Some(&[4, 3, 1, 2, 3]), &value);
        assert!(!is_for(&junk, algorithm, &value));
        let long_form = [&[0x30, 0x81, 0x21], usual.get(2..).unwrap()].concat();
        assert!(!is_for(&long_form, algorithm, &value));
        let recovered = read(&usual).unwrap();
        assert_eq!(recovered.algorithm(), Some(algorithm));
        assert_eq!(recovered.value(), value);
        assert_eq!(read(&trailing), None);
    }
}
