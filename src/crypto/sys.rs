//! The one place where OpenSSL is called directly: what the safe API has no function for.
#![allow(unsafe_code)]

use std::ffi::{c_int, c_void};
use std::ptr;
use std::sync::Once;

use openssl::error::ErrorStack;

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

/// Makes anyPolicy the initial policy set (RFC 5280 §6.1.1 (c)): OpenSSL takes no set at all for the empty one, by which every
/// path fails that demands an explicit policy.
pub(crate) fn accept_any_policy(
    parameters: &mut openssl::x509::verify::X509VerifyParamRef,
) -> bool {
    use foreign_types::ForeignTypeRef;
    start();
    // SAFETY: the text is a NUL-terminated object identifier; `parameters` is valid and exclusively borrowed. The object is
    // freed by `parameters` where they took it over, and here where they did not.
    unsafe {
        let policy = openssl_sys::OBJ_txt2obj(c"2.5.29.32.0".as_ptr(), 1);
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
