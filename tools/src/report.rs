//! Rows of measurements: as CSV and JSON, as mean curves, and against another codec's rows.

use crate::error::{Error, Result};
use crate::metrics::{BdRate, bd_rate};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// One file at one setting. Pictures have `bpp`, sounds `kbps`; a cell without meaning is empty.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Row {
    /// Path of the original.
    pub file: String,
    /// Quality asked for, 0..=100.
    pub quality: Option<f64>,
    /// Bits per second asked for.
    pub bitrate: Option<f64>,
    /// Quality level that was used.
    pub level: Option<u16>,
    /// Bytes of the coded file.
    pub bytes: u64,
    /// Bits per pixel.
    pub bpp: Option<f64>,
    /// Thousands of bits per second.
    pub kbps: Option<f64>,
    /// PSNR over all colour channels, dB.
    pub psnr: Option<f64>,
    /// MS-SSIM, 0..=1.
    pub ms_ssim: Option<f64>,
    /// SI-SDR, dB.
    pub si_sdr: Option<f64>,
    /// Log-spectral distance, dB; lower is better.
    pub lsd: Option<f64>,
    /// Seconds of encoding, without reading the original.
    pub encode_s: f64,
    /// Seconds of decoding, without writing the result.
    pub decode_s: f64,
}

/// What is measured, with its name in tables and whether more is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    /// [`Row::psnr`].
    Psnr,
    /// [`Row::ms_ssim`].
    MsSsim,
    /// [`Row::si_sdr`].
    SiSdr,
    /// [`Row::lsd`].
    Lsd,
}

impl Metric {
    /// All of them, in the order of the columns.
    pub const ALL: [Self; 4] = [Self::Psnr, Self::MsSsim, Self::SiSdr, Self::Lsd];

    /// As in the head of a table.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Psnr => "PSNR",
            Self::MsSsim => "MS-SSIM",
            Self::SiSdr => "SI-SDR",
            Self::Lsd => "LSD",
        }
    }

    /// Its cell of a row.
    pub fn of(self, row: &Row) -> Option<f64> {
        match self {
            Self::Psnr => row.psnr,
            Self::MsSsim => row.ms_ssim,
            Self::SiSdr => row.si_sdr,
            Self::Lsd => row.lsd,
        }
    }

    /// A scale on which more is better and equal steps look or sound alike: MS-SSIM in dB, −10·log10(1 − x), as papers
    /// plot it; LSD with its sign turned.
    fn for_curves(self, value: f64) -> f64 {
        match self {
            Self::MsSsim => -10.0 * (1.0 - value).log10(),
            Self::Lsd => -value,
            Self::Psnr | Self::SiSdr => value,
        }
    }
}

impl Row {
    /// Bits per pixel, or thousands of bits per second.
    pub fn rate(&self) -> Option<f64> {
        self.bpp.or(self.kbps)
    }

    /// What was asked for; rows of equal settings make one point of the mean curve.
    fn setting(&self) -> (u64, u64) {
        (self.quality.unwrap_or(-1.0).to_bits(), self.bitrate.unwrap_or(-1.0).to_bits())
    }
}

/// Rows as CSV with a line of names.
pub fn to_csv(rows: &[Row]) -> Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        writer.serialize(row).map_err(Error::failed)?;
    }
    writer.into_inner().map_err(Error::failed)
}

/// Rows from CSV. Columns are found by name; those that are missing are empty, others are passed over.
pub fn from_csv(bytes: &[u8]) -> Result<Vec<Row>> {
    let mut reader = csv::Reader::from_reader(bytes);
    let rows: Vec<Row> = reader.deserialize().collect::<Result<_, _>>().map_err(Error::corrupt)?;
    if rows.iter().all(|row| row.rate().is_none()) {
        return Err(Error::corrupt("no rates (expected a column bpp or kbps)"));
    }
    Ok(rows)
}

/// One mean for each setting, in order of rate. Settings that only some of the files have would bend the curve, so
/// the number of files stands beside each mean.
pub fn means(rows: &[Row]) -> Vec<(usize, Row)> {
    let mut groups: BTreeMap<(u64, u64), Vec<&Row>> = BTreeMap::new();
    for row in rows {
        groups.entry(row.setting()).or_default().push(row);
    }
    let mut means: Vec<_> = groups.into_values().map(|group| (group.len(), mean(&group))).collect();
    means.sort_by(|a, b| a.1.rate().unwrap_or(0.0).total_cmp(&b.1.rate().unwrap_or(0.0)));
    means
}

fn mean(rows: &[&Row]) -> Row {
    let over = |cell: &dyn Fn(&Row) -> Option<f64>| {
        let values: Vec<f64> = rows.iter().filter_map(|row| cell(row)).collect();
        if values.is_empty() { None } else { Some(values.iter().sum::<f64>() / values.len() as f64) }
    };
    let bytes: u64 = rows.iter().map(|row| row.bytes).sum();
    Row {
        file: "mean".to_owned(),
        quality: rows[0].quality,
        bitrate: rows[0].bitrate,
        level: None,
        bytes: bytes / rows.len() as u64,
        bpp: over(&|row| row.bpp),
        kbps: over(&|row| row.kbps),
        psnr: over(&|row| row.psnr),
        ms_ssim: over(&|row| row.ms_ssim),
        si_sdr: over(&|row| row.si_sdr),
        lsd: over(&|row| row.lsd),
        encode_s: over(&|row| Some(row.encode_s)).unwrap_or(0.0),
        decode_s: over(&|row| Some(row.decode_s)).unwrap_or(0.0),
    }
}

/// The mean curve as a table for people.
pub fn table(rows: &[Row]) -> String {
    let means = means(rows);
    let metrics: Vec<Metric> =
        Metric::ALL.into_iter().filter(|metric| rows.iter().any(|row| metric.of(row).is_some())).collect();
    let is_image = rows.iter().any(|row| row.bpp.is_some());
    let mut out = format!("{:>9} {:>6} {:>9}", "setting", "files", if is_image { "bpp" } else { "kbit/s" });
    for metric in &metrics {
        let _ = write!(out, " {:>8}", metric.name()); // writing to a String cannot fail
    }
    out.push_str("  encode s  decode s\n");
    for (count, mean) in means {
        let setting = match (mean.quality, mean.bitrate) {
            (_, Some(bits)) => format!("{}k", bits / 1000.0),
            (Some(quality), None) => format!("q{quality}"),
            (None, None) => "-".to_owned(),
        };
        let rate = mean
            .rate()
            .map_or_else(|| "-".to_owned(), |rate| format!("{rate:.*}", if is_image { 4 } else { 2 }));
        let _ = write!(out, "{setting:>9} {count:>6} {rate:>9}");
        for metric in &metrics {
            let digits = if *metric == Metric::MsSsim { 4 } else { 2 };
            let value = metric.of(&mean).map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"));
            let _ = write!(out, " {value:>8}");
        }
        let _ = writeln!(out, " {:>9.3} {:>9.3}", mean.encode_s, mean.decode_s);
    }
    out
}

/// How two sets of rows compare in one measure.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// What is compared.
    pub metric: Metric,
    /// Of the mean curves, or why they cannot be compared.
    pub curves: Result<BdRate, String>,
    /// Mean of the BD-rates of the files that both have, and their number.
    pub per_file: Option<(f64, usize)>,
}

/// BD-rates of `test` against `anchor` in every measure that both have. MS-SSIM is taken in dB.
pub fn compare(anchor: &[Row], test: &[Row]) -> Vec<Comparison> {
    let has = |rows: &[Row], metric: Metric| rows.iter().any(|row| metric.of(row).is_some());
    let metrics = Metric::ALL.into_iter().filter(|&metric| has(anchor, metric) && has(test, metric));
    metrics.map(|metric| compare_in(metric, anchor, test)).collect()
}

fn compare_in(metric: Metric, anchor: &[Row], test: &[Row]) -> Comparison {
    let point = |row: &Row| Some((row.rate()?, metric.for_curves(metric.of(row)?)));
    let curve = |rows: &[Row]| -> Vec<(f64, f64)> { rows.iter().filter_map(point).collect() };
    // Rows without a setting are a curve already.
    let mean_curve = |rows: &[Row]| {
        let is_curve = rows.iter().all(|row| row.quality.is_none() && row.bitrate.is_none());
        if is_curve { curve(rows) } else { means(rows).iter().filter_map(|(_, row)| point(row)).collect() }
    };
    let curves = bd_rate(&mean_curve(anchor), &mean_curve(test)).map_err(|error| error.to_string());

    let by_file = |rows: &[Row]| {
        let mut files: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
        for row in rows.iter().filter(|row| !row.file.is_empty()) {
            files.entry(file_stem(&row.file)).or_default().extend(point(row));
        }
        files
    };
    let anchors = by_file(anchor);
    let values: Vec<f64> = by_file(test)
        .iter()
        .filter_map(|(file, points)| bd_rate(anchors.get(file)?, points).ok())
        .map(|bd| bd.percent)
        .collect();
    let count = values.len();
    let per_file = (count > 0).then(|| (values.iter().sum::<f64>() / count as f64, count));
    Comparison { metric, curves, per_file }
}

/// Files are the same if they are called the same, wherever they lie.
fn file_stem(path: &str) -> String {
    std::path::Path::new(path)
        .file_stem()
        .map_or_else(|| path.to_owned(), |stem| stem.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(file: &str, quality: f64, bpp: f64, psnr: f64) -> Row {
        let (quality, bpp, psnr) = (Some(quality), Some(bpp), Some(psnr));
        Row { file: file.to_owned(), quality, bpp, psnr, bytes: 10, ..Row::default() }
    }

    fn rows(factor: f64) -> Vec<Row> {
        let points = [(10.0, 0.2, 30.0), (50.0, 0.5, 34.0), (90.0, 1.4, 39.0)];
        let of_file = |file: &str, shift: f64| {
            points.map(|(quality, rate, psnr)| row(file, quality, rate * factor, psnr + shift)).to_vec()
        };
        [of_file("x/a.png", 0.0), of_file("x/b.png", 1.0)].concat()
    }

    #[test]
    fn csv_comes_back_and_foreign_columns_do_not_matter() {
        let mut original = rows(1.0);
        original[0].psnr = Some(f64::INFINITY);
        let csv = to_csv(&original).unwrap();
        assert!(csv.starts_with(b"file,quality,bitrate,level,bytes,bpp,kbps,psnr,"));
        assert_eq!(from_csv(&csv).unwrap(), original);

        let foreign = b"codec,bpp,psnr\njpeg,0.5,33\njpeg,1,36\n";
        let read = from_csv(foreign).unwrap();
        assert_eq!((read[1].bpp, read[1].psnr, read[1].kbps), (Some(1.0), Some(36.0), None));
        assert_eq!(from_csv(b"a,b\n1,2\n").unwrap_err().exit_code(), 4);
        assert_eq!(from_csv(b"bpp\nmuch\n").unwrap_err().exit_code(), 4);
    }

    #[test]
    fn means_are_taken_over_files_of_one_setting() {
        let means = means(&rows(1.0));
        let found: Vec<_> = means.iter().map(|(count, row)| (*count, row.quality, row.psnr)).collect();
        assert_eq!(
            found,
            [(2, Some(10.0), Some(30.5)), (2, Some(50.0), Some(34.5)), (2, Some(90.0), Some(39.5))]
        );
        let table = table(&rows(1.0));
        assert!(table.contains("      q50      2    0.5000    34.50"), "{table}");
        assert!(!table.contains("SI-SDR"), "{table}");
    }

    #[test]
    fn half_the_rate_is_minus_50_percent_on_the_mean_and_for_each_file() {
        let comparison = &compare(&rows(1.0), &rows(0.5))[0];
        assert_eq!(comparison.metric, Metric::Psnr);
        assert!((comparison.curves.as_ref().unwrap().percent - -50.0).abs() < 1e-9);
        let (percent, files) = comparison.per_file.unwrap();
        assert!((percent - -50.0).abs() < 1e-9);
        assert_eq!(files, 2);
    }

    #[test]
    fn a_curve_without_settings_or_files_is_an_anchor_too() {
        let anchor = from_csv(b"bpp,psnr\n0.4,30.5\n1,34.5\n2.8,39.5\n").unwrap();
        let comparison = &compare(&anchor, &rows(1.0))[0];
        assert!((comparison.curves.as_ref().unwrap().percent - -50.0).abs() < 1e-9);
        assert_eq!(comparison.per_file, None);
        let apart = from_csv(b"bpp,psnr\n0.4,3\n1,4\n").unwrap();
        assert_eq!(compare(&apart, &rows(1.0))[0].curves, Err("no common range of quality".to_owned()));
    }
}
