//! Names that are left out, and names that mislead.

use super::*;

/// Copies a file of the test data into a folder.
fn copied(name: &str, folder: &Path, to: &str) -> PathBuf {
    let path = folder.join(to);
    fs::copy(testdata(name), &path).unwrap();
    path
}

/// What a command that must fail says.
fn complaint(arguments: &[&str], folder: &Path, code: i32) -> String {
    let before = names(folder);
    let assert = wavern().current_dir(folder).args(arguments).assert().code(code);
    let message = String::from_utf8(assert.get_output().stderr.clone()).unwrap();
    assert!(message.starts_with("error: ") && message.trim_end().lines().count() == 1, "{message}");
    assert_eq!(names(folder), before, "{message}");
    message
}

#[test]
fn without_an_output_the_file_lies_beside_the_input() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let picture = copied("image/gray-64x40.png", folder.path(), "photo.png");
    copied("audio/mono-u8-8000.wav", folder.path(), "song.wav");
    for (verb, name) in [("encode", "photo.png"), ("encode", "song.wav")] {
        wavern().current_dir(folder.path()).args([verb, name]).assert().success();
    }
    assert_eq!(names(folder.path()), ["photo.png", "photo.wvn", "song.wav", "song.wvn"]);

    // The originals are in the way.
    let original = fs::read(&picture).unwrap();
    for (file, result) in [("photo.wvn", "photo.png"), ("song.wvn", "song.wav")] {
        let message = complaint(&["decode", file], folder.path(), 1);
        assert!(message.contains(&format!("{result}: exists already (use -f to overwrite)")), "{message}");
    }
    assert_eq!(fs::read(&picture).unwrap(), original);
    fs::create_dir(at("elsewhere")).unwrap();
    for name in ["photo.wvn", "song.wvn"] {
        fs::rename(at(name), at("elsewhere").join(name)).unwrap();
        wavern().arg("decode").arg(at("elsewhere").join(name)).assert().success();
    }
    assert_eq!(names(&at("elsewhere")), ["photo.png", "photo.wvn", "song.wav", "song.wvn"]);
    assert_eq!(image(&at("elsewhere/photo.png")).width(), image(&picture).width());
    wavern().arg("decode").args(["--format", "tiff"]).arg(at("elsewhere/photo.wvn")).assert().success();
    assert!(at("elsewhere/photo.tif").exists());
}

#[test]
fn what_has_no_name_needs_one() {
    let folder = tempfile::tempdir().unwrap();
    for verb in ["encode", "decode"] {
        let message = complaint(&[verb, "-"], folder.path(), 2);
        assert!(message.contains("standard input has no name"), "{message}");
    }
}

#[test]
fn a_file_without_a_verb_is_told_which_to_type() {
    let folder = tempfile::tempdir().unwrap();
    copied("image/1x1.png", folder.path(), "photo.png");
    copied("golden/picture-rgb.wvn", folder.path(), "coded.wvn");
    for (name, verb) in [("photo.png", "encode"), ("coded.wvn", "decode")] {
        let message = complaint(&[name], folder.path(), 2);
        assert!(message.contains(&format!("did you mean: wavern {verb} {name})")), "{message}");
    }
}

#[test]
fn the_wrong_verb_is_told_which_is_right() {
    let folder = tempfile::tempdir().unwrap();
    copied("image/1x1.png", folder.path(), "photo.png");
    copied("golden/picture-rgb.wvn", folder.path(), "coded.wvn");
    for more in [&["decode", "photo.png"][..], &["decode", "photo.png", "x.png"]] {
        let message = complaint(more, folder.path(), 4);
        assert!(message.contains("to encode it: wavern encode photo.png"), "{message}");
    }
    let message = complaint(&["encode", "coded.wvn"], folder.path(), 2);
    assert!(message.contains("to decode it: wavern decode coded.wvn"), "{message}");
    let message = complaint(&["encode", "coded.wvn", "x.wvn"], folder.path(), 2);
    assert!(message.contains("is a .wvn file already"), "{message}");
}

#[test]
fn the_extension_of_another_format_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    copied("image/1x1.png", folder.path(), "a.png");
    copied("image/gray-64x40.jpg", folder.path(), "b.jpg");
    let before = fs::read(folder.path().join("b.jpg")).unwrap();
    for more in [&["a.png", "b.jpg"][..], &["-f", "a.png", "b.jpg"], &["a.png", "c.FLAC"]] {
        let message = complaint(&[&["encode"], more].concat(), folder.path(), 2);
        assert!(message.contains("is the extension of another format (expected "), "{message}");
    }
    assert_eq!(fs::read(folder.path().join("b.jpg")).unwrap(), before);
    // What is no extension of a known format is the user's own affair.
    for name in ["coded", "a.bin"] {
        wavern().current_dir(folder.path()).args(["encode", "a.png", name]).assert().success();
    }
}

/// `file` is nearly everywhere; where it is not, nothing can be checked.
#[cfg(target_os = "linux")]
#[test]
fn the_magic_for_file_knows_wavern() {
    let magic = Path::new(env!("CARGO_MANIFEST_DIR")).join("magic/wavern");
    let asked = |more: &str, name: &str| {
        let mut file = std::process::Command::new("file");
        file.args(["--brief", more, "-m"]).arg(&magic).arg(testdata(name));
        file.output().ok().map(|out| String::from_utf8(out.stdout).unwrap())
    };
    for (name, what, mime) in [
        ("golden/picture-rgb.wvn", "Wavern picture, version 1, RGB, 8 bits\n", "image/x-wavern\n"),
        ("golden/picture-gray-16.wvn", "Wavern picture, version 1, gray, 16 bits\n", "image/x-wavern\n"),
        ("golden/sound-mono-u8.wvn", "Wavern sound, version 1\n", "audio/x-wavern\n"),
    ] {
        let Some(found) = asked("--brief", name) else {
            eprintln!("NOT RUN: the program `file` is not here");
            return;
        };
        assert_eq!(found, what);
        assert_eq!(asked("--mime-type", name).as_deref(), Some(mime));
    }
}
