//! Replays the stored fuzzing corpus: inputs that reached new code, and whatever once failed.

#[path = "../fuzz/harness.rs"]
mod harness;

use std::fs;
use std::path::Path;

fn replay(target: &str, run: fn(&[u8])) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut count = 0;
    for entry in fs::read_dir(directory).expect("the corpus is part of the repository") {
        run(&fs::read(entry.expect("a directory entry").path()).expect("a readable file"));
        count += 1;
    }
    assert!(count > 0, "the corpus of {target} is empty");
}

#[test]
fn decode_corpus_gives_symbols_or_errors() {
    replay("decode", harness::decode);
}

#[test]
fn round_trip_corpus_comes_back() {
    replay("round_trip", harness::round_trip);
}
