//! The rules for certificates, and `mailseal lint`.

mod cases;
mod sample;
mod table;
