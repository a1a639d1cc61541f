//! Makes `sample-mail` and the fixtures of the tests.

fn main() {}
