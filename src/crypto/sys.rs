//! The one place where OpenSSL is called directly: what the safe API has no function for.
#![allow(unsafe_code)]

use std::ffi::{c_int, c_void};
use std::ptr;
use std::sync::Once;

use foreign_types::{ForeignType, ForeignTypeRef};
use openssl::cipher_ctx::CipherCtxRef;
use openssl::error::ErrorStack;
use openssl::pkey::{PKeyRef, Private, Public};
use openssl::pkey_ctx::PkeyCtx;
use zeroize::Zeroizing;

unsafe extern "C" {
    /// openssl/crypto.h; `openssl-sys` does not declare it.
    fn OPENSSL_init_crypto(options: u64, settings: *const c_void) -> c_int;
    /// openssl/x509_vfy.h; takes the object over where it succeeds.
    fn X509_VERIFY_PARAM_add0_policy(
        param: *mut openssl_sys::X509_VERIFY_PARAM,
        policy: *mut openssl_sys::ASN1_OBJECT,
    ) -> c_int;
}

/// `OPENSSL_INIT_NO_LOAD_CONFIG` of openssl/crypto.h.
const NO_LOAD_CONFIG: u64 = 0x80;

/// Starts OpenSSL without any configuration file: neither `openssl.cnf` nor the environment may change a verdict. And without its tidying up
/// when the program ends: a worker that ends at that moment would use what the main thread has just freed.
///
/// Cheap after the first call. Everything in `crypto` that touches OpenSSL first calls it.
pub(crate) fn start() {
    static START: Once = Once::new();
    START.call_once(|| {
        // SAFETY: the function takes a bit set and a pointer that may be null, and may be called at any time from
        // any thread. Its only failure is lack of memory, after which every later call fails by itself.
        unsafe {
            OPENSSL_init_crypto(
                NO_LOAD_CONFIG | openssl_sys::OPENSSL_INIT_NO_ATEXIT,
                ptr::null(),
            );
        }
        openssl_sys::init();
    });
}

/// Empties this thread's error queue, so that what an earlier call left there is not taken for the next one's.
pub(crate) fn clear_errors() {
    drop(ErrorStack::get());
}

/// `EVP_CTRL_SET_RC2_KEY_BITS` of openssl/evp.h.
const SET_RC2_KEY_BITS: c_int = 3;

/// Sets RC2's effective key bits, which may differ from the key's length; the cipher is set, the key not yet.
pub(crate) fn set_rc2_bits(context: &mut CipherCtxRef, bits: u16) -> bool {
    // SAFETY: `context` is valid and exclusively borrowed; this control takes a number and no pointer, and fails for other ciphers.
    unsafe {
        let context = context.as_ptr();
        openssl_sys::EVP_CIPHER_CTX_ctrl(context, SET_RC2_KEY_BITS, bits.into(), ptr::null_mut())
            > 0
    }
}

/// The shared secret of a key encapsulation (RFC 9629); None where the key encapsulates nothing or the ciphertext has not its length.
pub(crate) fn decapsulate(key: &PKeyRef<Private>, ciphertext: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let context = PkeyCtx::new(key).ok()?;
    let mut length = 0;
    // SAFETY: the context is valid and used by nobody else; ciphertext and its length belong together. Without room for the secret
    // the function gives its length, and the second call gets that much room.
    unsafe {
        let context = context.as_ptr();
        let (wrapped, bytes) = (ciphertext.as_ptr(), ciphertext.len());
        if openssl_sys::EVP_PKEY_decapsulate_init(context, ptr::null()) != 1
            || openssl_sys::EVP_PKEY_decapsulate(
                context,
                ptr::null_mut(),
                &mut length,
                wrapped,
                bytes,
            ) != 1
        {
            return None;
        }
        let mut secret = Zeroizing::new(vec![0; length]);
        let room = secret.as_mut_ptr();
        if openssl_sys::EVP_PKEY_decapsulate(context, room, &mut length, wrapped, bytes) != 1 {
            return None;
        }
        secret.truncate(length);
        Some(secret)
    }
}

/// A fresh shared secret and its encapsulation: ciphertext, secret.
pub(crate) fn encapsulate(key: &PKeyRef<Public>) -> Option<(Vec<u8>, Zeroizing<Vec<u8>>)> {
    let context = PkeyCtx::new(key).ok()?;
    let (mut wrapped_bytes, mut secret_bytes) = (0, 0);
    // SAFETY: as in `decapsulate`: the first call gives both lengths, the second gets that much room.
    unsafe {
        let context = context.as_ptr();
        let null = ptr::null_mut();
        if openssl_sys::EVP_PKEY_encapsulate_init(context, ptr::null()) != 1
            || openssl_sys::EVP_PKEY_encapsulate(
                context,
                null,
                &mut wrapped_bytes,
                null,
                &mut secret_bytes,
            ) != 1
        {
            return None;
        }
        let mut wrapped = vec![0; wrapped_bytes];
        let mut secret = Zeroizing::new(vec![0; secret_bytes]);
        let (to, room) = (wrapped.as_mut_ptr(), secret.as_mut_ptr());
        if openssl_sys::EVP_PKEY_encapsulate(
            context,
            to,
            &mut wrapped_bytes,
            room,
            &mut secret_bytes,
        ) != 1
        {
            return None;
        }
        wrapped.truncate(wrapped_bytes);
        secret.truncate(secret_bytes);
        Some((wrapped, secret))
    }
}

/// Adds an object identifier, in numbers and dots, to the initial policy set (RFC 5280 §6.1.1 (c)). For an empty set OpenSSL takes no
/// set at all, by which every path fails that demands an explicit policy. False where it is no identifier.
pub(crate) fn accept_policy(
    parameters: &mut openssl::x509::verify::X509VerifyParamRef,
    policy: &std::ffi::CStr,
) -> bool {
    start();
    // SAFETY: the text is a NUL-terminated object identifier; `parameters` is valid and exclusively borrowed. The object is
    // freed by `parameters` where they took it over, and here where they did not.
    unsafe {
        let policy = openssl_sys::OBJ_txt2obj(policy.as_ptr(), 1);
        if policy.is_null() {
            return false;
        }
        let added = X509_VERIFY_PARAM_add0_policy(parameters.as_ptr(), policy) == 1;
        if !added {
            openssl_sys::ASN1_OBJECT_free(policy);
        }
        added
    }
}
