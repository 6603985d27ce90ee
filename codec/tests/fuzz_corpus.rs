//! Replays the corpora of the fuzz targets, and mutations of them that need no fuzzer.

#[path = "../fuzz/harness.rs"]
mod harness;
#[path = "support/mutate.rs"]
#[allow(dead_code, reason = "the harness repairs checksums itself")]
mod mutate;

use mutate::{Dice, mutated};
use std::fs;
use std::path::Path;

fn replay(target: &str, run: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut files: Vec<_> =
        fs::read_dir(folder).expect("corpus").map(|entry| entry.expect("entry").path()).collect();
    files.sort();
    let files: Vec<Vec<u8>> = files.iter().map(|path| fs::read(path).expect("corpus file")).collect();
    assert!(files.len() >= 3, "the corpus of {target} is incomplete");
    files.iter().for_each(|bytes| run(bytes));
    let more = std::env::var("WAVERN_MUTATIONS").ok().and_then(|text| text.parse().ok()).unwrap_or(200);
    let mut dice = Dice(3);
    for copy in 0..more {
        let other = &files[dice.below(files.len())];
        run(&mutated(&files[copy % files.len()], other, &mut dice));
    }
}

#[test]
fn decode() {
    replay("decode", harness::decode);
}

#[test]
fn prior() {
    replay("prior", harness::prior);
}

#[test]
fn encode_decode() {
    replay("encode_decode", harness::encode_decode);
}
