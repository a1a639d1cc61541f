//! Makes `sample-mail` and the fixtures of the tests.

mod toolkit;

fn main() {}
