//! Any symbols under any parameters come back, whatever the calls, the lanes and the paths.
#![no_main]

#[path = "../harness.rs"]
mod harness;

libfuzzer_sys::fuzz_target!(|data: &[u8]| harness::round_trip(data));
