//! An encrypted archive to plaintext: what becomes of each message, and where it is written.
//!
//! [`message`] is the pure half: one stored message and what [`collect`] gave of it, to the bytes of the message to be written.
//! [`job`] is the rest: `work` is a worker's part of it; `writer` puts files together in the [`bag`], and `settle` says what is written for
//! a file whose source was not left alone.
//!
//! [`bag`]: crate::jobs::bag
//! [`collect`]: crate::facts::collect

pub mod message;

pub mod authorities;

mod peel;

mod partial;

mod header;

mod protected;

pub(in crate::jobs) mod line_ends;

mod provenance;

mod read_back;

mod removed;

pub mod job;

pub(in crate::jobs) mod work;

mod writer;

mod settle;

pub mod counts;
