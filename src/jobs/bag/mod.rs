//! A run that reads archives and writes others: where its output lies, how it gets there, and how another run goes on with it.
//!
//! `open` puts a file together in `OUT.partial`, where `journal` says how far the run is; `commit` syncs files, reads them back and names
//! them; `tags` and `info` make a BagIt bag (RFC 8493) of them in `folder`; `source` watches what is read, `skeleton` makes its folders anew.

pub(super) mod commit;

pub mod folder;

pub(super) mod info;

pub(super) mod journal;

pub(super) mod open;

pub(super) mod skeleton;

pub(super) mod source;

pub(super) mod tags;
