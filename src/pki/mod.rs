//! Certificates, keys and trust.
