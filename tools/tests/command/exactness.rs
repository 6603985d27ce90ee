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

/// Instructions that libtorch and its oneDNN may use at most.
#[cfg(feature = "torch")]
const CAPS: [(&str, &str); 3] = [("default", "SSE41"), ("avx2", "AVX2"), ("avx512", "DEFAULT")];

/// libtorch shapes what an encoder sends, and pixels. Whatever it sends, everybody decodes the symbols that were written; and what
/// another machine's libtorch wrote decodes with this one's.
#[cfg(feature = "torch")]
#[test]
fn libtorch_with_any_instructions_gets_the_symbols_that_any_wrote() {
    let folder = tempfile::tempdir().unwrap();
    let with = |(aten, onednn): (&str, &str), verb: &str, threads: &str| {
        let mut command = wavern();
        command.env("ATEN_CPU_CAPABILITY", aten).env("ONEDNN_MAX_CPU_ISA", onednn);
        command.args([verb, "--quiet", "-j", threads, "--backend", "torch"]);
        command
    };
    let inputs = |kind| fs::read_dir(testdata(kind)).unwrap().map(|entry| entry.unwrap().path());
    // Two names of a batch must not differ in the extension only.
    let mut stems = std::collections::BTreeSet::new();
    let mut is_new = |path: &PathBuf| stems.insert(path.file_stem().unwrap().to_owned());
    let inputs: Vec<PathBuf> = inputs("image").chain(inputs("audio")).filter(|path| is_new(path)).collect();
    let mut files = Vec::new();
    for cap in CAPS {
        for (threads, quality) in [("1", "5"), ("1", "60"), ("2", "95")] {
            let out = folder.path().join(format!("{}-{quality}", cap.0));
            // Files that nobody can read are among them.
            with(cap, "encode", threads)
                .args(["-q", quality, "--out-dir"])
                .arg(&out)
                .args(&inputs)
                .assert()
                .code(1);
            files.extend(fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
    assert!(files.len() / CAPS.len() >= 50, "{}", files.len());
    for cap in CAPS {
        for threads in ["1", "2"] {
            with(cap, "verify", threads).args(&files).assert().success();
        }
    }
    wavern().args(["verify", "--quiet"]).args(&files).assert().success();
    println!("{} files", files.len());
}
