//! Certificates, keys and trust. Knows no mail; time is an argument.

mod words;

pub mod x509;

pub mod pool;

pub mod trust;

pub mod keyring;

pub mod lint;
