//! `testdata/parse_wvn.py`, written from FORMAT.md alone, takes and refuses the same files as this crate.

#[allow(dead_code, reason = "of the harness only the repair of checksums is used here")]
#[path = "../fuzz/harness.rs"]
mod harness;
mod support;

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::{Value, json};
use support::files;
use wavern_bitstream::{Container, Limits, describe};

/// The parser's answer for these files, or `None` where there is no Python; in CI there must be.
fn python(paths: &[PathBuf]) -> Option<Output> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/parse_wvn.py");
    match Command::new("python3").arg(script).args(paths).output() {
        Ok(output) => Some(output),
        Err(error) if env::var_os("CI").is_some() => panic!("python3: {error}"),
        Err(error) => {
            eprintln!("not compared, python3: {error}");
            None
        }
    }
}

/// One JSON object for each file that was taken.
fn taken(output: &Output) -> Vec<Value> {
    let text = str::from_utf8(&output.stdout).expect("UTF-8");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn golden_files_read_the_same() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let paths: Vec<PathBuf> =
        files().iter().map(|(name, _)| folder.join(name).with_extension("wvn")).collect();
    let Some(output) = python(&paths) else { return };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let taken = taken(&output);
    assert_eq!(taken.len(), files().len());
    for ((name, bytes), read) in files().iter().zip(&taken) {
        let chunks = describe(bytes).expect("signature").map(|chunk| {
            let chunk = chunk.expect("whole chunk");
            json!({"code": chunk.code.to_string(), "offset": chunk.offset, "length": chunk.length})
        });
        assert_eq!(read["chunks"], Value::from_iter(chunks), "{name}");

        let container = Container::parse(bytes, &Limits::default()).expect("golden file");
        let start = |tile: &[u8]| tile.as_ptr() as usize - bytes.as_ptr() as usize;
        let tiles = (0..container.tile_count()).map(|index| {
            let tile = container.tile(index).expect("whole tile");
            let mut tile = json!({"offset": start(tile), "length": tile.len()});
            if let Some(segment) = container.segments().get(index) {
                tile["level"] = segment.level.into();
            }
            tile
        });
        assert_eq!(read["tiles"], Value::from_iter(tiles), "{name}");
        assert_eq!(read["header"]["level"], container.header().level(), "{name}");
        assert_eq!(read["header"]["weights"], container.header().weights().to_string(), "{name}");
    }
    let image = json!({
        "kind": "image", "version": 1, "level": 700, "colour": "gray", "depth": 16, "tile_side": 256,
        "width": 600, "height": 300, "weights": "d15ea5edcafe",
    });
    assert_eq!(taken[1]["header"], image);
    let audio = json!({
        "kind": "audio", "version": 1, "level": 1000, "lossless": false, "format": "I24", "sample_rate": 44_100,
        "channels": 2, "frames": 2500, "segment_frames": 1000, "weights": "d15ea5edcafe",
    });
    assert_eq!(taken[2]["header"], audio);
}

#[test]
fn files_of_the_codec_are_walked() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/golden");
    let paths = fs::read_dir(folder).expect("golden files").map(|entry| entry.expect("entry").path());
    let mut paths: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|extension| extension == "wvn")).collect();
    paths.sort();
    assert!(paths.len() >= 20, "{} golden files", paths.len());
    let Some(output) = python(&paths) else { return };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for (path, read) in paths.iter().zip(taken(&output)) {
        let bytes = fs::read(path).expect("golden file");
        let container = Container::parse(&bytes, &Limits::default()).expect("golden file");
        assert_eq!(read["header"]["weights"], container.header().weights().to_string(), "{}", path.display());
        assert_eq!(
            read["tiles"].as_array().map(Vec::len),
            Some(container.tile_count()),
            "{}",
            path.display()
        );
    }
}

#[test]
fn changed_files_get_the_same_verdict() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let mut paths = Vec::new();
    let mut expected = Vec::new();
    for (name, bytes) in files() {
        // Of a large file both ends: what lies between is one chunk.
        let positions = (0..bytes.len()).filter(|&at| at < 200 || at + 100 > bytes.len());
        for position in positions {
            let mut changed = bytes.clone();
            changed[position] ^= 1 << (position % 8);
            // With the checksums put right, it is the other rules that decide.
            for (kind, file) in [("damaged", changed.clone()), ("repaired", harness::repaired(&changed))] {
                let path = folder.path().join(format!("{name}-{kind}-{position}"));
                fs::write(&path, &file).expect("writable temporary file");
                let limits = Limits::default();
                let container = Container::parse(&file, &limits);
                let whole = container.is_ok_and(|c| (0..c.tile_count()).all(|index| c.tile(index).is_ok()));
                if whole {
                    expected.push(path.display().to_string());
                }
                paths.push(path);
            }
        }
    }
    assert!(expected.len() > 50 && paths.len() > 3 * expected.len(), "{} of {}", expected.len(), paths.len());
    let Some(output) = python(&paths) else { return };
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(!errors.contains("Traceback"), "{errors}");
    let taken: Vec<String> =
        taken(&output).iter().map(|read| read["file"].as_str().expect("a path").to_string()).collect();
    assert_eq!(taken, expected);
}
