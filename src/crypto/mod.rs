//! The only user of OpenSSL.
