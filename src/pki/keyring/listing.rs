//! What is in a ring, for those who list it.

use std::path::Path;

use crate::crypto::digest;
use crate::pki::keyring::KeyId;
use crate::pki::keyring::Keyring;
use crate::pki::keyring::unlock::Place;
use crate::pki::keyring::unlock::UnlockError;

impl Keyring {
    /// A key file that no password opened seems to hold the key whose certificate has this issuer and serial number: the certificate
    /// stands in that file, or in one beside it that is called the same but for the ending.
    #[must_use]
    pub fn is_locked_by_issuer_serial(&self, issuer: &[u8], serial: &[u8]) -> bool {
        self.locked.by_issuer_serial(issuer, serial).is_some()
    }

    /// The same by subject key identifier.
    #[must_use]
    pub fn is_locked_by_ski(&self, identifier: &[u8]) -> bool {
        self.locked.by_ski(identifier).is_some()
    }

    /// What the key was called in its PKCS #12 file.
    #[must_use]
    pub fn friendly_name(&self, key: KeyId) -> Option<&str> {
        self.keys.get(key.0)?.friendly_name.as_deref()
    }

    /// The certificate in this place of [`Keyring::certificates`].
    #[must_use]
    pub fn certificate_at(&self, place: usize) -> Option<&[u8]> {
        self.certificates.get(place).map(Vec::as_slice)
    }

    /// The names of a key: SHA-256 of its `SubjectPublicKeyInfo`, and SHA-1 of its bits (RFC 5280 §4.2.1.2, method 1).
    #[must_use]
    pub fn names_of(&self, key: KeyId) -> Option<(&[u8; 32], &[u8; 20])> {
        let names = &self.keys.get(key.0)?.names;
        Some((&names.spki_sha256, &names.key_identifier))
    }

    /// Keys that were needed and could not be unlocked, and why.
    pub fn refused(&self) -> impl Iterator<Item = (KeyId, &UnlockError)> {
        self.keys().filter_map(|key| {
            let unlocked = self.keys.get(key.0)?.unlocked.get()?;
            Some((key, unlocked.as_ref().err()?))
        })
    }

    /// The files that a key may be read from when it is needed.
    pub fn files_of(&self, key: KeyId) -> impl Iterator<Item = &Path> {
        let places = self.keys.get(key.0).map(|record| record.places.as_slice());
        places.unwrap_or_default().iter().filter_map(Place::file)
    }

    /// SHA-256 over the set of public keys, and the names that were given to some: the same whatever files they were in and in which
    /// order.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let mut identities: Vec<_> = self.keys.iter().map(|key| key.names.identity).collect();
        identities.sort();
        let mut octets: Vec<u8> = identities
            .iter()
            .flat_map(|identity| *identity.octets())
            .collect();
        for (name, key) in self.aliases.iter() {
            octets.extend_from_slice(&name.len().to_be_bytes());
            octets.extend_from_slice(name);
            if let Some(key) = self.keys.get(key.0) {
                octets.extend_from_slice(key.names.identity.octets());
            }
        }
        digest::sha256(&octets)
    }
}
