//! The archive stage.
