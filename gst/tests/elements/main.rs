//! The elements in pipelines of one process, held against the library: golden files, seeking, encoding, damage.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests may fail")]

mod damage;
mod encoding;
mod goldens;
mod pipeline;
mod seeking;

use std::path::{Path, PathBuf};
use std::{fs, sync::Once};

/// GStreamer with the plugin, which is linked into the tests.
fn init() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        gst::init().unwrap();
        gstwavern::plugin_register_static().unwrap();
    });
}

/// Files of a folder of testdata/, by name.
fn files(folder: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata").join(folder);
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> = paths.filter(|path| path.extension().is_some_and(|e| e == "wvn")).collect();
    paths.sort();
    assert!(paths.len() > 20);
    paths.into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

/// Whether it is to be taken for a sound.
fn is_sound(file: &[u8]) -> bool {
    file.get(8..12) == Some(b"AUDH")
}
