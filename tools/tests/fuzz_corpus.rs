//! Replays the corpora of the fuzz targets. Mutations of the files that they begin with are in `mutations.rs`.

#[path = "../fuzz/harness.rs"]
mod harness;

use std::fs;
use std::path::Path;

fn replay(target: &str, run: fn(&[u8])) {
    wavern_cli::files::install_panic_hook();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let files: Vec<_> =
        fs::read_dir(folder).expect("corpus").map(|entry| entry.expect("entry").path()).collect();
    assert!(files.len() >= 3, "the corpus of {target} is incomplete");
    for path in files {
        println!("{}", path.display());
        run(&fs::read(path).expect("corpus file"));
    }
}

#[test]
fn signal() {
    replay("signal", harness::signal);
}

#[test]
fn wav() {
    replay("wav", harness::wav);
}

#[test]
fn metadata() {
    replay("metadata", harness::metadata);
}
