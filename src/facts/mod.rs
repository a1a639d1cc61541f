//! Layers and keyring to facts.
