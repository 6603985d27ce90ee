//! `verify` and `decode --partial`: what is whole, what is left, and what is said of it.

use super::*;

/// A picture of 8 tiles, 4096 × 2048 pixels gray, and its file.
fn tiled(folder: &Path) -> Vec<u8> {
    let (width, height) = (4096usize, 2048usize);
    let mut ppm = format!("P5\n{width} {height}\n255\n").into_bytes();
    ppm.extend((0..width * height).map(|at| ((at % width) / 20 + (at / width) / 30) as u8));
    let source = folder.join("tiled.pgm");
    fs::write(&source, ppm).unwrap();
    let file = folder.join("tiled.wvn");
    wavern().args(["encode", "--quiet", "-q", "10"]).arg(&source).arg(&file).assert().success();
    fs::read(&file).unwrap()
}

fn json(verb: &[&str], file: &Path, code: i32) -> serde_json::Value {
    let assert = wavern().args(verb).arg("--json").arg(file).assert().code(code);
    serde_json::from_slice(&assert.get_output().stdout).unwrap()
}

#[test]
fn a_damage_map_names_the_tiles() {
    let folder = tempfile::tempdir().unwrap();
    let good = tiled(folder.path());
    let file = folder.path().join("tiled.wvn");
    assert_eq!(json(&["verify"], &file, 0)["ok"], true);

    // The fifth of the eight tiles.
    let limits = wavern_bitstream::Limits::default();
    let container = wavern_bitstream::Container::parse(&good, &limits).unwrap();
    let tile = container.tile(4).unwrap();
    let start = tile.as_ptr() as usize - good.as_ptr() as usize;
    let mut bad = good.clone();
    bad[start + tile.len() / 2] ^= 0xff;
    fs::write(&file, &bad).unwrap();

    let verified = json(&["verify"], &file, 4);
    assert_eq!(verified["ok"], false);
    let map = &verified["damage"];
    assert_eq!((map["tiles"].as_u64(), map["damaged"].as_array().unwrap().len()), (Some(8), 1));
    let place = ["index", "x", "y", "width", "height"].map(|key| map["damaged"][0][key].as_u64().unwrap());
    assert_eq!(place, [4, 0, 1024, 1024, 1024]);

    let out = folder.path().join("left.pgm");
    let assert = wavern().arg("decode").arg(&file).arg(&out).assert().code(4);
    let message = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    assert!(message.contains("decode --partial recovers what is left") && !out.exists(), "{message}");
    let assert = wavern().args(["decode", "--partial", "--json"]).arg(&file).arg(&out).assert().code(4);
    let told: serde_json::Value = serde_json::from_slice(&assert.get_output().stdout).unwrap();
    assert_eq!(told["damage"]["damaged"], map["damaged"]);
    let message = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    assert!(
        message.contains("tile 4 at 0,1024 (1024x1024 pixels): ") && message.contains("1 of 8 tiles"),
        "{message}"
    );

    fs::write(&file, &good).unwrap();
    let whole = folder.path().join("whole.pgm");
    wavern().arg("decode").arg(&file).arg(&whole).assert().success();
    let (left, whole) = (image(&out), image(&whole));
    assert_eq!((left.width(), left.height()), (4096, 2048));
    let (wavern::Samples::U8(left), wavern::Samples::U8(whole)) = (left.samples(), whole.samples()) else {
        panic!("8 bits")
    };
    assert_eq!(left[..800 * 4096], whole[..800 * 4096]);
    assert_ne!(left[1500 * 4096..], whole[1500 * 4096..]);
}

#[test]
fn a_whole_file_is_whole_with_partial_too() {
    let folder = tempfile::tempdir().unwrap();
    let file = encoded("image/rgba-64x40.png", folder.path(), &[]);
    let (one, two) = (folder.path().join("one.png"), folder.path().join("two.png"));
    wavern().arg("decode").arg(&file).arg(&one).assert().success();
    wavern().arg("decode").arg("--partial").arg(&file).arg(&two).assert().success();
    assert_eq!(fs::read(one).unwrap(), fs::read(two).unwrap());
}

#[test]
fn damaged_alpha_is_left_out_and_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = encoded("image/rgba-64x40.png", folder.path(), &[]);
    let mut bytes = fs::read(&file).unwrap();
    let chunk =
        wavern_bitstream::describe(&bytes).unwrap().flatten().find(|chunk| chunk.code.to_string() == "ALPH");
    bytes[chunk.unwrap().payload_offset as usize + 5] ^= 1;
    fs::write(&file, bytes).unwrap();
    let out = folder.path().join("x.png");
    let assert = wavern().args(["decode", "--partial"]).arg(&file).arg(&out).assert().code(4);
    let message = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    assert!(message.contains("ALPH") && message.contains("0 of 1 tiles"), "{message}");
    assert!(image(&out).alpha().is_none());
}

#[test]
fn a_sound_whose_header_is_destroyed_is_decoded_by_its_copy() {
    let folder = tempfile::tempdir().unwrap();
    let file = encoded("sound.wav", folder.path(), &["-q", "80"]);
    let whole = folder.path().join("whole.wav");
    wavern().arg("decode").arg(&file).arg(&whole).assert().success();
    let good = fs::read(&file).unwrap();
    let bad = folder.path().join("bad.wvn");
    for (from, to) in [(0, 8), (8, 12), (14, 20), (0, 60)] {
        let mut bytes = good.clone();
        bytes[from..to].fill(0xee);
        fs::write(&bad, &bytes).unwrap();
        let out = folder.path().join("left.wav");
        wavern().arg("decode").arg(&bad).arg(&out).assert().code(4);
        assert!(!out.exists());
        let verified = json(&["verify"], &bad, 4);
        // All that stood behind the header is there but for what was hit as well.
        let lost = usize::from(to == 60);
        assert_eq!(verified["damage"]["segments"], 2, "{verified}");
        assert_eq!(verified["damage"]["damaged"].as_array().unwrap().len(), lost, "{verified}");
        wavern().args(["decode", "--partial"]).arg(&bad).arg(&out).assert().code(4);
        let piped = wavern().args(["decode", "--partial", "-", "-"]).write_stdin(bytes).assert().code(4);
        let stream = folder.path().join("stream.wav");
        fs::write(&stream, &piped.get_output().stdout).unwrap();
        for out in [&out, &stream] {
            let (left, whole) = (audio(out), audio(&whole));
            assert_eq!((left.frames(), left.sample_rate()), (whole.frames(), whole.sample_rate()));
            assert_eq!(left.channels() == whole.channels(), lost == 0);
        }
        fs::remove_file(&out).unwrap();
    }
}
