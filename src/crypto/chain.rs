//! Certificate paths: OpenSSL confirms one that was found elsewhere (RFC 5280 §6.1, without dates, revocation and purpose).

use std::ffi::{CString, c_int};

use openssl::stack::Stack;
use openssl::x509::X509;
use openssl::x509::X509StoreContext;
use openssl::x509::store::X509StoreBuilder;
use openssl::x509::verify::X509VerifyFlags;
use openssl::x509::verify::X509VerifyParam;

use crate::crypto::sys;

/// What OpenSSL says of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChainAnswer {
    /// Every certificate is signed by the next, up to the anchor, and no extension forbids the path.
    Confirmed,
    /// It is not confirmed.
    Refused {
        /// Why.
        reason: ChainReason,
        /// The certificate that OpenSSL names, counted from the leaf, which is 0.
        depth: usize,
    },
}

/// Why a path is not confirmed. Dates, revocation and purpose are not OpenSSL's business here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChainReason {
    /// A certificate of the path can't be parsed.
    Unreadable,
    /// A signature does not verify, or its key can't be read.
    BadCertificateSignature,
    /// Issuer and subject, or the key identifiers, of two neighbours do not fit: this is no path for OpenSSL.
    NotLinked,
    /// An issuer is no CA, or may not sign certificates.
    BadCa,
    /// A path length constraint is exceeded.
    PathLength,
    /// A name constraint is violated, or can't be checked.
    NameConstraint,
    /// The certificate policies forbid it.
    Policy,
    /// A critical extension that is not known, or an extension that can't be read.
    Extension,
    /// Something else: OpenSSL's code (openssl/x509_vfy.h).
    Other(i32),
}

/// What a path must show of certificate policies (RFC 5280 §6.1.1). By default nothing: every policy is accepted, and none is needed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyInputs {
    /// (c) user-initial-policy-set, as numbers with dots, and with one at least (f) initial-explicit-policy: the path must be valid for
    /// one of these. Empty: anyPolicy.
    pub required: Vec<String>,
    /// (e) initial-policy-mapping-inhibit: no authority may say that two policies are the same.
    pub inhibit_mapping: bool,
    /// (g) initial-any-policy-inhibit: anyPolicy stands for no other.
    pub inhibit_any: bool,
}

/// Confirms exactly one path. `leaf` is the certificate in question; `intermediates` follow it in order, each signing the one
/// before; `anchor` is trusted, whether a root or not. All are DER.
///
/// OpenSSL is handed only these: it does not search, and it does not backtrack. Weak digests pass, as judging them is policy.
/// Never fails: an internal fault of OpenSSL is `Other`.
#[must_use]
pub fn confirm(
    leaf: &[u8],
    intermediates: &[&[u8]],
    anchor: &[u8],
    policies: &PolicyInputs,
) -> ChainAnswer {
    sys::start();
    sys::clear_errors();
    let answer = try_confirm(leaf, intermediates, anchor, policies);
    sys::clear_errors();
    match answer {
        Ok(answer) => answer,
        Err(depth) => ChainAnswer::Refused {
            reason: ChainReason::Unreadable,
            depth,
        },
    }
}

/// An error is the depth of a certificate that can't be parsed, or 0 for lack of memory.
fn try_confirm(
    leaf: &[u8],
    intermediates: &[&[u8]],
    anchor: &[u8],
    policies: &PolicyInputs,
) -> Result<ChainAnswer, usize> {
    let leaf = X509::from_der(leaf).map_err(|_| 0_usize)?;
    let mut untrusted = Stack::new().map_err(|_| 0_usize)?;
    for (at, der) in intermediates.iter().enumerate() {
        let certificate = X509::from_der(der).map_err(|_| at + 1)?;
        untrusted.push(certificate).map_err(|_| 0_usize)?;
    }
    let anchor_depth = intermediates.len() + 1;
    let anchor = X509::from_der(anchor).map_err(|_| anchor_depth)?;
    let mut store = X509StoreBuilder::new().map_err(|_| 0_usize)?;
    store.add_cert(anchor).map_err(|_| anchor_depth)?;
    let mut parameters = X509VerifyParam::new().map_err(|_| 0_usize)?;
    let mut flags = X509VerifyFlags::PARTIAL_CHAIN
        | X509VerifyFlags::NO_CHECK_TIME
        | X509VerifyFlags::POLICY_CHECK;
    flags.set(
        X509VerifyFlags::EXPLICIT_POLICY,
        !policies.required.is_empty(),
    );
    flags.set(X509VerifyFlags::INHIBIT_MAP, policies.inhibit_mapping);
    flags.set(X509VerifyFlags::INHIBIT_ANY, policies.inhibit_any);
    parameters.set_flags(flags).map_err(|_| 0_usize)?;
    parameters.set_auth_level(0);
    let any = [ANY_POLICY.to_owned()];
    let accepted = match policies.required.as_slice() {
        [] => any.as_slice(),
        required => required,
    };
    for policy in accepted {
        let policy = CString::new(policy.as_str()).map_err(|_| 0_usize)?;
        if !sys::accept_policy(&mut parameters, &policy) {
            return Err(0);
        }
    }
    store.set_param(&parameters).map_err(|_| 0_usize)?;
    let store = store.build();
    let mut context = X509StoreContext::new().map_err(|_| 0_usize)?;
    let answer = context.init(&store, &leaf, &untrusted, |context| {
        let verified = context.verify_cert()?;
        let code = context.error().as_raw();
        let depth = usize::try_from(context.error_depth()).unwrap_or(0);
        let length = context.chain().map_or(0, |chain| chain.len());
        Ok((verified, code, depth, length))
    });
    let Ok((verified, code, depth, length)) = answer else {
        return Err(0);
    };
    // A leaf that is the anchor itself makes a path of one; a shorter path than was given is another path than was asked for.
    let whole = length == anchor_depth + 1 || (intermediates.is_empty() && length == 1);
    Ok(match (verified, whole) {
        (true, true) => ChainAnswer::Confirmed,
        (true, false) => ChainAnswer::Refused {
            reason: ChainReason::NotLinked,
            depth: length,
        },
        (false, _) => ChainAnswer::Refused {
            reason: reason(code),
            depth,
        },
    })
}

/// RFC 5280 §4.2.1.4.
const ANY_POLICY: &str = "2.5.29.32.0";

/// OpenSSL's error codes by what they mean here (openssl/x509_vfy.h).
fn reason(code: c_int) -> ChainReason {
    match code {
        openssl_sys::X509_V_ERR_UNABLE_TO_DECRYPT_CERT_SIGNATURE
        | openssl_sys::X509_V_ERR_UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY
        | openssl_sys::X509_V_ERR_CERT_SIGNATURE_FAILURE
        | UNSUPPORTED_SIGNATURE_ALGORITHM
        | SIGNATURE_ALGORITHM_MISMATCH
        | SIGNATURE_ALGORITHM_INCONSISTENCY => ChainReason::BadCertificateSignature,
        openssl_sys::X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT
        | openssl_sys::X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT
        | openssl_sys::X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN
        | openssl_sys::X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY
        | openssl_sys::X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE
        | openssl_sys::X509_V_ERR_SUBJECT_ISSUER_MISMATCH
        | openssl_sys::X509_V_ERR_AKID_SKID_MISMATCH
        | openssl_sys::X509_V_ERR_AKID_ISSUER_SERIAL_MISMATCH => ChainReason::NotLinked,
        openssl_sys::X509_V_ERR_KEYUSAGE_NO_CERTSIGN | openssl_sys::X509_V_ERR_INVALID_CA => {
            ChainReason::BadCa
        }
        openssl_sys::X509_V_ERR_CERT_CHAIN_TOO_LONG
        | openssl_sys::X509_V_ERR_PATH_LENGTH_EXCEEDED => ChainReason::PathLength,
        openssl_sys::X509_V_ERR_PERMITTED_VIOLATION
        | openssl_sys::X509_V_ERR_EXCLUDED_VIOLATION
        | openssl_sys::X509_V_ERR_SUBTREE_MINMAX
        | openssl_sys::X509_V_ERR_UNSUPPORTED_CONSTRAINT_TYPE
        | openssl_sys::X509_V_ERR_UNSUPPORTED_CONSTRAINT_SYNTAX
        | openssl_sys::X509_V_ERR_UNSUPPORTED_NAME_SYNTAX => ChainReason::NameConstraint,
        openssl_sys::X509_V_ERR_INVALID_POLICY_EXTENSION
        | openssl_sys::X509_V_ERR_NO_EXPLICIT_POLICY => ChainReason::Policy,
        openssl_sys::X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION
        | openssl_sys::X509_V_ERR_INVALID_EXTENSION
        | openssl_sys::X509_V_ERR_UNSUPPORTED_EXTENSION_FEATURE => ChainReason::Extension,
        other => ChainReason::Other(other),
    }
}

/// Newer codes of openssl/x509_vfy.h, which `openssl-sys` does not declare.
const UNSUPPORTED_SIGNATURE_ALGORITHM: c_int = 76;
const SIGNATURE_ALGORITHM_MISMATCH: c_int = 77;
const SIGNATURE_ALGORITHM_INCONSISTENCY: c_int = 78;
