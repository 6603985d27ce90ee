//! The ids of the weight files inside the library, for `src/weights.rs`.

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

fn main() {
    let mut out = String::new();
    for (name, file) in [("IMAGE", "image"), ("VISUAL", "image-visual"), ("AUDIO", "audio")] {
        let path = format!("../models/{file}.safetensors");
        println!("cargo::rerun-if-changed={path}");
        let bytes = fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        let hash = blake3::hash(&bytes);
        let _ = writeln!(out, "pub const {name}: WeightsId = WeightsId({:?});", &hash.as_bytes()[..6]);
    }
    let folder = env::var_os("OUT_DIR").unwrap_or_default();
    let path = Path::new(&folder).join("weights_ids.rs");
    fs::write(&path, out).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}
