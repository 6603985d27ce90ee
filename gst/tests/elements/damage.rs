//! Damaged and hostile files are errors of GStreamer, or what the library decodes: never a panic, and nothing hangs.

#[path = "../../../codec/tests/support/mutate.rs"]
mod mutate;

use super::goldens::{expected, samples, sound};
use super::pipeline::{Output, run, run_bytes};
use super::{files, is_sound};
use mutate::{Dice, mutated};
use wavern::{Decoder, Limits};
use wavern_bitstream::Container;

/// What the library makes of a file, in GStreamer's form; the error in words.
fn native(decoder: &Decoder, file: &[u8], as_sound: bool) -> Result<Vec<u8>, String> {
    if as_sound {
        decoder.decode_audio(file).map_err(|error| error.to_string())?;
        return Ok(sound(file).0);
    }
    let image = decoder.decode_image(file).map_err(|error| error.to_string())?;
    Ok(expected(&image).into_iter().flat_map(u16::to_le_bytes).collect())
}

/// Holds what a pipeline gave against what the library gives. True if it was refused.
fn check(
    name: &str,
    native: &Result<Vec<u8>, String>,
    found: Result<Output, String>,
    as_sound: bool,
) -> bool {
    match (native, found) {
        (Ok(bytes), Ok(output)) => {
            let found = match as_sound {
                true => output.bytes(),
                false => samples(&output, 0).into_iter().flat_map(u16::to_le_bytes).collect(),
            };
            assert!(found == *bytes, "{name}: other samples");
            false
        }
        (Ok(_), Err(error)) => panic!("{name}: decodes, but {error}"),
        (Err(error), Ok(_)) => panic!("{name}: no error, but the library says: {error}"),
        (Err(_), Err(error)) => {
            // A sentence of ours, not of a panic and not of GStreamer at a loss.
            assert!(error.starts_with("This cannot be decoded: ") && error.ends_with('.'), "{name}: {error}");
            true
        }
    }
}

#[test]
fn hostile_files_are_refused_in_words() {
    let decoder = Decoder::new(Default::default()).unwrap();
    for (path, file) in files("hostile") {
        let name = path.display().to_string();
        let as_sound = is_sound(&file);
        let element = if as_sound { "wvnaudiodec" } else { "wvndec" };
        let native = native(&decoder, &file, as_sound);
        assert!(native.is_err(), "{name}");
        assert!(check(&name, &native, run_bytes(&file, 4096, element), as_sound));
        assert!(check(&name, &native, run(&format!("filesrc location={path:?} ! {element}")), as_sound));
    }
    for (kind, other) in [("picture", "wvnaudiodec"), ("sound", "wvndec")] {
        for (path, file) in
            files("golden").into_iter().filter(|(_, file)| is_sound(file) == (kind == "sound"))
        {
            let error = run(&format!("filesrc location={} ! {other}", path.display())).err().unwrap();
            assert!(error.contains(kind), "{error}");
            assert!(run_bytes(&file, 100, other).is_err());
        }
    }
    for junk in [&b""[..], b"\x97", b"GIF89a and more of it", &[0; 100_000]] {
        for element in ["wvndec", "wvnaudiodec"] {
            assert!(run_bytes(junk, 4096, element).is_err(), "{element}, {} bytes", junk.len());
        }
    }
}

#[test]
fn mutated_golden_files_are_errors_or_the_same() {
    let decoder = Decoder::new(Default::default()).unwrap();
    let files: Vec<_> = files("golden").into_iter().filter(|(_, file)| file.len() < 20_000).collect();
    let (mut dice, mut refused, mut same) = (Dice(5), 0, 0);
    for copy in 0..2000 {
        let (path, bytes) = &files[copy % files.len()];
        let changed = mutated(bytes, &files[dice.below(files.len())].1, &mut dice);
        let as_sound =
            is_sound(&changed) || !changed.starts_with(&bytes[..12.min(changed.len())]) && is_sound(bytes);
        let native = native(&decoder, &changed, as_sound);
        let element = if as_sound { "wvnaudiodec" } else { "wvndec" };
        let found = run_bytes(&changed, [50, 500, 4096][copy % 3], element);
        match check(&format!("{}, copy {copy}", path.display()), &native, found, as_sound) {
            true => refused += 1,
            false => same += 1,
        }
    }
    println!("{refused} refused, {same} the same");
    assert!(refused > 1500);
}

/// Two files, of which the second has bytes behind it that belong to none.
#[test]
fn bytes_behind_the_last_file_are_an_error() {
    let (_, file) = files("golden").into_iter().find(|(_, file)| !is_sound(file)).unwrap();
    assert!(Container::parse(&file, &Limits::default()).is_ok());
    assert_eq!(run_bytes(&file.repeat(2), 10, "wvndec").unwrap().buffers.len(), 2);
    assert!(run_bytes(&[&file[..], b"more"].concat(), 10, "wvndec").is_err());
}
