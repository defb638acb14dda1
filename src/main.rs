//! The `meshctl` binary.

fn main() {}
