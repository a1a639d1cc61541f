//! Names that the operator gives a key: a certificate that was lost named it so, or one of an authority under another name.

use std::collections::BTreeMap;

use crate::pki::keyring::{KeyId, Keyring};

/// Serial numbers and key identifiers of recipients, without leading zeros, and the key that each of them means.
#[derive(Default)]
pub(super) struct Aliases(BTreeMap<Vec<u8>, KeyId>);

impl Aliases {
    /// In the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], KeyId)> {
        self.0.iter().map(|(name, key)| (name.as_slice(), *key))
    }
}

impl Keyring {
    /// The same key ring, in which recipients with this serial number, whatever their issuer, or this key identifier are for `key`.
    #[must_use]
    pub fn with_alias(mut self, name: &[u8], key: KeyId) -> Self {
        self.aliases.0.insert(significant(name).to_vec(), key);
        self
    }

    /// The key that was given this name, a serial number or a key identifier.
    #[must_use]
    pub fn by_alias(&self, name: &[u8]) -> Option<KeyId> {
        self.aliases.0.get(significant(name)).copied()
    }
}

/// A serial number may be written with a zero in front, for its sign.
fn significant(name: &[u8]) -> &[u8] {
    let zeros = name.iter().take_while(|octet| **octet == 0).count();
    name.get(zeros..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_numbers() {
        let keys = Keyring::empty().with_alias(&[0, 0x8a, 1], KeyId(3));
        for name in [&[0x8a, 1][..], &[0, 0x8a, 1]] {
            assert_eq!(keys.by_alias(name), Some(KeyId(3)));
        }
        assert_eq!(keys.by_alias(&[0x8a]), None);
    }
}
