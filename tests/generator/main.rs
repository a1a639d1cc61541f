//! Makes `sample-mail`: `cargo run --example make-samples -- sample-mail [NAME...]`, where a name is the beginning of those of the
//! samples to make anew (`verify/`, `decrypt/rsa`); without one all are. Expected records are blessed afterwards:
//! `MAILSEAL_BLESS=1 cargo test --test all samples`.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout
)]

use std::path::PathBuf;

mod toolkit;

mod samples;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let Some(folder) = arguments.next() else {
        println!("usage: make-samples FOLDER [NAME...]");
        return;
    };
    let names: Vec<String> = arguments.collect();
    let written = samples::write(&PathBuf::from(folder), &names);
    println!("{written} files written");
}
