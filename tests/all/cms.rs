//! The cms stage.
