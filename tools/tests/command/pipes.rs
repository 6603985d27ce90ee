//! Standard input and output.

use super::*;
use std::io::{self, Read, Write};
use std::process::Stdio;

fn piped(args: &[&str], input: &[u8]) -> Vec<u8> {
    wavern().args(args).write_stdin(input).assert().success().get_output().stdout.clone()
}

#[test]
fn files_and_pipes_give_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let name = "image/rgba-64x40.png";
    let file = encoded(name, folder.path(), &[]);
    let stream = piped(&["encode", "-", "-"], &fs::read(testdata(name)).unwrap());
    assert_eq!(stream, fs::read(&file).unwrap());
    let out = folder.path().join("out.png");
    decoded(&file, &out);
    assert_eq!(piped(&["decode", "-", "-"], &stream), fs::read(&out).unwrap());
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
    assert_eq!(message.matches("cannot hold").count(), 1, "{message}");
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

#[test]
fn a_sound_goes_through_pipes_with_all_that_can_be_kept() {
    let folder = tempfile::tempdir().unwrap();
    let name = "audio/odd-chunks.wav";
    let (file, out) = (encoded(name, folder.path(), &[]), folder.path().join("out.wav"));
    decoded(&file, &out);
    let whole = audio(&out);
    let stream = piped(&["encode", "-", "-"], &fs::read(testdata(name)).unwrap());
    assert_eq!(stream, fs::read(&file).unwrap());

    // From a file, lengths are known; from a pipe into a file they are put in at the end.
    let path = file.to_str().unwrap();
    assert_eq!(piped(&["decode", path, "-"], b""), fs::read(&out).unwrap());
    let late = folder.path().join("late.wav");
    piped(&["decode", "-", late.to_str().unwrap()], &stream);
    let mut late = audio(&late);
    assert_eq!((late.channels(), late.format()), (whole.channels(), whole.format()));
    let sorted = |audio: &Audio| {
        let mut riff = audio.metadata().riff.clone();
        riff.sort();
        riff
    };
    assert_eq!(sorted(&late), sorted(&whole));
    // From pipe to pipe the length stays open, and what stands behind the samples has no place.
    fs::write(&out, piped(&["decode", "-", "-"], &stream)).unwrap();
    late = audio(&out);
    assert_eq!(late.channels(), whole.channels());
    assert!(late.metadata().riff.len() < whole.metadata().riff.len() && !late.metadata().riff.is_empty());
    // FLAC says 0 where it does not know.
    let flac = folder.path().join("out.flac");
    fs::write(&flac, piped(&["decode", "-", "-", "--format", "flac"], &stream)).unwrap();
    assert_eq!(audio(&flac).channels(), whole.channels());
}

#[test]
fn a_live_sound_is_coded_and_decoded_while_it_arrives() {
    let spawn = |verb: &str| {
        let mut command = std::process::Command::new(assert_cmd::cargo_bin!("wavern"));
        command.args([verb, "-", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
    };
    let (mut encoder, mut decoder) = (spawn("encode"), spawn("decode"));
    let seconds = 3 * 8000;
    let head = WavHead { channels: 1, rate: 8000, bits: 16 }.bytes();
    let tone = |i: usize| ((i as f64 * 0.3).sin() * 9000.0) as i16;
    let samples: Vec<u8> = (0..seconds).flat_map(|i| tone(i).to_le_bytes()).collect();
    let mut input = encoder.stdin.take().unwrap();
    input.write_all(&[&head[..], &samples].concat()).unwrap();
    input.flush().unwrap();

    // The input stays open: what comes out comes out all the same.
    let (mut coded, mut fed) = (encoder.stdout.take().unwrap(), decoder.stdin.take().unwrap());
    let pump = std::thread::spawn(move || {
        io::copy(&mut coded, &mut fed).unwrap();
    });
    let mut output = decoder.stdout.take().unwrap();
    let mut start = vec![0; 2 * 8000 + 44];
    output.read_exact(&mut start).unwrap();
    assert!(start.starts_with(b"RIFF\xff\xff\xff\xffWAVE"));
    drop(input);
    let mut rest = Vec::new();
    output.read_to_end(&mut rest).unwrap();
    pump.join().unwrap();
    assert!(encoder.wait().unwrap().success() && decoder.wait().unwrap().success());
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out.wav");
    fs::write(&out, [start, rest].concat()).unwrap();
    assert_eq!(audio(&out).frames(), seconds);
}

/// The head of a WAV file of unknown length.
struct WavHead {
    channels: u16,
    rate: u32,
    bits: u16,
}

impl WavHead {
    fn bytes(&self) -> Vec<u8> {
        let frame = self.channels * self.bits / 8;
        let mut head = b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\x01\0".to_vec();
        head.extend(self.channels.to_le_bytes());
        head.extend(self.rate.to_le_bytes());
        head.extend((self.rate * u32::from(frame)).to_le_bytes());
        head.extend(frame.to_le_bytes());
        head.extend(self.bits.to_le_bytes());
        head.extend(b"data\xff\xff\xff\xff");
        head
    }
}

#[test]
fn a_stream_that_breaks_off_is_decoded_as_far_as_it_goes() {
    let folder = tempfile::tempdir().unwrap();
    let file = encoded("sound.wav", folder.path(), &[]);
    let bytes = fs::read(&file).unwrap();
    let (cut, out) = (folder.path().join("cut.wvn"), folder.path().join("out.wav"));
    fs::write(&cut, &bytes[..bytes.len() - 200]).unwrap();
    let decode = |more: &[&str]| {
        let mut command = wavern();
        command.arg("decode").arg(&cut).arg(&out).args(more).assert()
    };
    decode(&[]).code(4);
    assert!(!out.exists());
    decode(&["--partial"]).code(4);
    let (part, whole) = (audio(&out).frames(), audio(&testdata("sound.wav")).frames());
    assert!(part > 40_000 && part < whole, "{part} of {whole}");
}
