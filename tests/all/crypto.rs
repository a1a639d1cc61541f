//! The crypto stage.
