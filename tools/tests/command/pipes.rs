//! Standard input and output.

use super::*;
use std::process::Stdio;

fn piped(args: &[&str], input: &[u8]) -> Vec<u8> {
    wavern().args(args).write_stdin(input).assert().success().get_output().stdout.clone()
}

#[test]
fn files_and_pipes_give_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    for (name, extension) in [("image/rgba-64x40.png", "png"), ("audio/odd-chunks.wav", "wav")] {
        let file = encoded(name, folder.path(), &[]);
        let stream = piped(&["encode", "-", "-"], &fs::read(testdata(name)).unwrap());
        assert_eq!(stream, fs::read(&file).unwrap(), "{name}");
        let out = folder.path().join(format!("out.{extension}"));
        decoded(&file, &out);
        assert_eq!(piped(&["decode", "-", "-"], &stream), fs::read(&out).unwrap(), "{name}");
    }
    let stream = piped(&["encode", "-", "-"], &fs::read(testdata("image/gray-64x40.png")).unwrap());
    assert!(piped(&["decode", "-", "-", "--format", "pnm"], &stream).starts_with(b"P5\n64 40\n255\n"));
}

#[test]
fn nothing_but_the_result_goes_to_standard_output() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("x.wvn");
    let photo = testdata("image/gray-64x40.png");
    let assert = wavern().arg("encode").arg(&photo).arg(&out).assert().success().stdout("");
    let message = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    assert!(message.contains("64x40 pixels, GRAY, 8 bits -> ") && message.contains(" bpp"), "{message}");
    wavern()
        .arg("encode")
        .arg(&photo)
        .arg(&out)
        .args(["-f", "--quiet"])
        .assert()
        .success()
        .stdout("")
        .stderr("");

    let assert =
        wavern().arg("encode").arg(&photo).arg(&out).args(["-f", "--json"]).assert().success().stderr("");
    let facts: serde_json::Value = serde_json::from_slice(&assert.get_output().stdout).unwrap();
    assert_eq!(facts["bytes"], fs::metadata(&out).unwrap().len());
    let assert = wavern().arg("encode").arg(&photo).args(["-", "--json"]).assert().code(2);
    assert!(String::from_utf8_lossy(&assert.get_output().stderr).contains("both go to standard output"));
}

#[test]
fn what_a_format_cannot_hold_is_said_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = encoded("image/turned-64x40.jpg", folder.path(), &[]);
    let assert = wavern().arg("decode").arg(&file).arg(folder.path().join("x.bmp")).assert().success();
    let message = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    assert_eq!(message.matches("note: ").count(), 1, "{message}");
    assert!(message.contains("BMP cannot hold ICC profile, EXIF, XMP: left out"), "{message}");
}

#[test]
fn a_reader_that_goes_away_is_no_scandal() {
    let mut child = std::process::Command::new(assert_cmd::cargo_bin!("wavern"))
        .arg("encode")
        .arg(testdata("photo.png"))
        .arg("-")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(1), ""));
}
