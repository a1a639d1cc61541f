//! Tests of the library and of the built program; a module per stage and job.

mod archive;
mod bad_input;
mod cli;
mod cms;
mod crypto;
mod determinism;
mod keyring;
mod kill;
mod layers;
mod mime;
mod pki;
mod program;
mod report;
mod secrets;
