//! ANSI X9.42 key derivation of Diffie-Hellman over a prime field (RFC 2631 §2.1.2).

use zeroize::Zeroizing;

use crate::asn1::Oid;
use crate::asn1::Writer;
use crate::crypto::digest::DigestAlgorithm;
use crate::crypto::digest::digest;

/// The key of this many bytes for a wrap: SHA-1 of the shared secret and OtherInfo, as often as needed. The secret is as long as the
/// prime (leading zero octets kept), `party_a` the user keying material.
pub(crate) fn x942(
    secret: &[u8],
    wrap: Oid<'_>,
    party_a: Option<&[u8]>,
    bytes: usize,
) -> Option<Zeroizing<Vec<u8>>> {
    let bits = u32::try_from(bytes.checked_mul(8)?).ok()?;
    let mut key = Zeroizing::new(Vec::with_capacity(bytes + 20));
    let mut counter: u32 = 1;
    while key.len() < bytes {
        let info = other_info(wrap, counter, party_a, bits);
        let block = digest(DigestAlgorithm::Sha1, &[secret, &info]).ok()?;
        if block.as_bytes().is_empty() {
            return None;
        }
        key.extend_from_slice(block.as_bytes());
        counter = counter.checked_add(1)?;
    }
    key.truncate(bytes);
    Some(key)
}

/// `OtherInfo` (RFC 2631 §2.1.2).
fn other_info(wrap: Oid<'_>, counter: u32, party_a: Option<&[u8]>, bits: u32) -> Vec<u8> {
    Writer::encode(|w| {
        w.sequence(|w| {
            w.sequence(|w| {
                w.oid(wrap);
                w.octet_string(&counter.to_be_bytes());
            });
            if let Some(party_a) = party_a {
                w.explicit(0, |w| w.octet_string(party_a));
            }
            w.explicit(2, |w| w.octet_string(&bits.to_be_bytes()));
        });
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asn1::oid;

    /// RFC 2631 §2.1.6 and §2.1.7.
    #[test]
    fn the_examples_of_the_standard() {
        let secret: Vec<u8> = (0..20).collect();
        let triple_des = x942(&secret, oid::CMS_3DES_WRAP, None, 24).unwrap();
        assert_eq!(
            *triple_des,
            [
                0xa0, 0x96, 0x61, 0x39, 0x23, 0x76, 0xf7, 0x04, 0x4d, 0x90, 0x52, 0xa3, 0x97, 0x88,
                0x32, 0x46, 0xb6, 0x7f, 0x5f, 0x1e, 0xf6, 0x3e, 0xb5, 0xfb
            ]
        );
        let party_a: Vec<u8> = [
            0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54,
            0x32, 0x01,
        ]
        .repeat(4);
        let rc2 = x942(&secret, oid::CMS_RC2_WRAP, Some(&party_a), 16).unwrap();
        assert_eq!(
            *rc2,
            [
                0x48, 0x95, 0x0c, 0x46, 0xe0, 0x53, 0x00, 0x75, 0x40, 0x3c, 0xce, 0x72, 0x88, 0x96,
                0x04, 0xe0
            ]
        );
    }
}
