//! `wavern info` and `wavern latents`.

use super::*;
use serde_json::Value;

fn info(file: &Path, code: i32) -> (Value, String) {
    let json = wavern().arg("info").arg(file).arg("--json").assert().code(code);
    let text = wavern().arg("info").arg(file).assert().code(code);
    let text = String::from_utf8(text.get_output().stdout.clone()).unwrap();
    (serde_json::from_slice(&json.get_output().stdout).unwrap(), text)
}

#[test]
fn facts_about_a_picture_and_a_sound() {
    let folder = tempfile::tempdir().unwrap();
    let picture = encoded("image/rgba-64x40.png", folder.path(), &["-q", "35"]);
    let (facts, text) = info(&picture, 0);
    let length = fs::metadata(&picture).unwrap().len();
    assert_eq!(facts["bytes"], length);
    assert_eq!(
        (&facts["kind"], &facts["width"], &facts["height"]),
        (&"image".into(), &64.into(), &40.into())
    );
    assert_eq!((&facts["alpha"], &facts["depth"], &facts["color"]), (&true.into(), &8.into(), &"rgb".into()));
    assert_eq!(facts["quality"].as_f64().map(f64::round), Some(35.0));
    assert!((facts["bpp"].as_f64().unwrap() - length as f64 * 8.0 / 2560.0).abs() < 1e-9);
    let codes: Vec<&str> =
        facts["chunks"].as_array().unwrap().iter().map(|chunk| chunk["code"].as_str().unwrap()).collect();
    assert_eq!((codes[0], codes[codes.len() - 1]), ("IMGH", "DATA"));
    assert!(text.contains("64x40 pixels, RGB with alpha, 8 bits"), "{text}");

    let sound = encoded("audio/stereo-s24-96000.wav", folder.path(), &[]);
    let (facts, text) = info(&sound, 0);
    assert_eq!(
        (&facts["sample_rate"], &facts["channels"], &facts["frames"]),
        (&96000.into(), &2.into(), &2000.into())
    );
    assert_eq!(facts["format"], "i24");
    assert!(text.contains("96000 Hz, 2 channels, 0.02 s, i24"), "{text}");
}

#[test]
fn a_damaged_file_is_shown_as_far_as_it_goes() {
    let folder = tempfile::tempdir().unwrap();
    let file = encoded("image/1x1.png", folder.path(), &[]);
    let mut bytes = fs::read(&file).unwrap();
    let last = bytes.len() - 5;
    bytes[last] ^= 1;
    fs::write(&file, &bytes).unwrap();
    let (facts, text) = info(&file, 4);
    assert_eq!(facts["width"], 1);
    assert_eq!(facts["problems"].as_array().unwrap().len(), 1);
    assert!(text.contains("problem") && text.contains("damaged"), "{text}");
    wavern().arg("info").arg(testdata("photo.png")).assert().code(4).stdout("");
}

#[test]
fn latents_are_an_array() {
    let folder = tempfile::tempdir().unwrap();
    let file = encoded("image/gray-64x40.png", folder.path(), &[]);
    let (npy, tensors) = (folder.path().join("y.npy"), folder.path().join("y.safetensors"));
    wavern().arg("latents").arg(&file).arg(&npy).assert().success();
    wavern().arg("latents").arg(&file).arg(&tensors).assert().success();
    let npy = fs::read(npy).unwrap();
    assert!(npy.starts_with(b"\x93NUMPY\x01\0") && npy.windows(10).any(|part| part == b"'shape': ("));
    assert!(npy[128..].iter().any(|&byte| byte != 0), "all latents are zero");
    assert!(fs::metadata(tensors).unwrap().len() > npy.len() as u64);
    wavern().arg("latents").arg(&file).arg(folder.path().join("y.txt")).assert().code(2);
}
