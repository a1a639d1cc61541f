//! Algorithms that nobody should use any more, in an OpenSSL library context of their own.
//!
//! Old mail and old key files need RC2, RC4, DES, CAST5, IDEA, SEED, MD4 and MD2. The legacy provider that has them is loaded into a separate
//! context, so that nothing outside this file can pick one by name: what mailseal sends never sees them.

use std::sync::OnceLock;

use openssl::cipher::Cipher;
use openssl::lib_ctx::LibCtx;
use openssl::md::Md;
use openssl::provider::Provider;

use crate::crypto::sys;

/// Which library context has an algorithm.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Library {
    /// OpenSSL's own, which everything uses.
    Default,
    /// The one in this file.
    Legacy,
}

/// It is the one in this file.
pub(crate) fn is_legacy(library: Library) -> bool {
    library == Library::Legacy
}

/// The context and its providers, which live as long as the program.
struct Legacy {
    context: LibCtx,
    _legacy: Provider,
    _default: Provider,
}

/// The context; None where the linked OpenSSL was built without the legacy provider or can't find it.
fn legacy() -> Option<&'static Legacy> {
    static LEGACY: OnceLock<Option<Legacy>> = OnceLock::new();
    LEGACY
        .get_or_init(|| {
            sys::start();
            let context = LibCtx::new().ok()?;
            let legacy = Provider::load(Some(&context), "legacy").ok()?;
            let default = Provider::load(Some(&context), "default").ok()?;
            Some(Legacy {
                context,
                _legacy: legacy,
                _default: default,
            })
        })
        .as_ref()
}

/// A digest of the legacy provider; None where the linked OpenSSL lacks it.
pub(crate) fn digest(name: &str) -> Option<Md> {
    Md::fetch(Some(&legacy()?.context), name, None).ok()
}

/// A cipher of the legacy provider; None where the linked OpenSSL lacks it.
pub(crate) fn cipher(name: &str) -> Option<Cipher> {
    Cipher::fetch(Some(&legacy()?.context), name, None).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_algorithms_are_here_and_nowhere_else() {
        for name in [
            "RC2-40-CBC",
            "RC2-CBC",
            "RC4",
            "RC4-40",
            "DES-CBC",
            "SEED-ECB",
        ] {
            assert!(cipher(name).is_some(), "{name}");
            assert!(Cipher::fetch(None, name, None).is_err(), "{name}");
        }
        for name in ["MD4", "MD2"] {
            assert!(digest(name).is_some(), "{name}");
            assert!(Md::fetch(None, name, None).is_err(), "{name}");
        }
    }
}
