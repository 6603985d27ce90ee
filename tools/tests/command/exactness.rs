//! The same symbols on every path of the processor and with any number of threads. A file carries a check value of its
//! symbols, so that `verify` tells whether a machine gets those that were written.

use super::*;
use wavern::internals::kernel;

/// Every picture and sound of the test data that can be coded, as files at these qualities.
fn coded(folder: &Path, path: &str, qualities: &[&str]) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for quality in qualities {
        for kind in ["image", "audio"] {
            let out = folder.join(format!("{path}-{quality}-{kind}"));
            fs::create_dir_all(&out).unwrap();
            // Files that nobody can read are among them.
            for name in fs::read_dir(testdata(kind)).unwrap() {
                let name = name.unwrap().path();
                let target = out
                    .join(name.file_name().unwrap())
                    .with_extension(format!("{}.wvn", name.extension().unwrap().display()));
                let coded = wavern()
                    .env("WAVERN_CPU", path)
                    .args(["encode", "--quiet", "-q", quality])
                    .arg(&name)
                    .arg(&target)
                    .output()
                    .unwrap();
                if coded.status.success() {
                    files.push(target);
                }
            }
        }
    }
    files
}

#[test]
fn every_path_gets_the_symbols_that_any_path_wrote() {
    let folder = tempfile::tempdir().unwrap();
    let paths: Vec<&str> = kernel::Path::available().map(kernel::Path::name).collect();
    let fastest = paths[0];
    let mut files = coded(folder.path(), fastest, &["5", "60", "95"]);
    let different = files.len() / 3;
    if paths.len() > 1 {
        files.extend(coded(folder.path(), "portable", &["60"]));
    }
    let golden = fs::read_dir(testdata("golden")).unwrap().map(|entry| entry.unwrap().path());
    let golden: Vec<PathBuf> =
        golden.filter(|path| path.extension().is_some_and(|name| name == "wvn")).collect();
    assert!(different + golden.len() >= 50, "{different} and {}", golden.len());
    files.extend(golden);
    for path in &paths {
        for threads in ["-j1", "-j2"] {
            wavern()
                .env("WAVERN_CPU", path)
                .args(["verify", "--quiet", threads])
                .args(&files)
                .assert()
                .success();
        }
    }
    println!("{} files on {paths:?}", files.len());
}
