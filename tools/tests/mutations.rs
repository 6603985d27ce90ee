//! Damaged pictures and sounds: whatever happened to a file, reading it is a result or an error, soon.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};
use wavern_cli::files::{Reading, input::Input, install_panic_hook, read_signal, read_signal_as};

/// How many damaged copies of each file; the environment can ask for more.
fn copies() -> usize {
    std::env::var("WAVERN_MUTATIONS").ok().and_then(|text| text.parse().ok()).unwrap_or(60)
}

/// A small generator, the same on every machine.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % bound.max(1)
    }
}

fn mutated(original: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = original.to_vec();
    for _ in 0..=dice.below(4) {
        let length = bytes.len();
        // Headers are where the harm is.
        let at = if dice.below(2) == 0 { dice.below(length.min(64)) } else { dice.below(length) };
        match dice.below(7) {
            0 => bytes.truncate(at.max(1)),
            1 => bytes[at] ^= 1 << dice.below(8),
            2 => bytes[at] = [0, 1, 0x7F, 0x80, 0xFF][dice.below(5)],
            3 => bytes[at..(at + 4).min(length)].fill(0xFF),
            4 => bytes.insert(at, dice.below(256) as u8),
            5 => {
                let end = (at + dice.below(32)).min(length - 1);
                bytes.drain(at.min(end)..end);
            }
            _ => {
                let part = bytes[at..(at + dice.below(40)).min(length)].to_vec();
                bytes.splice(at..at, part);
            }
        }
    }
    bytes
}

#[test]
fn a_damaged_file_is_an_answer() {
    install_panic_hook();
    let testdata = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata");
    let mut dice = Dice(1);
    let (mut read, mut refused) = (0, 0);
    for folder in ["image", "audio", "foreign"] {
        let mut files: Vec<_> =
            fs::read_dir(testdata.join(folder)).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        for file in files {
            let original = fs::read(&file).unwrap();
            for copy in 0..copies() {
                let bytes = mutated(&original, &mut dice);
                let input = Input::from_bytes("x", bytes);
                let _ = read_signal_as(&input, &Reading { partial: true, ..Reading::default() });
                let start = Instant::now();
                match read_signal(&input) {
                    Ok(_) => read += 1,
                    Err(error) => {
                        let code = error.exit_code();
                        assert!((2..=6).contains(&code), "{}, copy {copy}: {error}", file.display());
                        refused += 1;
                    }
                }
                let took = start.elapsed();
                assert!(took < Duration::from_secs(20), "{}, copy {copy}: {took:?}", file.display());
            }
        }
    }
    assert!(read > 0 && refused > read / 10, "{read} read, {refused} refused");
}
