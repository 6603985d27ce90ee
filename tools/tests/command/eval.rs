//! `wavern eval`.

use super::*;
use wavern_cli::report;

fn corpus(folder: &Path) {
    fs::create_dir(folder.join("sub")).unwrap();
    fs::copy(testdata("image/gray-64x40.png"), folder.join("a.png")).unwrap();
    fs::copy(testdata("image/turned-64x40.jpg"), folder.join("sub/b.jpg")).unwrap();
    fs::copy(testdata("audio/stereo-s24-96000.wav"), folder.join("c.wav")).unwrap();
    fs::write(folder.join("notes.txt"), "not a signal").unwrap();
}

#[test]
fn rows_means_and_a_comparison_with_themselves() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    fs::create_dir(&data).unwrap();
    corpus(&data);
    let (csv, json) = (folder.path().join("r.csv"), folder.path().join("r.json"));
    let eval = |more: &[&str]| wavern().arg("eval").arg(&data).args(["-q", "10,50,80"]).args(more).assert();
    let (csv_name, json_name) = (csv.to_str().unwrap(), json.to_str().unwrap());
    eval(&["--csv", csv_name, "--json", json_name]).success().stderr("");

    let rows = report::from_csv(&fs::read(&csv).unwrap()).unwrap();
    assert_eq!(rows.len(), 9);
    for row in &rows {
        assert_eq!(row.bpp.is_some(), row.psnr.is_some(), "{row:?}");
        assert_eq!(row.kbps.is_some(), row.si_sdr.is_some() && row.lsd.is_some(), "{row:?}");
        assert!(row.bytes > 0 && row.encode_s > 0.0 && row.decode_s > 0.0, "{row:?}");
    }
    let psnr: Vec<f64> =
        rows.iter().filter(|row| row.file.ends_with("a.png")).filter_map(|row| row.psnr).collect();
    assert!(psnr.len() == 3 && psnr[0] < psnr[1] && psnr[1] < psnr[2], "{psnr:?}");
    let facts: serde_json::Value = serde_json::from_slice(&fs::read(&json).unwrap()).unwrap();
    assert_eq!(facts["rows"].as_array().unwrap().len(), 9);
    assert_eq!(facts["means"]["pictures"][0]["files"], 2);

    let assert = eval(&["--anchor", csv_name]).success();
    let text = String::from_utf8_lossy(&assert.get_output().stdout).into_owned();
    let line = text.lines().find(|line| line.starts_with("BD-rate PSNR: ")).unwrap();
    assert!(line.contains("0.00 % on the mean curves") && line.contains("as mean of 2 files"), "{line}");
    eval(&["--csv", csv_name]).code(1); // exists already
}

#[test]
fn one_bad_file_does_not_stop_the_others() {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(testdata("audio/cut-short.wav"), folder.path().join("bad.wav")).unwrap();
    fs::copy(testdata("audio/mono-u8-8000.wav"), folder.path().join("good.wav")).unwrap();
    let assert = wavern().arg("eval").arg(folder.path()).args(["--bitrate", "32k"]).assert().code(1);
    let output = assert.get_output();
    let (text, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("32k      1"), "{text}");
    assert!(errors.contains("bad.wav") && errors.contains("1 of 2 files could not be measured"), "{errors}");
    let empty = tempfile::tempdir().unwrap();
    wavern().arg("eval").arg(empty.path()).assert().code(1);
}
