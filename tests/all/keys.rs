//! What a user does with many keys: the index of key files, the listing, and the table of keys that are missing.

mod files;

mod index;

mod listing;
mod missing;

mod scale;
