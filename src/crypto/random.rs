//! Random octets, from OpenSSL's generator, which the system seeds.

use zeroize::Zeroizing;

use crate::crypto::sys;

/// The system gave no randomness.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoRandomness;

/// Fills `octets` with what may be secret or public.
///
/// # Errors
/// Where the system gives no randomness.
pub fn fill(octets: &mut [u8]) -> Result<(), NoRandomness> {
    sys::start();
    openssl::rand::rand_bytes(octets).map_err(|_| NoRandomness)
}

/// A secret of this many bytes.
///
/// # Errors
/// Where the system gives no randomness.
pub fn secret(bytes: usize) -> Result<Zeroizing<Vec<u8>>, NoRandomness> {
    sys::start();
    let mut secret = Zeroizing::new(vec![0; bytes]);
    openssl::rand::rand_priv_bytes(&mut secret).map_err(|_| NoRandomness)?;
    Ok(secret)
}
