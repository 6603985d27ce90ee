//! The command with libtorch from outside.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use assert_cmd::Command;
use std::fs;
use std::path::{Path, PathBuf};

fn wavern() -> Command {
    Command::new(assert_cmd::cargo_bin!("wavern-torch"))
}

fn testdata() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata")
}

/// Instructions that libtorch and its oneDNN may use at most.
const CAPS: [(&str, &str); 3] = [("default", "SSE41"), ("avx2", "AVX2"), ("avx512", "DEFAULT")];

/// libtorch shapes what an encoder sends, and pixels. Whatever it sends, everybody decodes the symbols that were
/// written; and what another machine's libtorch wrote decodes with this one's.
#[test]
fn libtorch_with_any_instructions_gets_the_symbols_that_any_wrote() {
    let folder = tempfile::tempdir().unwrap();
    let with = |(aten, onednn): (&str, &str), verb: &str, threads: &str| {
        let mut command = wavern();
        command.env("ATEN_CPU_CAPABILITY", aten).env("ONEDNN_MAX_CPU_ISA", onednn);
        command.args([verb, "--quiet", "-j", threads, "--backend", "torch"]);
        command
    };
    let inputs = |kind| fs::read_dir(testdata().join(kind)).unwrap().map(|entry| entry.unwrap().path());
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

#[test]
fn a_device_that_is_not_there_has_a_code_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let (picture, file) = (testdata().join("image/1x1.png"), folder.path().join("x.wvn"));
    wavern().arg("encode").arg(&picture).arg(&file).assert().success();
    for (verb, input, output) in [("encode", &picture, "y.wvn"), ("decode", &file, "x.png")] {
        let output = folder.path().join(output);
        let mut command = wavern();
        command.arg(verb).arg(input).arg(&output).args(["--backend", "torch", "--device", "cuda:99"]);
        let assert = command.assert().code(7);
        let message = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
        assert!(message.starts_with("error: ") && message.contains("99"), "{message}");
        assert!(!output.exists());
    }
}

#[test]
fn the_command_trains() {
    let help = wavern().args(["train", "--help"]).assert().success();
    let text = String::from_utf8_lossy(&help.get_output().stdout).into_owned();
    assert!(text.contains("export"), "{text}");
}
