//! Completions, manual pages and thumbnails: what desktops and packages need.

use super::*;

/// The verbs that `wavern --help` lists.
fn verbs() -> Vec<String> {
    let help = wavern().arg("--help").assert().success();
    let help = String::from_utf8(help.get_output().stdout.clone()).unwrap();
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let listed = listed.take_while(|line| !line.is_empty()).filter(|line| !line.starts_with("   "));
    let names: Vec<String> = listed.map(|line| line.split_whitespace().next().unwrap().to_owned()).collect();
    names.into_iter().filter(|name| name != "help").collect()
}

#[test]
fn each_shell_gets_completions_with_all_verbs() {
    let verbs = verbs();
    assert!(verbs.iter().any(|verb| verb == "encode") && verbs.len() > 5, "{verbs:?}");
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let assert = wavern().args(["completions", shell]).assert().success();
        let text = String::from_utf8(assert.get_output().stdout.clone()).unwrap();
        for word in verbs.iter().map(String::as_str).chain(["max-error", "jpeg-quality"]) {
            assert!(text.contains(word), "{shell} does not know {word}");
        }
    }
    let assert = wavern().args(["completions", "tcsh"]).assert().code(2);
    assert!(String::from_utf8_lossy(&assert.get_output().stderr).contains("bash"));
}

/// A completion of bash, asked as the shell asks: the last word is the one that is being typed.
#[cfg(target_os = "linux")]
fn completed(script: &Path, words: &[&str]) -> String {
    let ask = r#"
        source "$1"; shift
        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
        _wavern "$1" "${!#}" "${COMP_WORDS[COMP_CWORD - 1]}"
        echo "${COMPREPLY[@]}""#;
    let mut bash = std::process::Command::new("bash");
    let out = bash.args(["-c", ask, "bash"]).arg(script).args(words).output().unwrap();
    String::from_utf8(out.stdout).unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn bash_completes_verbs_options_and_values() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("wavern.bash");
    let assert = wavern().args(["completions", "bash"]).assert().success();
    fs::write(&script, &assert.get_output().stdout).unwrap();
    assert_eq!(completed(&script, &["wavern", "enc"]), "encode\n");
    assert_eq!(completed(&script, &["wavern", "decode", "--jpeg-q"]), "--jpeg-quality\n");
    assert_eq!(completed(&script, &["wavern", "encode", "--tune", "vis"]), "visual\n");
}

#[test]
fn each_verb_gets_a_manual_page() {
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("new/pages");
    wavern().arg("man").arg(&pages).assert().success();
    let found = names(&pages);
    for verb in verbs() {
        let name = format!("wavern-{verb}.1");
        assert!(found.contains(&name), "{name}: {found:?}");
    }
    assert!(found.contains(&"wavern-eval-images.1".to_owned()));
    // What the help hides has none.
    assert!(!found.iter().any(|name| name.contains("measure") || name.contains("help")), "{found:?}");
    let encode = fs::read_to_string(pages.join("wavern-encode.1")).unwrap();
    assert!(encode.contains(".TH wavern-encode 1") && encode.contains("\\-\\-max\\-error"), "{encode}");
    let all = fs::read_to_string(pages.join("wavern.1")).unwrap();
    assert!(all.contains("wavern\\-decode(1)") && all.contains(env!("CARGO_PKG_VERSION")), "{all}");
}

#[test]
fn pages_are_overwritten_only_if_that_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let mine = folder.path().join("wavern-info.1");
    fs::write(&mine, "mine").unwrap();
    let assert = wavern().arg("man").arg(folder.path()).assert().code(1);
    let message = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    assert!(message.contains("wavern-info.1: exists already (use -f to overwrite)"), "{message}");
    assert_eq!(names(folder.path()), ["wavern-info.1"]);
    assert_eq!(fs::read_to_string(&mine).unwrap(), "mine");
    wavern().args(["man", "-f"]).arg(folder.path()).assert().success();
    assert!(fs::read_to_string(&mine).unwrap().contains(".TH wavern-info 1"));
    // A file is no folder.
    wavern().arg("man").arg(&mine).assert().code(1);
}

#[test]
fn a_picture_is_made_to_fit() {
    let folder = tempfile::tempdir().unwrap();
    let file = encoded("photo.png", folder.path(), &[]);
    let photo = image(&testdata("photo.png"));
    let (width, height) = (photo.width(), photo.height());
    let out = folder.path().join("small");
    for side in [1, 30, 32, width.max(height) - 1, width.max(height), 5000] {
        wavern()
            .args(["decode", "-f", "--format", "png", "--fit", &side.to_string()])
            .args([&file, &out])
            .assert()
            .success();
        let small = image(&out);
        let longer = small.width().max(small.height());
        assert_eq!(longer, side.min(width.max(height)));
        let exact = f64::from(longer) / f64::from(width.max(height));
        let off = |is: u32, of: u32| (f64::from(is) - (f64::from(of) * exact).max(1.0)).abs();
        assert!(off(small.width(), width) <= 0.5 && off(small.height(), height) <= 0.5, "{side}");
    }
    for wrong in
        [&["--fit", "0"][..], &["--fit", "9", "--scale", "1/2"], &["--fit", "9", "--region", "0,0,1,1"]]
    {
        wavern().args(["decode", "-f"]).args(wrong).arg(&file).arg("x.png").assert().code(2);
    }
    let sound = testdata("golden/sound-mono-u8.wvn");
    wavern().args(["decode", "--fit", "9"]).arg(sound).arg(folder.path().join("x.wav")).assert().code(2);
}

#[test]
fn a_picture_that_fits_shows_what_the_whole_shows() {
    let folder = tempfile::tempdir().unwrap();
    let file = encoded("photo.png", folder.path(), &["-q", "90"]);
    let [small, whole] = ["small.png", "whole.png"].map(|name| folder.path().join(name));
    wavern().args(["decode", "--fit", "24"]).args([&file, &small]).assert().success();
    decoded(&file, &whole);
    let mean = |path: &Path, channel: usize| {
        let image = image(path);
        let wavern::Samples::U8(samples) = image.samples() else { panic!("8 bits are expected") };
        let of_one = samples.iter().skip(channel).step_by(3).map(|&sample| f64::from(sample));
        of_one.sum::<f64>() / image.pixels() as f64
    };
    for channel in 0..3 {
        let (small, whole) = (mean(&small, channel), mean(&whole, channel));
        assert!((small - whole).abs() < 2.0, "channel {channel}: {small} and {whole}");
    }
}
