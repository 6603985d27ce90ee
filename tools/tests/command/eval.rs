//! `wavern eval`.

use super::*;
use wavern_eval::{Row, from_csv};

fn rows(csv: &Path) -> Vec<Row> {
    from_csv(&fs::read(csv).unwrap()).unwrap()
}

/// Times and memory differ from run to run; nothing else does.
fn without_costs(rows: Vec<Row>) -> Vec<Row> {
    let bare = |row| Row {
        encode_s: None,
        encode_cpu_s: None,
        encode_mib: None,
        decode_s: None,
        decode_cpu_s: None,
        decode_mib: None,
        ..row
    };
    rows.into_iter().map(bare).collect()
}

/// Two pictures, one of them in a folder of its own, and what is no picture.
fn pictures(folder: &Path) -> PathBuf {
    let data = folder.join("data");
    fs::create_dir_all(data.join("sub")).unwrap();
    fs::copy(testdata("image/gray-64x40.png"), data.join("a.png")).unwrap();
    fs::copy(testdata("image/turned-64x40.jpg"), data.join("sub/b.jpg")).unwrap();
    fs::copy(testdata("audio/stereo-s24-96000.wav"), data.join("c.wav")).unwrap();
    fs::write(data.join("notes.txt"), "not a signal").unwrap();
    data
}

fn images(data: &Path, more: &[&str]) -> assert_cmd::assert::Assert {
    let mut command = wavern();
    command.args(["eval", "images", "-q", "10,50,80", "--peers", "none"]).arg(data).args(more).assert()
}

#[test]
fn rows_means_and_a_comparison_with_themselves() {
    let folder = tempfile::tempdir().unwrap();
    let data = pictures(folder.path());
    let (csv, json) = (folder.path().join("r.csv"), folder.path().join("r.json"));
    let (csv_name, json_name) = (csv.to_str().unwrap(), json.to_str().unwrap());
    images(&data, &["--csv", csv_name, "--json", json_name]).success().stderr("");

    let measured = rows(&csv);
    let files: Vec<&str> = measured.iter().map(|row| row.file.as_str()).collect();
    assert_eq!(files, ["a.png", "a.png", "a.png", "sub/b.jpg", "sub/b.jpg", "sub/b.jpg"]);
    for row in &measured {
        let seen = [row.bpp, row.psnr, row.psnr_y, row.ssimulacra2, row.butteraugli];
        assert!(seen.iter().all(Option::is_some) && row.kbps.is_none(), "{row:?}");
        assert!(row.bytes > 0 && row.encode_s > Some(0.0) && row.decode_s > Some(0.0), "{row:?}");
        assert!(row.encode_mib > Some(1.0) && row.decode_mib > Some(1.0), "{row:?}");
        assert_eq!((row.width, row.height, row.codec.as_str()), (Some(64), Some(40), "wavern"));
    }
    assert!(measured[0].psnr < measured[1].psnr && measured[1].psnr < measured[2].psnr);
    let facts: serde_json::Value = serde_json::from_slice(&fs::read(&json).unwrap()).unwrap();
    assert_eq!(facts["rows"].as_array().unwrap().len(), 6);
    assert_eq!(facts["means"][0]["files"], 2);

    let assert = images(&data, &["--anchor", csv_name]).success();
    let text = String::from_utf8_lossy(&assert.get_output().stdout).into_owned();
    assert!(text.contains("\nBD-rate against wavern of r: percent more bytes"), "{text}");
    let line = text.lines().find(|line| line.starts_with("PSNR  ")).unwrap();
    let cells: Vec<&str> = line.split_whitespace().collect();
    assert!(cells[1] == "wavern" && cells[2].ends_with("0.0") && cells.last() == Some(&"2"), "{line}");
    images(&data, &["--csv", csv_name]).code(1); // exists already
}

#[test]
fn an_interrupted_run_goes_on_and_gives_the_same_rows() {
    let folder = tempfile::tempdir().unwrap();
    let data = pictures(folder.path());
    let (whole, csv) = (folder.path().join("whole.csv"), folder.path().join("r.csv"));
    images(&data, &["--csv", whole.to_str().unwrap()]).success();
    assert_eq!(names(folder.path()), ["data", "whole.csv"]);

    // What is left of a run that was killed in its fourth measurement: three rows and a piece of one.
    let bytes = fs::read(&whole).unwrap();
    let ends: Vec<usize> = (0..bytes.len()).filter(|&at| bytes[at] == b'\n').collect();
    fs::write(folder.path().join("r.csv.part"), &bytes[..ends[3] + 20]).unwrap();
    let again = images(&data, &["--csv", csv.to_str().unwrap()]).success();
    let note = String::from_utf8_lossy(&again.get_output().stderr).into_owned();
    assert!(note.contains("3 measurements are from an earlier run"), "{note}");
    assert_eq!(without_costs(rows(&csv)), without_costs(rows(&whole)));
    assert_eq!(rows(&csv)[..3], rows(&whole)[..3]);
    assert_eq!(names(folder.path()), ["data", "r.csv", "whole.csv"]);

    let more = images(&data, &["--csv", csv.to_str().unwrap(), "--resume"]).success();
    let note = String::from_utf8_lossy(&more.get_output().stderr).into_owned();
    assert!(note.contains("6 measurements are from an earlier run"), "{note}");
}

#[test]
fn rates_that_are_aimed_at_are_met_and_variants_are_curves_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let csv = folder.path().join("r.csv");
    let mut command = wavern();
    command.args(["eval", "images", "--peers", "none", "--bpp", "0.5,1", "--variant", "again=--json"]);
    command.arg(testdata("photo.png")).args(["--anchor", "again", "--csv"]).arg(&csv).assert().success();
    let measured = rows(&csv);
    let codecs: Vec<&str> = measured.iter().map(|row| row.codec.as_str()).collect();
    assert_eq!(codecs, ["wavern", "wavern", "again", "again"]);
    for row in &measured {
        let (rate, target) = (row.bpp.unwrap(), row.target.unwrap());
        assert!((rate / target - 1.0).abs() < 0.05, "{rate} bpp at {:?} for {target}", row.setting);
    }
}

#[test]
fn a_peer_is_measured_through_its_own_tools_or_named_and_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let csv = folder.path().join("r.csv");
    let eval = || {
        let mut command = wavern();
        command.args([
            "eval",
            "images",
            "-q",
            "50",
            "--peers",
            "jpeg",
            "--settings",
            "jpeg=20,80",
            "-f",
            "--csv",
        ]);
        command.arg(&csv).arg(testdata("photo.png"));
        command
    };
    let assert = eval().env("PATH", "").assert().success();
    let note = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    assert!(note.contains("jpeg is left out: cjpeg is not installed"), "{note}");
    assert_eq!(rows(&csv).len(), 1);

    if std::process::Command::new("cjpeg").arg("-version").output().is_err() {
        eprintln!("cjpeg is not installed: the rest of this test is left out");
        return;
    }
    eval().assert().success();
    let measured = rows(&csv);
    let settings: Vec<_> = measured.iter().map(|row| (row.codec.as_str(), row.setting.unwrap())).collect();
    assert_eq!(settings, [("wavern", 50.0), ("jpeg", 20.0), ("jpeg", 80.0)]);
    assert!(measured[1].version.starts_with("libjpeg-turbo "), "{:?}", measured[1].version);
    assert_eq!(measured[1].arguments, "-quality 20 -sample 2x2 -optimize");
    assert!(measured[1].psnr < measured[2].psnr && measured[1].bytes < measured[2].bytes);
}

#[test]
fn one_bad_file_does_not_stop_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let whole = fs::read(testdata("image/gray-64x40.png")).unwrap();
    fs::write(folder.path().join("bad.png"), &whole[..whole.len() / 2]).unwrap();
    fs::write(folder.path().join("good.png"), whole).unwrap();
    let assert = images(folder.path(), &[]).code(1);
    let output = assert.get_output();
    let (text, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("wavern       50     1"), "{text}");
    assert!(
        errors.contains("bad.png") && errors.contains("3 of 6 measurements could not be made"),
        "{errors}"
    );
    let variant = ["--variant", "x=--no-such-option"];
    let assert = images(&folder.path().join("good.png"), &variant).code(1);
    let errors = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    assert!(errors.contains("good.png, x: wavern: exit code 2: error: unexpected argument"), "{errors}");
    let empty = tempfile::tempdir().unwrap();
    images(empty.path(), &[]).code(1);
}

#[test]
fn wrong_peers_settings_and_anchors_are_refused_before_anything_is_measured() {
    let eval = |more: &[&str]| {
        let assert = wavern().args(["eval", "images"]).arg(testdata("photo.png")).args(more).assert().code(2);
        String::from_utf8_lossy(&assert.get_output().stderr).into_owned()
    };
    assert!(eval(&["--peers", "gif"]).contains("unknown peer gif (expected none, or some of jpeg, webp"));
    assert!(
        eval(&["--peers", "none", "--settings", "jpeg=5"]).contains("jpeg, which is not among the peers")
    );
    assert!(
        eval(&["--peers", "none", "--anchor", "x"])
            .contains("anchor x is neither a file nor a codec of this run")
    );
    assert!(eval(&["--bpp", "0"]).contains("expected a number above 0"));
    assert!(eval(&["--variant", "x"]).contains("expected NAME=OPTIONS"));
}

#[test]
fn sounds_are_measured_and_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let (csv, plot, page) =
        (folder.path().join("r.csv"), folder.path().join("r.svg"), folder.path().join("page"));
    let mut command = wavern();
    command.args(["eval", "audio", "--peers", "none", "--listeners", "none", "--bitrate", "48k,96k"]);
    command
        .arg(testdata("sound.wav"))
        .arg("--csv")
        .arg(&csv)
        .arg("--plot")
        .arg(&plot)
        .arg("--html")
        .arg(&page);
    command.assert().success();
    let measured = rows(&csv);
    assert_eq!(measured.len(), 2);
    for row in &measured {
        let seen = [row.kbps, row.si_sdr, row.lsd, row.mel];
        assert!(seen.iter().all(Option::is_some) && row.bpp.is_none() && row.zimtohrli.is_none(), "{row:?}");
        assert_eq!(row.delay, Some(0));
    }
    assert!(measured[0].si_sdr < measured[1].si_sdr && measured[0].mel > measured[1].mel);
    assert!(fs::read_to_string(&plot).unwrap().contains("SI-SDR"));
    let text = fs::read_to_string(page.join("index.html")).unwrap();
    assert!(text.contains("<audio"));
    // Self-contained: no address but the name that every SVG carries.
    assert_eq!(text.matches("http").count(), text.matches("xmlns=\"http://www.w3.org/2000/svg\"").count());
    command.arg("--resume").assert().success();
}

#[test]
fn a_picture_among_sounds_and_a_plot_of_no_known_kind_are_refused() {
    let audio = |more: &[&str]| {
        let mut command = wavern();
        command.args(["eval", "audio", "--peers", "none", "--listeners", "none"]).args(more);
        let assert = command.arg(testdata("photo.png")).assert().failure();
        String::from_utf8_lossy(&assert.get_output().stderr).into_owned()
    };
    assert!(audio(&[]).contains("photo.png: this is a picture (expected a sound"));
    assert!(audio(&["--plot", "curve.pdf"]).contains("curve.pdf: the plot is SVG or PNG"));
}

#[test]
fn without_loss_samples_are_verified_and_bytes_compared() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let eval = |kind: &str, efforts: &str, input: &str, more: &[&str]| {
        let mut command = wavern();
        command.args(["eval", kind, "--lossless", "-e", efforts, "-f", "--peers", "none"]).args(more);
        let assert = command.arg(testdata(input)).arg("--csv").arg(at("r.csv")).assert().success();
        String::from_utf8_lossy(&assert.get_output().stdout).into_owned()
    };
    let page = at("page");
    let more = ["--variant", "tiles=--tile-side 256", "--html", page.to_str().unwrap()];
    let text = eval("images", "1,2", "photo.png", &more);
    assert!(text.starts_with("codec  effort files        bytes bits/sample  vs wavern"), "{text}");
    let measured = rows(&at("r.csv"));
    let facts: Vec<_> = measured.iter().map(|row| (row.codec.as_str(), row.setting.unwrap())).collect();
    assert_eq!(facts, [("wavern", 1.0), ("wavern", 2.0), ("tiles", 1.0), ("tiles", 2.0)]);
    for row in &measured {
        let samples = f64::from(row.width.unwrap() * row.height.unwrap() * 3);
        assert!((row.bps.unwrap() - row.bytes as f64 * 8.0 / samples).abs() < 1e-9 && row.psnr.is_none());
    }
    assert!(fs::read_to_string(page.join("index.html")).unwrap().contains("all samples of every file"));
    let text = eval("audio", "1", "sound.wav", &[]);
    assert!(text.contains("x real time"), "{text}");
    assert!(rows(&at("r.csv")).iter().all(|row| row.bps > Some(0.5) && row.bps < Some(16.0)));

    // What is not the same is no measurement.
    let own = assert_cmd::cargo_bin!("wavern").display().to_string();
    let lines = format!("x={own} encode -q {{q}} {{in}} {{out}} :: {own} decode {{in}} {{out}}");
    let mut command = wavern();
    command.args(["eval", "images", "--lossless", "--peers", "none", "-e", "1", "--settings", "x=80"]);
    let assert = command.args(["--peer-command", &lines]).arg(testdata("photo.png")).assert().code(1);
    let note = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    assert!(note.contains("x: decoded to other samples than those of the original"), "{note}");
}

#[test]
fn peers_without_loss_are_measured_or_named_and_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let csv = folder.path().join("r.csv");
    let eval = |kind: &str, input: &str| {
        let mut command = wavern();
        command.args(["eval", kind, "--lossless", "-e", "1", "-f", "--csv"]).arg(&csv).arg(testdata(input));
        command
    };
    let lists = [
        ("images", "photo.png", &["jxl", "webp", "flif", "oxipng"][..]),
        ("audio", "sound.wav", &["flac", "wavpack", "ape", "optimfrog"]),
    ];
    for (kind, input, names) in lists {
        let assert = eval(kind, input).env("PATH", "").assert().success();
        let note = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
        assert!(names.iter().all(|name| note.contains(&format!("{name} is left out: "))), "{note}");
        assert_eq!(rows(&csv).len(), 1);
        // All that are installed give back what they were given.
        let assert = eval(kind, input).assert().success();
        let note = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
        let measured = rows(&csv);
        for name in names {
            let is_there = measured.iter().any(|row| row.codec == *name && row.bps.is_some());
            assert_ne!(is_there, note.contains(&format!("{name} is left out: ")), "{note}");
        }
    }
}
