//! PKCS #12's own key derivation (RFC 7292 §B.2).

use zeroize::Zeroizing;

use crate::crypto::digest::DigestAlgorithm;
use crate::crypto::digest::Hasher;

/// What the derived octets are for, the ID octet of RFC 7292 §B.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Key,
    Iv,
    Mac,
}

impl Purpose {
    fn id(self) -> u8 {
        match self {
            Self::Key => 1,
            Self::Iv => 2,
            Self::Mac => 3,
        }
    }
}

/// Block size in bytes, v of RFC 7292 §B.2; None for digests that it is not defined for.
fn block_bytes(digest: DigestAlgorithm) -> Option<usize> {
    match digest {
        DigestAlgorithm::Md2
        | DigestAlgorithm::Md4
        | DigestAlgorithm::Md5
        | DigestAlgorithm::Ripemd160
        | DigestAlgorithm::Sha1
        | DigestAlgorithm::Sha224
        | DigestAlgorithm::Sha256 => Some(64),
        DigestAlgorithm::Sha384
        | DigestAlgorithm::Sha512
        | DigestAlgorithm::Sha512Over224
        | DigestAlgorithm::Sha512Over256 => Some(128),
        DigestAlgorithm::Sha3Of224 => Some(144),
        DigestAlgorithm::Sha3Of256 => Some(136),
        DigestAlgorithm::Sha3Of384 => Some(104),
        DigestAlgorithm::Sha3Of512 => Some(72),
        DigestAlgorithm::Shake128 | DigestAlgorithm::Shake256 => None,
    }
}

/// Derives `bytes` octets from a BMPString password. `rounds` has been checked against the limits. None where the digest is not
/// available.
pub(crate) fn derive(
    digest: DigestAlgorithm,
    purpose: Purpose,
    bmp_password: &[u8],
    salt: &[u8],
    rounds: u32,
    bytes: usize,
) -> Option<Zeroizing<Vec<u8>>> {
    let v = block_bytes(digest)?;
    let mut hasher = Hasher::new(digest).ok()?;
    let diversifier = vec![purpose.id(); v];
    // I = S || P, each repeated to a multiple of v; an empty one stays empty.
    let mut i = Zeroizing::new(repeated(salt, v));
    i.extend_from_slice(&Zeroizing::new(repeated(bmp_password, v)));
    let mut derived = Zeroizing::new(Vec::with_capacity(bytes + digest.bytes()));
    while derived.len() < bytes {
        hasher.update(&diversifier);
        hasher.update(&i);
        let mut a = hasher.finish();
        for _ in 1..rounds {
            hasher.update(a.as_bytes());
            a = hasher.finish();
        }
        if a.as_bytes().is_empty() {
            return None;
        }
        derived.extend_from_slice(a.as_bytes());
        let b = Zeroizing::new(repeated_to(a.as_bytes(), v));
        for block in i.chunks_mut(v) {
            add_with_one(block, &b);
        }
    }
    derived.truncate(bytes);
    Some(derived)
}

fn repeated(bytes: &[u8], v: usize) -> Vec<u8> {
    repeated_to(bytes, bytes.len().next_multiple_of(v))
}

fn repeated_to(bytes: &[u8], length: usize) -> Vec<u8> {
    bytes.iter().copied().cycle().take(length).collect()
}

/// block + b + 1, modulo its size.
fn add_with_one(block: &mut [u8], b: &[u8]) {
    let mut carry: u16 = 1;
    for (octet, other) in block.iter_mut().rev().zip(b.iter().rev()) {
        let [high, low] = (u16::from(*octet) + u16::from(*other) + carry).to_be_bytes();
        *octet = low;
        carry = u16::from(high);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answers() {
        // The vectors of OpenSSL's and Bouncy Castle's tests: password "smeg", later "queeg".
        let smeg = [0, 0x73, 0, 0x6d, 0, 0x65, 0, 0x67, 0, 0];
        let salt = [0x0a, 0x58, 0xcf, 0x64, 0x53, 0x0d, 0x82, 0x3f];
        let key = derive(DigestAlgorithm::Sha1, Purpose::Key, &smeg, &salt, 1, 24);
        assert_eq!(
            *key.unwrap(),
            [
                0x8a, 0xaa, 0xe6, 0x29, 0x7b, 0x6c, 0xb0, 0x46, 0x42, 0xab, 0x5b, 0x07, 0x78, 0x51,
                0x28, 0x4e, 0xb7, 0x12, 0x8f, 0x1a, 0x2a, 0x7f, 0xbc, 0xa3
            ]
        );
        let iv = derive(DigestAlgorithm::Sha1, Purpose::Iv, &smeg, &salt, 1, 8);
        assert_eq!(
            *iv.unwrap(),
            [0x79, 0x99, 0x3d, 0xfe, 0x04, 0x8d, 0x3b, 0x76]
        );
        let queeg = [0, 0x71, 0, 0x75, 0, 0x65, 0, 0x65, 0, 0x67, 0, 0];
        let salt = [0x26, 0x32, 0x16, 0xfc, 0xc2, 0xfa, 0xb3, 0x1c];
        let mac = derive(DigestAlgorithm::Sha1, Purpose::Mac, &queeg, &salt, 1000, 20);
        assert_eq!(mac.unwrap().len(), 20);
    }
}
