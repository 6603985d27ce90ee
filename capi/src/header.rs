//! `include/wavern.h` is what cbindgen makes of the sources.
//!
//! `WAVERN_WRITE_HEADER=1 cargo test --release -p wavern-capi --lib header` writes it anew.

use std::fs;
use std::path::Path;

#[test]
fn the_header_is_that_of_the_sources() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = cbindgen::Config::from_file(root.join("cbindgen.toml")).expect("cbindgen.toml");
    let bindings =
        cbindgen::Builder::new().with_crate(root).with_config(config).generate().expect("bindings");
    let mut made = Vec::new();
    bindings.write(&mut made);
    let made = String::from_utf8(made).expect("UTF-8");
    let path = root.join("include/wavern.h");
    if std::env::var_os("WAVERN_WRITE_HEADER").is_some() {
        fs::write(&path, &made).expect("header");
    }
    let committed = fs::read_to_string(&path).expect("include/wavern.h");
    assert!(
        committed == made,
        "include/wavern.h is not what the sources say: run this test with WAVERN_WRITE_HEADER=1"
    );
}
