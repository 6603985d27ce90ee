//! Each way to fail: one line on standard error, the right exit code, and no file left behind.

use super::*;
use wavern_bitstream::{BitDepth, Color, ContainerBuilder, ImageHeader, Limits, WeightsId};

/// Runs a verb that must fail; returns what it said.
fn fails(verb: &str, input: &Path, output: &Path, more: &[&str], code: i32) -> String {
    let folder = output.parent().unwrap();
    let before = names(folder);
    let assert = wavern().arg(verb).arg(input).arg(output).args(more).assert().code(code);
    let message = String::from_utf8(assert.get_output().stderr.clone()).unwrap();
    assert!(message.starts_with("error: ") && message.trim_end().lines().count() == 1, "{message}");
    assert!(!message.contains("panicked"), "{message}");
    assert_eq!(names(folder), before, "{message}");
    message
}

#[test]
fn inputs_that_cannot_be_coded() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("x.wvn");
    let in_testdata = [
        ("audio/cut-short.wav", 4, "chunk 'data' at byte 36 holds 4000 bytes"),
        ("audio/not-a-number.wav", 4, "channel 0, sample 1 is NaN"),
        ("README.md", 3, "not a known picture or sound"),
        ("none.png", 1, "No such file"),
        ("image", 2, "is a folder"),
    ];
    for (name, code, problem) in in_testdata {
        let message = fails("encode", &testdata(name), &out, &[], code);
        assert!(message.contains(problem) && message.contains(name), "{message}");
    }
    let made: [(&str, &[u8], i32, &str); 6] = [
        ("empty.png", b"", 4, "the file is empty"),
        ("a.flac", b"fLaC\0\0\0\x22", 4, "the sound is cut short"),
        ("a.gif", b"GIF89a", 4, "GIF ends too early"),
        ("large.ppm", b"P6\n2000000 1\n255\n", 6, "expected at most 1048576"),
        ("short.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", 4, "PNG"),
        ("none.tif", b"II*\0\xff\xff\xff\xff", 4, "TIFF"),
    ];
    for (name, bytes, code, problem) in made {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        let message = fails("encode", &path, &out, &[], code);
        assert!(message.contains(problem) && message.contains(name), "{message}");
    }
}

#[test]
fn outputs_that_cannot_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let file = encoded("image/1x1.png", folder.path(), &[]);
    let message = fails("encode", &testdata("image/1x1.png"), &file, &[], 1);
    assert!(message.contains("exists already (use -f to overwrite)"), "{message}");
    wavern().arg("encode").arg(testdata("image/1x1.png")).arg(&file).arg("-f").assert().success();
    let message = fails("decode", &file, &folder.path().join("x.gif"), &[], 2);
    assert!(message.contains("extension .gif does not name a format to write"), "{message}");
    let sub = folder.path().join("no");
    let assert = wavern().arg("decode").arg(&file).arg(sub.join("x.png")).assert().code(1);
    assert!(String::from_utf8_lossy(&assert.get_output().stderr).contains("there is no folder"));
}

#[test]
fn options_that_make_no_sense() {
    let folder = tempfile::tempdir().unwrap();
    let (photo, out) = (testdata("photo.png"), folder.path().join("x.wvn"));
    let message = fails("encode", &photo, &out, &["--bitrate", "96k"], 2);
    assert!(message.contains("bitrate"), "{message}");
    for more in [
        &["-q", "101"][..],
        &["-q", "-1"],
        &["-j", "0"],
        &["--bitrate", "fast"],
        &["-q", "5", "--bitrate", "9k"],
        &["--tune", "ear"],
        &["--tile-side", "300"],
    ] {
        wavern().arg("encode").arg(&photo).arg(&out).args(more).assert().code(2);
    }
    wavern().assert().code(2);
    wavern().arg("transcode").assert().code(2);
    assert_eq!(names(folder.path()), [] as [&str; 0]);
}

#[test]
fn damaged_files_and_files_of_others() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("x.png");
    let good = fs::read(encoded("image/3x7-noise.png", folder.path(), &[])).unwrap();
    let path = folder.path().join("bad.wvn");
    for position in 0..good.len() {
        let mut bytes = good.clone();
        bytes[position] ^= 0x10;
        // Each position once in this process; every eighth through the command as well.
        assert!(wavern::Decoder::new(Default::default()).unwrap().decode(&bytes).is_err(), "byte {position}");
        if position % 8 == 0 {
            fs::write(&path, &bytes).unwrap();
            let message = wavern().arg("decode").arg(&path).arg(&out).assert().failure();
            let code = message.get_output().status.code().unwrap();
            assert!((3..=6).contains(&code), "byte {position}: exit code {code}");
        }
        assert!(wavern::Decoder::new(Default::default()).unwrap().decode(&good[..position]).is_err());
    }
    fs::write(&path, &good[..good.len() - 1]).unwrap();
    fails("decode", &path, &out, &[], 4);
    fails("decode", &testdata("photo.png"), &out, &[], 4);
}

#[test]
fn unknown_weights_and_exceeded_limits_have_codes_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let (path, out) = (folder.path().join("a.wvn"), folder.path().join("x.png"));
    let header = |width, height, weights| {
        let (color, depth) = (Color::Rgb, BitDepth::Eight);
        ImageHeader { level: 1, color, depth, tile_log2: 0, width, height, weights }
    };
    let mut limits = Limits::default();
    let foreign = ContainerBuilder::new(header(8, 8, WeightsId([9; 6]))).tile(&b"abc"[..]);
    fs::write(&path, foreign.build(&limits).unwrap()).unwrap();
    let message = fails("decode", &path, &out, &[], 5);
    assert!(message.contains("090909090909"), "{message}");

    limits.side = 1 << 22;
    let wide = ContainerBuilder::new(header(1 << 21, 1, WeightsId([9; 6]))).tile(vec![7; 1000]);
    fs::write(&path, wide.build(&limits).unwrap()).unwrap();
    let message = fails("decode", &path, &out, &[], 6);
    assert!(message.contains("1048576"), "{message}");
}

#[test]
fn a_failure_leaves_an_existing_file_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("x.png");
    fs::write(&out, b"precious").unwrap();
    let file = encoded("image/rgb16-33x20.png", folder.path(), &[]);
    fails("decode", &file, &out, &["-f", "--format", "bmp"], 2);
    assert_eq!(fs::read(&out).unwrap(), b"precious");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error() {
    let assert = wavern().arg("encode").arg(testdata("image/1x1.png")).arg("/dev/full").assert().code(1);
    let message = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    assert!(message.starts_with("error: /dev/full: ") && message.contains("No space left"), "{message}");
}
