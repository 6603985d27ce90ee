//! Rows, regions, scales and many files at once.

use super::*;

fn pixels(image: &Image) -> &[u8] {
    match image.samples() {
        wavern::Samples::U8(samples) => samples,
        wavern::Samples::U16(_) => panic!("8 bits are expected"),
    }
}

#[test]
fn a_pnm_that_streams_gives_the_file_of_a_picture_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    let png = testdata("photo.png");
    let [ppm, streamed, whole] = ["a.ppm", "a.wvn", "b.wvn"].map(|name| folder.path().join(name));
    let photo = image(&png);
    let header = format!("P6\n{} {}\n255\n", photo.width(), photo.height());
    fs::write(&ppm, [header.as_bytes(), pixels(&photo)].concat()).unwrap();
    wavern().arg("encode").arg(&ppm).arg(&streamed).assert().success();
    wavern().args(["encode", "-"]).arg(&whole).write_stdin(fs::read(&ppm).unwrap()).assert().success();
    assert_eq!(fs::read(&streamed).unwrap(), fs::read(&whole).unwrap());
    // The pixels of the PNG without its metadata.
    let [row, memory] = ["row.ppm", "memory.png"].map(|name| folder.path().join(name));
    decoded(&streamed, &row);
    decoded(&streamed, &memory);
    assert!(pixels(&image(&row)) == pixels(&image(&memory)));
}

#[test]
fn regions_and_scales_show_the_pixels_of_the_whole() {
    let folder = tempfile::tempdir().unwrap();
    let file = encoded("photo.png", folder.path(), &[]);
    let out = |name: &str| folder.path().join(name);
    decoded(&file, &out("whole.png"));
    let whole = image(&out("whole.png"));
    for name in ["part.ppm", "part.png"] {
        wavern().arg("decode").args(["--region", "40,30,50,60"]).arg(&file).arg(out(name)).assert().success();
        let part = image(&out(name));
        assert_eq!((part.width(), part.height()), (50, 60));
        let row = whole.width() as usize * 3;
        let expected: Vec<u8> = pixels(&whole)
            .chunks_exact(row)
            .skip(30)
            .take(60)
            .flat_map(|line| &line[40 * 3..90 * 3])
            .copied()
            .collect();
        assert!(pixels(&part) == expected, "{name}");
    }
    wavern().arg("decode").args(["--scale", "1/8"]).arg(&file).arg(out("small.png")).assert().success();
    let small = image(&out("small.png"));
    assert_eq!((small.width(), small.height()), (whole.width().div_ceil(8), whole.height().div_ceil(8)));
    let beyond =
        wavern().arg("decode").args(["--region", "0,0,9999,1"]).arg(&file).arg(out("x.png")).assert();
    let message = String::from_utf8_lossy(&beyond.code(2).get_output().stderr).into_owned();
    assert!(message.contains("region: 0,0,9999,1 (expected x,y,width,height inside"), "{message}");
}

#[test]
fn a_side_of_tiles_cuts_a_small_picture() {
    let folder = tempfile::tempdir().unwrap();
    let tiles = |name: &str, args: &[&str]| {
        let file = folder.path().join(name);
        wavern().arg("encode").args(args).arg(testdata("photo.png")).arg(&file).assert().success();
        let said =
            wavern().args(["info", "--json"]).arg(&file).assert().success().get_output().stdout.clone();
        let facts: serde_json::Value = serde_json::from_slice(&said).unwrap();
        facts["tiles"].as_u64().unwrap()
    };
    assert_eq!(tiles("a.wvn", &[]), 1);
    assert_eq!(tiles("b.wvn", &["--tile-side", "256"]), 2);
    assert_eq!(tiles("c.wvn", &["--tile-side", "256", "-e", "2"]), 2);
}

#[test]
fn a_folder_is_coded_into_a_folder_and_one_failure_does_not_stop_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let (source, out) = (folder.path().join("in"), folder.path().join("out"));
    fs::create_dir_all(source.join("deep")).unwrap();
    fs::copy(testdata("image/gray-64x40.png"), source.join("a.png")).unwrap();
    fs::copy(testdata("audio/odd-chunks.wav"), source.join("deep/b.wav")).unwrap();
    fs::write(source.join("broken.png"), &fs::read(testdata("image/gray-64x40.png")).unwrap()[..60]).unwrap();
    fs::write(source.join("notes.txt"), "not a picture").unwrap();
    let run =
        |args: &[&str]| wavern().args(["encode", "--out-dir"]).arg(&out).args(args).arg(&source).assert();
    run(&[]).code(2);
    let assert = run(&["-r"]).code(1);
    let message = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    assert!(message.contains("broken.png: ") && message.contains("1 of 3 files failed"), "{message}");
    assert!(out.join("a.wvn").is_file() && out.join("deep/b.wvn").is_file());
    assert_eq!(fs::read_dir(&out).unwrap().count(), 2);
    fs::remove_file(source.join("broken.png")).unwrap();
    run(&["-r", "-f"]).success();
    fs::copy(testdata("image/gray-64x40.png"), source.join("a.jpg")).unwrap();
    run(&["-r", "-f"]).success();
    assert!(out.join("a.jpg.wvn").is_file() && out.join("a.png.wvn").is_file());
    wavern().args(["encode", "one", "two", "three"]).assert().code(2);
}
