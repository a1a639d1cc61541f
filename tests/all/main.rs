//! Tests of the library and of the built program; a module per stage and job.

mod archive;
mod catalogue;
mod cms;
mod crypto;
mod keyring;
mod layers;
mod mime;
mod pki;
mod report;

#[path = "../generator/toolkit/mod.rs"]
mod toolkit;
