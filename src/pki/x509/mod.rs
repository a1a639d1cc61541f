//! Certificates and CRLs as they are written (RFC 5280). Reads everything, judges nothing.

pub mod certificate;

pub mod name;

pub mod general_name;

pub mod encryption;

pub mod extensions;

pub mod address;

pub mod algorithms;

pub mod summary;

pub mod usable;

pub mod crl;

pub mod ocsp;

mod reason;

pub use certificate::Certificate;
pub use crl::Crl;
pub use name::Name;
pub use ocsp::Ocsp;
