//! Messages back to the bytes of a file: the way of storing of an mbox, a Maildir's names, compression. Writes no files itself.

pub mod maildir;

pub mod mbox;

pub mod stored;
