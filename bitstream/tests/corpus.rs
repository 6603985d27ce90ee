//! Replays the fuzzer's corpus, and mutations of it that need no fuzzer.

#[path = "../fuzz/harness.rs"]
mod harness;
mod support;

use std::{fs, path::PathBuf};

use proptest::{collection::vec, prelude::*, sample::Index};
use support::{chunk, file, files};

#[test]
fn corpus_holds() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/container");
    let paths: Vec<_> =
        fs::read_dir(folder).expect("corpus").map(|entry| entry.expect("entry").path()).collect();
    assert!(paths.len() >= 10, "the corpus is incomplete: {} files", paths.len());
    for path in paths {
        println!("{}", path.display());
        harness::container(&fs::read(path).expect("corpus file"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_bytes(bytes in vec(any::<u8>(), 0..200)) {
        harness::container(&bytes);
    }

    #[test]
    fn mutated_files(which in 0..files().len(), edits in vec((any::<Index>(), any::<u8>(), 0u8..4), 1..6)) {
        let mut bytes = files()[which].1.clone();
        for (place, value, kind) in edits {
            let place = place.index(bytes.len().max(1)).min(bytes.len());
            match kind {
                0 if place < bytes.len() => bytes[place] = value,
                1 if place < bytes.len() => bytes[place] ^= 1 << (value % 8),
                2 => bytes.insert(place, value),
                _ => bytes.truncate(place),
            }
        }
        harness::container(&bytes);
    }

    #[test]
    fn well_framed_nonsense(chunks in vec((0usize..12, vec(any::<u8>(), 0..40)), 0..6), header in vec(any::<u8>(), 0..24)) {
        let codes = [
            b"IMGH", b"AUDH", b"TABL", b"ALPH", b"DATA", b"SEGM", b"SEGT", b"COPY", b"riff", b"fill", b"LAYR", b"note",
        ];
        let first = chunk(codes[header.len() % 2], &[&[1][..], &header].concat());
        let rest = chunks.iter().map(|(code, payload)| chunk(codes[*code], payload));
        harness::container(&file(&std::iter::once(first).chain(rest).collect::<Vec<_>>()));
    }
}
