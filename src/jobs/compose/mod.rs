//! Mail to be sent: signed, encrypted, or both, a whole archive at a time.
//!
//! [`message`] is the pure half: one stored message to the messages that take its place, or to why there is none. `signers` chooses
//! the key for a From, `recipients` the certificates for To, Cc and Bcc; `signed` makes the signature, [`envelope`] encrypts, `header` makes
//! the header around it, and `read_back` reads it all again. [`job`] is the rest: `work` is a worker's part
//! of it; `writer` puts files together in the [`bag`](crate::jobs::bag).
//!
//! [`envelope`]: crate::jobs::envelope

pub mod refusal;

pub mod signers;

pub mod signed;

pub mod recipients;

mod header;

mod read_back;

pub mod message;

pub mod job;

mod work;

mod writer;
