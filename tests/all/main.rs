//! Tests of the library and of the built program; a module per stage and job.

mod archive;
mod cms;
mod crypto;
mod keyring;
mod mime;
mod pki;
mod report;
