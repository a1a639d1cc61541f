//! The mime stage.
