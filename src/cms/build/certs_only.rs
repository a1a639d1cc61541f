//! A `SignedData` with certificates and nothing else (RFC 5652 §5.1, RFC 8551 §3.8), too large for memory.

use crate::asn1::Writer;
use crate::asn1::oid;

/// What stands before and behind certificates of `bytes` octets in all: between the two the certificates follow one another, in
/// any order (the set needs none, RFC 5652 §10.2.3).
#[must_use]
pub fn certs_only(bytes: u64) -> (Vec<u8>, Vec<u8>) {
    let before = Writer::encode(|w| {
        w.small_integer(1);
        w.set_of(Vec::new());
        w.sequence(|w| w.oid(oid::DATA));
    });
    let signers = Writer::encode(|w| w.set_of(Vec::new()));
    let content_type = Writer::encode(|w| w.oid(oid::SIGNED_DATA));
    let certificates = head(0xa0, bytes);
    let size = |octets: &[u8]| u64::try_from(octets.len()).unwrap_or(u64::MAX);
    let inside = size(&before) + size(&certificates) + bytes + size(&signers);
    let signed_data = head(0x30, inside);
    let inside = inside + size(&signed_data);
    let content = head(0xa0, inside);
    let inside = inside + size(&content) + size(&content_type);
    let info = head(0x30, inside);
    (
        [
            info,
            content_type,
            content,
            signed_data,
            before,
            certificates,
        ]
        .concat(),
        signers,
    )
}

/// A tag and a length as DER has it (X.690 §10.1).
fn head(tag: u8, length: u64) -> Vec<u8> {
    let octets = length.to_be_bytes();
    let zeros = octets.iter().take_while(|octet| **octet == 0).count();
    let needed = octets.get(zeros..).unwrap_or_default();
    match needed {
        [] => vec![tag, 0],
        [short] if *short < 0x80 => vec![tag, *short],
        _ => {
            let count = u8::try_from(needed.len()).unwrap_or_default();
            [&[tag, 0x80 | count], needed].concat()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asn1::Tag;
    use crate::cms::{self, Layer};
    use crate::limits::Limits;

    #[test]
    fn what_is_written_is_read_back() {
        for size in [0, 1, 120, 125, 250, 60_000, 70_000] {
            let element = Writer::encode(|w| w.primitive(Tag::SEQUENCE, &vec![5; size]));
            let (before, behind) = certs_only(u64::try_from(2 * element.len()).unwrap());
            let all = [before, element.clone(), element.clone(), behind].concat();
            let info = cms::read(&all, &Limits::default()).unwrap();
            let Layer::Signed(data) = &info.layer else {
                panic!("{info:?}");
            };
            assert_eq!(data.carried.certificates, [&element[..], &element[..]]);
            assert!(!info.ber && data.signers.is_empty());
        }
        // Four gigabytes and more.
        let (before, _) = certs_only(5 << 32);
        assert_eq!(before[..3], [0x30, 0x85, 5]);
    }
}
