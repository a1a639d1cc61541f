//! The rules for certificates, and `mailseal lint`.

mod cases;
mod program;
mod sample;
mod table;
