//! The `mailseal` program: everything is in [`mailseal::cli`].

fn main() {}
