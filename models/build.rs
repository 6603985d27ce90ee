//! The ids of the weight files: hashes of megabytes would be a tenth of the time that a small picture takes.

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

fn main() {
    let mut out = String::new();
    for (name, file) in
        [("IMAGE", "image"), ("VISUAL", "image-visual"), ("AUDIO", "audio"), ("LOSSLESS", "lossless")]
    {
        let path = format!("{file}.safetensors");
        println!("cargo::rerun-if-changed={path}");
        if env::var_os(format!("CARGO_FEATURE_{name}")).is_none() {
            let _ = writeln!(out, "/// Not in this build.\npub const {name}: Option<WeightFile> = None;");
            continue;
        }
        let file = weight_file(&path);
        let _ = writeln!(out, "/// `{path}`.\npub const {name}: Option<WeightFile> = Some({file});");
    }
    let folder = env::var_os("OUT_DIR").unwrap_or_default();
    let path = Path::new(&folder).join("files.rs");
    fs::write(&path, out).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

/// The expression that stands for a file.
fn weight_file(path: &str) -> String {
    let bytes = fs::read(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let hash = blake3::hash(&bytes);
    let root = env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    let (id, path) = (&hash.as_bytes()[..6], Path::new(&root).join(path));
    format!("WeightFile {{ id: {id:?}, bytes: include_bytes!({path:?}) }}")
}
