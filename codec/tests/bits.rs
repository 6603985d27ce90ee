//! Every flipped bit and every cut of the small golden files, and many worse mutations of larger ones, are noticed.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

#[path = "support/mutate.rs"]
mod mutate;
#[path = "../../bitstream/fuzz/repair.rs"]
mod repair;

use mutate::{Dice, mutated};
use repair::repaired;
use std::fs;
use std::path::Path;
use wavern::{Decoder, Error, Latents, Signal};

fn golden() -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/golden");
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<(String, Vec<u8>)> = paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "wvn"))
        .map(|path| (path.display().to_string(), fs::read(&path).unwrap()))
        .collect();
    files.sort();
    files
}

/// How many mutations; the environment can ask for more.
fn count(default: usize) -> usize {
    std::env::var("WAVERN_MUTATIONS").ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
fn every_flipped_bit_and_every_cut_is_an_error() {
    let decoder = Decoder::new(Default::default()).unwrap();
    let (mut files, mut flips, mut cuts) = (0, 0, 0);
    for (name, bytes) in golden().into_iter().filter(|(_, bytes)| bytes.len() <= 2_000) {
        decoder.decode(&bytes).unwrap();
        files += 1;
        let mut changed = bytes.clone();
        for at in 0..bytes.len() {
            for bit in 0..8 {
                changed[at] ^= 1 << bit;
                assert!(decoder.decode(&changed).is_err(), "{name}: bit {bit} of byte {at} went unnoticed");
                changed[at] ^= 1 << bit;
                flips += 1;
            }
            assert!(decoder.decode(&bytes[..at]).is_err(), "{name}: a cut at byte {at} went unnoticed");
            cuts += 1;
        }
    }
    println!("{files} files, {flips} flipped bits, {cuts} cuts");
    assert!(files >= 20);
}

/// What must not change: symbols, or the signal of a file without loss.
type Contents = (Vec<Latents>, Option<Signal>);

fn contents(decoder: &Decoder, bytes: &[u8]) -> Result<Contents, Error> {
    match decoder.latents(bytes) {
        Err(Error::Option { option: "latents", .. }) => Ok((Vec::new(), Some(decoder.decode(bytes)?))),
        latents => Ok((latents?, None)),
    }
}

/// Bits, bytes, swaps, splices and repeats: the file is refused, or the same symbols come out.
#[test]
fn a_mutated_file_is_refused_or_decodes_to_the_same() {
    let decoder = Decoder::new(Default::default()).unwrap();
    let files: Vec<_> = golden().into_iter().filter(|(_, bytes)| bytes.len() > 1_000).collect();
    let whole: Vec<Contents> = files.iter().map(|(_, bytes)| contents(&decoder, bytes).unwrap()).collect();
    let (mut dice, mut refused, mut same) = (Dice(1), 0, 0);
    for copy in 0..count(4_000) {
        let which = copy % files.len();
        let (name, bytes) = &files[which];
        let changed = mutated(bytes, &files[(copy / files.len()) % files.len()].1, &mut dice);
        match contents(&decoder, &changed) {
            Err(_) => refused += 1,
            Ok(contents) => {
                // A splice can give another golden file, whole.
                let known = files.iter().position(|(_, bytes)| *bytes == changed).unwrap_or(which);
                assert!(contents == whole[known], "{name}, copy {copy}: other symbols, and no error");
                same += 1;
            }
        }
    }
    println!("{refused} refused, {same} with the same symbols");
    assert!(refused > 100 * same);
}

/// With every checksum put right a file is not damaged but hostile: whatever comes, it is an answer.
#[test]
fn a_mutated_file_with_right_checksums_is_an_answer() {
    let decoder = Decoder::new(Default::default()).unwrap();
    let files: Vec<_> = golden().into_iter().filter(|(_, bytes)| bytes.len() <= 5_000).collect();
    let (mut dice, mut refused, mut taken) = (Dice(2), 0, 0);
    for copy in 0..count(4_000) / 4 {
        let (_, bytes) = &files[copy % files.len()];
        let changed = repaired(&mutated(bytes, &files[dice.below(files.len())].1, &mut dice));
        match decoder.decode(&changed) {
            Err(_) => refused += 1,
            Ok(_) => taken += 1,
        }
        let _ = decoder.decode_partial(&changed, Default::default());
        let _ = decoder.verify_picture(&changed);
    }
    println!("{refused} refused, {taken} decoded");
    assert!(refused > 0);
}
