//! An encrypted archive to plaintext: what becomes of each message, and where it is written.
//!
//! [`message`] is the pure half: one stored message and what [`collect`] gave of it, to the bytes of the message to be written.
//! [`job`] is the rest: `work` is a worker's part of it; `writer` puts files together in `OUT.partial`, where `journal` says how far
//! it is, and `settle` says what is written for a file whose source was not left alone; `commit` syncs, reads back and names them; `bag` and `bag_info` make a BagIt bag (RFC 8493) of them; `source` watches what is read.
//!
//! [`collect`]: crate::facts::collect

pub mod message;

pub mod authorities;

mod peel;

mod partial;

mod header;

mod protected;

mod line_ends;

mod provenance;

mod read_back;

pub mod job;

mod work;

mod writer;

mod settle;

mod open;

mod commit;

pub mod journal;

pub mod folder;

pub(in crate::jobs) mod bag;

pub(in crate::jobs) mod bag_info;

mod skeleton;

mod source;
