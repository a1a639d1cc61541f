//! Key-encryption keys that sender and recipient share, from `--kek`.

use std::fmt;

use zeroize::Zeroizing;

use crate::pki::keyring::Keyring;

/// Symmetric keys by their identifiers (KEKIdentifier, RFC 5652 §6.2.3). Wiped when dropped; `Debug` shows how many there are.
#[derive(Clone, Default)]
pub struct Keks(Vec<Kek>);

#[derive(Clone)]
struct Kek {
    identifier: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
}

impl Keks {
    /// No key.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Adds one behind the others. Several may have one identifier: a KEKIdentifier may have a date beside it.
    pub fn push(&mut self, identifier: &[u8], key: Zeroizing<Vec<u8>>) {
        self.0.push(Kek {
            identifier: identifier.to_vec(),
            key,
        });
    }

    /// The keys with this identifier, in order.
    pub fn by_identifier(&self, identifier: &[u8]) -> impl Iterator<Item = &[u8]> {
        let found = self
            .0
            .iter()
            .filter(move |kek| kek.identifier == identifier);
        found.map(|kek| kek.key.as_slice())
    }

    /// All keys, in order.
    pub fn keys(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().map(|kek| kek.key.as_slice())
    }

    /// There is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Keyring {
    /// The same key ring with these key-encryption keys.
    #[must_use]
    pub fn with_keks(self, keks: Keks) -> Self {
        Self { keks, ..self }
    }

    /// The key-encryption keys (RFC 5652 §6.2.3).
    #[must_use]
    pub fn keks(&self) -> &Keks {
        &self.keks
    }
}

impl fmt::Debug for Keks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keks({})", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_by_identifier_and_never_printed() {
        let mut keks = Keks::none();
        assert!(keks.is_empty());
        for (identifier, key) in [(b"a", 1), (b"b", 2), (b"a", 3)] {
            keks.push(identifier, Zeroizing::new(vec![key; 16]));
        }
        let found: Vec<&[u8]> = keks.by_identifier(b"a").collect();
        assert_eq!(found, [&[1; 16], &[3; 16]]);
        assert_eq!(keks.by_identifier(b"c").count(), 0);
        assert_eq!(keks.keys().count(), 3);
        assert_eq!(format!("{keks:?}"), "Keks(3)");
    }
}
