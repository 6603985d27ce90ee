//! Sounds without loss through the command: the bytes of a WAV file come back.

use super::*;

/// A WAV file with these samples.
fn wav(tag: u16, bits: u16, channels: u16, rate: u32, samples: &[u8]) -> Vec<u8> {
    let block = channels * bits / 8;
    let mut format = tag.to_le_bytes().to_vec();
    format.extend(channels.to_le_bytes());
    format.extend(rate.to_le_bytes());
    format.extend((rate * u32::from(block)).to_le_bytes());
    format.extend(block.to_le_bytes());
    format.extend(bits.to_le_bytes());
    let chunk = |id: &[u8], payload: &[u8]| {
        let pad = vec![0; payload.len() % 2];
        [id, &(payload.len() as u32).to_le_bytes(), payload, &pad].concat()
    };
    let inner = [&b"WAVE"[..], &chunk(b"fmt ", &format), &chunk(b"data", samples)].concat();
    chunk(b"RIFF", &inner)
}

/// The payload of the chunk `data`.
fn data(file: &[u8]) -> &[u8] {
    let at = file.windows(4).position(|four| four == b"data").unwrap();
    let length = u32::from_le_bytes(file[at + 4..at + 8].try_into().unwrap()) as usize;
    &file[at + 8..at + 8 + length]
}

/// A tone with some noise, -1 to 1.
fn tone(count: usize) -> impl Iterator<Item = f64> {
    let noise = |i: usize| f64::from((i as u32).wrapping_mul(0x9e37_79b9) >> 16) / 65_536.0 - 0.5;
    (0..count).map(move |i| 0.6 * (i as f64 * 0.07).sin() + 0.25 * (i as f64 * 0.013).sin() + 0.02 * noise(i))
}

/// Every format: tag, bits, bytes of samples.
fn formats(count: usize) -> Vec<(u16, u16, Vec<u8>)> {
    let integers = |bits: u32| {
        let full = f64::from(1u32 << (bits - 1));
        let bytes = move |sample: f64| {
            let number = (sample * full) as i32 + if bits == 8 { 128 } else { 0 };
            number.to_le_bytes()[..bits as usize / 8].to_vec()
        };
        (1, bits as u16, tone(count).flat_map(bytes).collect())
    };
    let thirds = || tone(count).map(|sample| sample / 3.0);
    vec![
        integers(8),
        integers(16),
        integers(24),
        integers(32),
        (3, 32, thirds().flat_map(|sample| (sample as f32).to_le_bytes()).collect()),
        (3, 64, thirds().flat_map(f64::to_le_bytes).collect()),
        (3, 32, [0u32, 0x8000_0000, 1, 0x7F7F_FFFF, 0x0080_0000, 0x3F80_0000].map(u32::to_le_bytes).concat()),
    ]
}

#[test]
fn every_format_of_wav_comes_back_bit_for_bit() {
    let folder = tempfile::tempdir().unwrap();
    let [input, coded, output] = ["in.wav", "out.wvn", "out.wav"].map(|name| folder.path().join(name));
    for (tag, bits, samples) in formats(6000) {
        for channels in [1, 2, 3] {
            for option in ["--lossless", "-qlossless"] {
                fs::write(&input, wav(tag, bits, channels, 44_100, &samples)).unwrap();
                wavern().args(["encode", "-f", "--quiet", option]).args([&input, &coded]).assert().success();
                wavern().args(["decode", "-f", "--quiet"]).args([&coded, &output]).assert().success();
                let restored = fs::read(&output).unwrap();
                assert!(data(&restored) == samples, "{bits} bits, {channels} channels");
                wavern().args(["verify", "--quiet"]).arg(&coded).assert().success();
            }
        }
        if samples.len() > 1000 {
            let size = fs::metadata(&coded).unwrap().len();
            assert!(size < samples.len() as u64, "{bits} bits: {size} of {}", samples.len());
        }
    }
}

#[test]
fn info_says_that_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let coded = folder.path().join("sound.wvn");
    let input = testdata("sound.wav");
    wavern().args(["encode", "--quiet", "--lossless"]).args([&input, &coded]).assert().success();
    let output = wavern().arg("info").arg(&coded).assert().success().get_output().stdout.clone();
    let text = String::from_utf8(output).unwrap();
    assert!(text.contains("quality    lossless") && !text.contains("weights"), "{text}");
    let output = wavern().args(["info", "--json"]).arg(&coded).assert().success().get_output().stdout.clone();
    let facts: serde_json::Value = serde_json::from_slice(&output).unwrap();
    assert_eq!((&facts["lossless"], &facts["level"]), (&true.into(), &0.into()));
}

#[test]
fn parts_and_other_formats_hold_the_same_samples() {
    let folder = tempfile::tempdir().unwrap();
    let [input, coded, flac, part, again] =
        ["in.wav", "in.wvn", "out.flac", "part.wav", "again.wvn"].map(|name| folder.path().join(name));
    let (tag, bits, samples) = formats(400_000).swap_remove(1);
    fs::write(&input, wav(tag, bits, 1, 16_000, &samples)).unwrap();
    wavern().args(["encode", "--quiet", "--lossless"]).args([&input, &coded]).assert().success();
    // From the middle of the second segment of ten seconds to the third.
    wavern()
        .args(["decode", "--quiet", "--from", "12.5", "--to", "20.25"])
        .args([&coded, &part])
        .assert()
        .success();
    let restored = fs::read(&part).unwrap();
    assert!(data(&restored) == &samples[2 * 200_000..2 * 324_000]);
    // FLAC in gives the file of WAV in: equal samples, equal bytes.
    wavern().args(["decode", "--quiet"]).args([&coded, &flac]).assert().success();
    wavern().args(["encode", "--quiet", "--lossless"]).args([&flac, &again]).assert().success();
    assert!(fs::read(&coded).unwrap() == fs::read(&again).unwrap());
    // A damaged segment is named, and silent in what is left.
    let mut bytes = fs::read(&coded).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&coded, &bytes).unwrap();
    wavern().args(["verify", "--quiet"]).arg(&coded).assert().code(4);
    wavern().args(["decode", "-f", "--quiet", "--partial"]).args([&coded, &part]).assert().code(4);
    let restored = fs::read(&part).unwrap();
    let lost = 2 * 160_000..2 * 320_000;
    assert!(data(&restored)[lost.clone()].iter().all(|&byte| byte == 0));
    assert!(data(&restored)[..lost.start] == samples[..lost.start]);
    assert!(data(&restored)[lost.end..] == samples[lost.end..]);
}

#[test]
fn the_same_bytes_on_every_path_and_any_number_of_threads() {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("in.wav");
    let (tag, bits, samples) = formats(40_000).swap_remove(2);
    fs::write(&input, wav(tag, bits, 2, 44_100, &samples)).unwrap();
    let mut first: Option<Vec<u8>> = None;
    for path in wavern::internals::kernel::Path::available() {
        for (threads, effort) in [("-j1", "-e1"), ("-j2", "-e1"), ("-j2", "-e8")] {
            let coded = folder.path().join(format!("{}{threads}{effort}.wvn", path.name()));
            let mut command = wavern();
            command.env("WAVERN_CPU", path.name()).args(["encode", "--quiet", "--lossless", threads, effort]);
            command.args([&input, &coded]).assert().success();
            let bytes = fs::read(&coded).unwrap();
            if effort == "-e1" {
                assert!(*first.get_or_insert(bytes.clone()) == bytes, "{} {threads}", path.name());
            }
            for other in wavern::internals::kernel::Path::available() {
                let mut command = wavern();
                command.env("WAVERN_CPU", other.name()).args(["verify", "--quiet"]).arg(&coded);
                command.assert().success();
            }
        }
    }
}
