//! Any bytes as metadata, through every format that holds them, see `harness.rs`.
#![no_main]

#[path = "../harness.rs"]
mod harness;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| harness::metadata(bytes));
