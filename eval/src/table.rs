//! Means over files: the rate–distortion curve of a codec, as numbers and as a table for people.

use crate::{Metric, Row};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The mean over files of one codec at one setting.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Mean {
    /// How many files.
    pub files: usize,
    /// Means of the cells; cells of text are taken from the first file.
    pub row: Row,
}

/// The codecs of these rows, in order of first appearance.
pub fn codecs(rows: &[Row]) -> Vec<&str> {
    let mut codecs: Vec<&str> = Vec::new();
    for row in rows {
        if !codecs.contains(&row.codec.as_str()) {
            codecs.push(&row.codec);
        }
    }
    codecs
}

/// One mean for each codec and setting, codecs in order of appearance and settings in order of rate. Settings that only
/// some of the files have would bend the curve, so the number of files stands beside each mean.
pub fn means(rows: &[Row]) -> Vec<Mean> {
    let mut all = Vec::new();
    for codec in codecs(rows) {
        let mut groups: BTreeMap<u64, Vec<&Row>> = BTreeMap::new();
        for row in rows.iter().filter(|row| row.codec == codec) {
            groups.entry(row.goal().unwrap_or(-1.0).to_bits()).or_default().push(row);
        }
        let mut means: Vec<Mean> = groups.into_values().map(|group| mean(&group)).collect();
        means.sort_by(|a, b| a.row.rate().unwrap_or(0.0).total_cmp(&b.row.rate().unwrap_or(0.0)));
        all.extend(means);
    }
    all
}

fn mean(rows: &[&Row]) -> Mean {
    let over = |cell: fn(&Row) -> Option<f64>| {
        let values: Vec<f64> = rows.iter().filter_map(|row| cell(row)).collect();
        if values.is_empty() { None } else { Some(values.iter().sum::<f64>() / values.len() as f64) }
    };
    let bytes: u64 = rows.iter().map(|row| row.bytes).sum();
    let row = Row {
        file: "mean".to_owned(),
        codec: rows[0].codec.clone(),
        version: rows[0].version.clone(),
        target: rows[0].target,
        setting: if rows[0].target.is_some() { over(|row| row.setting) } else { rows[0].setting },
        arguments: rows[0].arguments.clone(),
        bytes: bytes / rows.len() as u64,
        bpp: over(|row| row.bpp),
        kbps: over(|row| row.kbps),
        bps: over(|row| row.bps),
        psnr: over(|row| row.psnr),
        psnr_y: over(|row| row.psnr_y),
        ms_ssim: over(|row| row.ms_ssim),
        ssimulacra2: over(|row| row.ssimulacra2),
        butteraugli: over(|row| row.butteraugli),
        butteraugli_max: over(|row| row.butteraugli_max),
        si_sdr: over(|row| row.si_sdr),
        lsd: over(|row| row.lsd),
        mel: over(|row| row.mel),
        visqol: over(|row| row.visqol),
        zimtohrli: over(|row| row.zimtohrli),
        encode_s: over(|row| row.encode_s),
        encode_cpu_s: over(|row| row.encode_cpu_s),
        encode_mib: over(|row| row.encode_mib),
        decode_s: over(|row| row.decode_s),
        decode_cpu_s: over(|row| row.decode_cpu_s),
        decode_mib: over(|row| row.decode_mib),
        ..Row::default()
    };
    Mean { files: rows.len(), row }
}

/// The mean curves as a table for people, one line for each codec and setting.
pub fn table(rows: &[Row]) -> String {
    let metrics = Metric::present(rows);
    let is_image = rows.iter().any(Row::is_image);
    let width = codecs(rows).iter().map(|codec| codec.len()).max().unwrap_or(0).max(5);
    let rate_name = if is_image { "bpp" } else { "kbit/s" };
    let mut out = format!("{:width$} {:>8} {:>5} {rate_name:>8}", "codec", "goal", "files");
    for metric in &metrics {
        let _ = write!(out, " {:>11}", metric.name()); // writing to a String cannot fail
    }
    out.push_str("  encode s  decode s\n");
    let cell = |value: Option<f64>, digits: usize| value.map_or("-".to_owned(), |v| format!("{v:.digits$}"));
    for Mean { files, row } in means(rows) {
        let goal = row.goal().map_or("-".to_owned(), |goal| goal.to_string());
        let rate = cell(row.rate(), if is_image { 4 } else { 2 });
        let _ = write!(out, "{:width$} {goal:>8} {files:>5} {rate:>8}", row.codec);
        for metric in &metrics {
            let _ = write!(out, " {:>11}", cell(metric.of(&row), metric.digits()));
        }
        let _ = writeln!(out, " {:>9} {:>9}", cell(row.encode_s, 3), cell(row.decode_s, 3));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::tests::rows;

    #[test]
    fn means_are_taken_over_files_of_one_codec_and_setting() {
        let both = [rows("test", 1.0), rows("peer", 2.0)].concat();
        let found: Vec<_> =
            means(&both).iter().map(|m| (m.row.codec.clone(), m.files, m.row.setting, m.row.psnr)).collect();
        let curve = [(Some(10.0), Some(30.5)), (Some(50.0), Some(34.5)), (Some(90.0), Some(39.5))];
        let expected: Vec<_> = ["test", "peer"]
            .iter()
            .flat_map(|codec| curve.map(|(setting, psnr)| ((*codec).to_owned(), 2, setting, psnr)))
            .collect();
        assert_eq!(found, expected);
        let table = table(&both);
        assert!(table.contains("test        50     2   0.5000       34.50"), "{table}");
        assert!(!table.contains("SI-SDR"), "{table}");
    }
}
