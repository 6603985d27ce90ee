//! Codecs without loss: sizes and speeds over files.

use crate::chart::{self, Panel, Series};
use crate::{Row, codecs};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// One codec without loss at one setting, over all files. Only rows with [`Row::bps`] count.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Exact {
    /// [`Row::codec`].
    pub codec: String,
    /// [`Row::goal`].
    pub setting: Option<f64>,
    /// How many files.
    pub files: usize,
    /// Bytes of all of them.
    pub bytes: u64,
    /// Mean over files of [`Row::bps`].
    pub bps: f64,
    /// Percent more bytes than the anchor at the setting where it takes fewest, over the files that both have; negative
    /// is less.
    pub against: Option<f64>,
    /// Megapixels or seconds of sound a second, over all files.
    pub encode_speed: Option<f64>,
    /// As above.
    pub decode_speed: Option<f64>,
}

/// The rows of one codec at one setting.
fn groups<'a>(rows: &'a [Row], codec: &str) -> Vec<Vec<&'a Row>> {
    let mut groups: BTreeMap<u64, Vec<&Row>> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.codec == codec && row.bps.is_some()) {
        // As settings are not below 0, their bits have their order.
        groups.entry(row.goal().unwrap_or(0.0).to_bits()).or_default().push(row);
    }
    groups.into_values().collect()
}

/// One entry for each codec and setting, codecs in order of appearance and settings in their own order.
pub fn exact(rows: &[Row], anchor: Option<&str>) -> Vec<Exact> {
    let total = |rows: &[&Row]| rows.iter().map(|row| row.bytes).sum::<u64>();
    let anchors = anchor.map(|anchor| groups(rows, anchor)).unwrap_or_default();
    // A setting that has all files before one that lacks some.
    let anchor = anchors.iter().min_by_key(|rows| (usize::MAX - rows.len(), total(rows)));
    let against = |group: &[&Row]| {
        let pairs = group.iter().filter_map(|row| {
            let other = anchor?.iter().find(|other| other.file == row.file)?;
            Some((row.bytes, other.bytes))
        });
        let (own, other) = pairs.fold((0, 0), |sum, pair| (sum.0 + pair.0, sum.1 + pair.1));
        (other > 0).then(|| 100.0 * (own as f64 / other as f64 - 1.0))
    };
    let entry = |group: Vec<&Row>| Exact {
        codec: group[0].codec.clone(),
        setting: group[0].goal(),
        files: group.len(),
        bytes: total(&group),
        bps: group.iter().filter_map(|row| row.bps).sum::<f64>() / group.len() as f64,
        against: against(&group),
        encode_speed: speed(&group, |row| row.encode_s),
        decode_speed: speed(&group, |row| row.decode_s),
    };
    codecs(rows).into_iter().flat_map(|codec| groups(rows, codec)).map(entry).collect()
}

/// Megapixels or seconds of sound for each second.
fn speed(rows: &[&Row], seconds: fn(&Row) -> Option<f64>) -> Option<f64> {
    let each = rows.iter().filter_map(|row| Some((row.extent()?, seconds(row)?)));
    let (extent, time) = each.fold((0.0, 0.0), |sum, (extent, time)| (sum.0 + extent, sum.1 + time));
    (time > 0.0).then_some(extent / time)
}

/// [`exact`] as a table for people.
pub fn exact_table(rows: &[Row], anchor: Option<&str>) -> String {
    let width = codecs(rows).iter().map(|codec| codec.len()).max().unwrap_or(0).max(5);
    let unit = if rows.iter().any(Row::is_image) { "MP/s" } else { "x real time" };
    let versus = anchor.map(|anchor| format!("  vs {anchor}")).unwrap_or_default();
    let mut out = format!("{:width$} effort files        bytes bits/sample{versus}", "codec");
    let _ = writeln!(out, "  encode, decode {unit}"); // writing to a String cannot fail
    let cell = |value: Option<f64>| value.map_or("-".to_owned(), |v| format!("{v:.2}"));
    for one in exact(rows, anchor) {
        let setting = one.setting.map_or("-".to_owned(), |setting| setting.to_string());
        let Exact { codec, files, bytes, bps, .. } = &one;
        let _ = write!(out, "{codec:width$} {setting:>6} {files:>5} {bytes:>12} {bps:>11.4}");
        if anchor.is_some() {
            let percent = one.against.map_or("-".to_owned(), |percent| format!("{percent:+.2}%"));
            let _ = write!(out, "{percent:>0$}", versus.len());
        }
        let _ = writeln!(out, "  {:>6}, {:>6}", cell(one.encode_speed), cell(one.decode_speed));
    }
    out
}

/// Size against the speed of encoders and of decoders: two panels.
pub fn exact_panels(rows: &[Row]) -> Vec<Panel> {
    let unit = if rows.iter().any(Row::is_image) { "megapixels per second" } else { "times real time" };
    let all = exact(rows, None);
    let panel = |title: &str, speed: fn(&Exact) -> Option<f64>| {
        let of_codec = |(color, codec): (usize, &str)| {
            let points = all.iter().filter(|one| one.codec == codec);
            Series {
                color,
                points: points.filter_map(|one| Some((speed(one)?, one.bps))).collect(),
                line: true,
            }
        };
        Panel {
            title: title.to_owned(),
            axes: (unit.to_owned(), "bits per sample (lower is better)".to_owned()),
            log_x: true,
            places: Vec::new(),
            series: codecs(rows).into_iter().enumerate().map(of_codec).collect(),
        }
    };
    vec![panel(chart::ENCODING, |one| one.encode_speed), panel(chart::DECODING, |one| one.decode_speed)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(codec: &str, setting: f64, file: &str, bytes: u64, seconds: f64) -> Row {
        Row {
            codec: codec.to_owned(),
            setting: Some(setting),
            file: file.to_owned(),
            bytes,
            width: Some(1000),
            height: Some(500),
            bpp: Some(bytes as f64 * 8.0 / 5e5),
            bps: Some(bytes as f64 * 8.0 / 15e5),
            encode_s: Some(seconds),
            decode_s: Some(0.5 * seconds),
            ..Row::default()
        }
    }

    #[test]
    fn bytes_are_compared_over_the_files_that_both_have() {
        let rows = [
            row("own", 1.0, "a", 150_000, 0.1),
            row("own", 1.0, "b", 600_000, 0.4),
            row("peer", 1.0, "a", 300_000, 1.0),
            row("peer", 1.0, "b", 300_000, 1.0),
            row("peer", 9.0, "a", 200_000, 1.0),
            row("peer", 9.0, "b", 300_000, 3.0),
            row("other", 2.0, "b", 330_000, 1.0),
        ];
        let found = exact(&rows, Some("peer"));
        let bytes: Vec<_> = found.iter().map(|one| (one.codec.as_str(), one.setting, one.bytes)).collect();
        let expected = [
            ("own", Some(1.0), 750_000),
            ("peer", Some(1.0), 600_000),
            ("peer", Some(9.0), 500_000),
            ("other", Some(2.0), 330_000),
        ];
        assert_eq!(bytes, expected);
        let against: Vec<f64> = found.iter().map(|one| one.against.unwrap().round()).collect();
        assert_eq!(against, [50.0, 20.0, 0.0, 10.0]);
        assert!((found[0].bps - 2.0).abs() < 1e-9 && (found[0].encode_speed.unwrap() - 2.0).abs() < 1e-9);
        assert!((found[2].decode_speed.unwrap() - 0.5).abs() < 1e-9);

        let table = exact_table(&rows, Some("peer"));
        assert!(
            table.contains("own        1     2       750000      2.0000  +50.00%    2.00,   4.00"),
            "{table}"
        );
        assert_eq!(exact_panels(&rows)[0].series[1].points.len(), 2);
    }

    #[test]
    fn rows_that_were_not_found_the_same_do_not_count() {
        let lossy = Row { bps: None, ..row("own", 1.0, "a", 5, 0.1) };
        assert_eq!(exact(&[lossy], Some("own")), []);
    }
}
