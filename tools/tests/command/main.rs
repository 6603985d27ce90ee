//! The `wavern` binary from outside: files in, files out, exit codes.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

mod batches;
mod damage;
mod errors;
mod eval;
mod exactness;
#[cfg(target_os = "linux")]
mod faults;
mod foreign;
mod foreign_sounds;
mod hdr;
#[cfg(target_os = "linux")]
mod hostile;
mod info;
mod jpeg_xl;
mod kept;
mod lossless_pictures;
mod lossless_sounds;
mod names;
mod packaging;
mod pipes;
mod round_trip;
mod views;

use assert_cmd::Command;
use std::fs;
use std::path::{Path, PathBuf};
use wavern::{Audio, Image, Signal};
use wavern_cli::files::{input::Input, read_signal};

fn wavern() -> Command {
    Command::new(assert_cmd::cargo_bin!("wavern"))
}

fn testdata(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata").join(name)
}

fn signal(path: &Path) -> Signal {
    read_signal(&Input::read(path).unwrap()).unwrap().signal
}

fn image(path: &Path) -> Image {
    match signal(path) {
        Signal::Image(image) => image,
        Signal::Audio(_) => panic!("{} is a sound", path.display()),
    }
}

fn audio(path: &Path) -> Audio {
    match signal(path) {
        Signal::Audio(audio) => audio,
        Signal::Image(_) => panic!("{} is a picture", path.display()),
    }
}

/// Names in a folder, sorted: nothing half-written may be among them.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Codes a file of the test data into a folder and returns the path of the result.
fn encoded(name: &str, folder: &Path, more: &[&str]) -> PathBuf {
    let out = folder.join(format!("{}.wvn", name.replace('/', "-")));
    wavern().arg("encode").arg(testdata(name)).arg(&out).args(more).assert().success();
    out
}

fn decoded(file: &Path, out: &Path) -> Signal {
    wavern().arg("decode").arg(file).arg(out).assert().success();
    signal(out)
}
