//! Plaintext between decryption and its release: no method looks into it, and giving it out consumes it.

use std::fmt;

use zeroize::Zeroizing;

use crate::facts::axis::Integrity;

/// The plaintext of one layer.
pub struct Staged {
    /// The layer's index in the facts.
    pub layer: u32,
    bytes: Zeroizing<Vec<u8>>,
    integrity: Integrity,
}

/// Which plaintext may be given out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release {
    /// All of it.
    Any,
    /// Only what is authenticated.
    RequireIntegrity,
}

/// Why plaintext was not given out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Nothing authenticates it.
    NoIntegrity,
}

impl Staged {
    /// Takes a plaintext whose tag or padding was checked.
    #[must_use]
    pub fn new(layer: u32, bytes: Zeroizing<Vec<u8>>, integrity: Integrity) -> Self {
        Self {
            layer,
            bytes,
            integrity,
        }
    }

    /// Gives the plaintext out.
    ///
    /// # Errors
    /// `NoIntegrity` where the policy asks for integrity and there is none.
    pub fn release(self, policy: Release) -> Result<Zeroizing<Vec<u8>>, Refused> {
        match (self.integrity, policy) {
            (Integrity::Aead | Integrity::InnerSignature, _) | (Integrity::None, Release::Any) => {
                Ok(self.bytes)
            }
            (Integrity::None, Release::RequireIntegrity) => Err(Refused::NoIntegrity),
        }
    }
}

impl fmt::Debug for Staged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Staged")
            .field("layer", &self.layer)
            .field("bytes", &self.bytes.len())
            .field("integrity", &self.integrity)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plaintext_leaves_by_release_only_and_never_by_debug() {
        let staged = |integrity| Staged::new(0, Zeroizing::new(b"secret".to_vec()), integrity);
        assert!(!format!("{:?}", staged(Integrity::None)).contains("secret"));
        assert_eq!(
            staged(Integrity::None)
                .release(Release::RequireIntegrity)
                .err(),
            Some(Refused::NoIntegrity)
        );
        let bytes = staged(Integrity::Aead)
            .release(Release::RequireIntegrity)
            .unwrap();
        assert_eq!(bytes.as_slice(), b"secret");
    }
}
