//! Finding a private key by what a recipient is named with.

use std::collections::HashMap;

use crate::asn1::Integer;
use crate::pki::keyring::KeyId;
use crate::pki::keyring::identity::PublicKeyNames;
use crate::pki::x509::certificate::Certificate;
use crate::pki::x509::name::Name;

/// What names a key. Every look-up is one or two hashes, whatever the number of keys.
/// Where two keys have the same name, the one that was read first keeps it.
#[derive(Default)]
pub(super) struct Index {
    /// Issuer as encoded, then the serial number.
    exact: HashMap<Vec<u8>, KeyId>,
    /// Issuer normalised, then the serial number.
    normalised: HashMap<Vec<u8>, KeyId>,
    extension: HashMap<Vec<u8>, KeyId>,
    computed: HashMap<[u8; 20], KeyId>,
    public_key: HashMap<[u8; 32], KeyId>,
}

impl Index {
    /// The key goes by its public key.
    pub fn add_key(&mut self, key: KeyId, names: &PublicKeyNames) {
        self.computed.entry(names.key_identifier).or_insert(key);
        self.public_key.entry(names.spki_sha256).or_insert(key);
    }

    /// The key goes by this certificate.
    pub fn add_certificate(
        &mut self,
        key: KeyId,
        certificate: &Certificate<'_>,
        names: &PublicKeyNames,
    ) {
        let serial = certificate.serial;
        let issuer = certificate.issuer;
        self.exact
            .entry(joined(issuer.raw(), serial))
            .or_insert(key);
        self.normalised
            .entry(joined(&issuer.normalised(), serial))
            .or_insert(key);
        if let Ok(Some(identifier)) = certificate.extensions.subject_key_identifier() {
            self.extension.entry(identifier.to_vec()).or_insert(key);
        }
        self.add_key(key, names);
    }

    pub fn by_issuer_serial(&self, issuer: &[u8], serial: &[u8]) -> Option<KeyId> {
        let serial = Integer(serial);
        let exact = self.exact.get(&joined(issuer, serial));
        exact
            .or_else(|| {
                let issuer = Name::new(issuer).normalised();
                self.normalised.get(&joined(&issuer, serial))
            })
            .copied()
    }

    pub fn by_ski(&self, identifier: &[u8]) -> Option<KeyId> {
        let computed = || {
            let identifier: &[u8; 20] = identifier.try_into().ok()?;
            self.computed.get(identifier)
        };
        self.extension.get(identifier).or_else(computed).copied()
    }

    pub fn by_public_key(&self, spki_sha256: &[u8; 32]) -> Option<KeyId> {
        self.public_key.get(spki_sha256).copied()
    }
}

/// The length keeps two pairs apart whose octets join to the same.
fn joined(issuer: &[u8], serial: Integer<'_>) -> Vec<u8> {
    let mut joined = issuer.len().to_be_bytes().to_vec();
    joined.extend_from_slice(issuer);
    joined.extend_from_slice(serial.minimal());
    joined
}
