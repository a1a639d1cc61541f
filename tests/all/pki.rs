//! The pki stage.
