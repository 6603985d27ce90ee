//! Sounds at equal rates. Encoders of variable rate miss what they are asked for, some by a third, so that quality at
//! equal *requests* flatters whoever spends more. Each file's curve is read at one real rate for all codecs.

use crate::{Metric, Row, codecs};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// Thousands of bits per second at which sounds are compared.
pub const RATES: [f64; 15] =
    [6.0, 8.0, 12.0, 16.0, 24.0, 32.0, 48.0, 64.0, 80.0, 96.0, 128.0, 160.0, 192.0, 256.0, 320.0];

/// Quality at a rate: the mean over the files whose curves all codecs of the same rate and metric have there.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AtRate {
    /// Thousands of bits per second of the file, one of [`RATES`].
    pub kbps: f64,
    /// Name of the metric.
    pub metric: &'static str,
    /// Short name of the codec.
    pub codec: String,
    /// Mean of the metric.
    pub mean: f64,
    /// Files it is taken over.
    pub files: usize,
}

/// What sounds reach at each of [`RATES`]: between the measured rates linearly over the logarithm of the rate.
/// A codec takes part where it has at least half of the files; rates where only one does are left out. Pictures give
/// nothing.
pub fn at_equal_rates(rows: &[Row]) -> Vec<AtRate> {
    let sounds: Vec<&Row> = rows.iter().filter(|row| row.kbps.is_some()).collect();
    let files: BTreeSet<&str> = sounds.iter().map(|row| row.file.as_str()).collect();
    let mut all = Vec::new();
    for metric in Metric::present(sounds.iter().copied()) {
        let curve = |codec: &str, file: &str| {
            let own = sounds.iter().filter(|row| row.file == file && row.codec == codec);
            let mut points: Vec<(f64, f64)> =
                own.filter_map(|row| Some((row.kbps?, metric.of(row)?))).collect();
            points.sort_by(|a, b| a.0.total_cmp(&b.0));
            points.dedup_by_key(|point| point.0);
            points
        };
        let curves: Vec<(&str, Vec<_>)> = codecs(rows)
            .into_iter()
            .map(|codec| (codec, files.iter().map(|&file| (file, curve(codec, file))).collect()))
            .collect();
        for kbps in RATES {
            let mut of_codecs: Vec<(&str, BTreeMap<&str, f64>)> = Vec::new();
            for (codec, curves) in &curves {
                let reached = curves.iter().filter_map(|(file, curve)| Some((*file, between(curve, kbps)?)));
                let reached: BTreeMap<&str, f64> = reached.collect();
                if 2 * reached.len() >= files.len() && !reached.is_empty() {
                    of_codecs.push((codec, reached));
                }
            }
            if of_codecs.len() < 2 {
                continue;
            }
            let is_common = |file: &&&str| of_codecs.iter().all(|(_, reached)| reached.contains_key(**file));
            let common: Vec<&str> = files.iter().filter(is_common).copied().collect();
            if common.is_empty() {
                continue;
            }
            for (codec, reached) in &of_codecs {
                let mean = common.iter().map(|file| reached[file]).sum::<f64>() / common.len() as f64;
                let (metric, codec) = (metric.name(), (*codec).to_owned());
                all.push(AtRate { kbps, metric, codec, mean, files: common.len() });
            }
        }
    }
    all
}

/// The value at `rate` of a curve through `points` (rate, value) of rising rates; none outside it, or of fewer than two
/// points.
fn between(points: &[(f64, f64)], rate: f64) -> Option<f64> {
    let pair = points.windows(2).find(|pair| (pair[0].0..=pair[1].0).contains(&rate))?;
    let [(from, low), (to, high)] = [pair[0], pair[1]];
    let share = (rate / from).ln() / (to / from).ln();
    Some(low + share * (high - low))
}

/// A table for people: a line for each metric and rate, a column for each codec. Empty without lines.
pub fn equal_rate_table(all: &[AtRate]) -> String {
    let mut out = String::new();
    let Some(first) = all.first() else { return out };
    let mut names: Vec<&str> = Vec::new();
    for one in all {
        if !names.contains(&one.codec.as_str()) {
            names.push(&one.codec);
        }
    }
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0).max(6);
    // Writing to a String cannot fail.
    let _ = write!(
        out,
        "\nAt equal real rates: means over the files that all codecs of a line reach the rate with.\n\n{:<10}{:>7}{:>7}",
        "metric", "kbit/s", "files"
    );
    names.iter().for_each(|name| {
        let _ = write!(out, "{name:>0$}", width + 2);
    });
    let mut line = (first.metric, f64::NAN);
    for one in all {
        if line != (one.metric, one.kbps) {
            line = (one.metric, one.kbps);
            let _ = write!(out, "\n{:<10}{:>7}{:>7}", one.metric, one.kbps, one.files);
            for name in &names {
                let own = all.iter().find(|other| {
                    (other.metric, other.kbps, other.codec.as_str()) == (line.0, line.1, *name)
                });
                let cell = own.map_or_else(|| "-".to_owned(), |own| format!("{:.2}", own.mean));
                let _ = write!(out, "{cell:>0$}", width + 2);
            }
        }
    }
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(file: &str, codec: &str, kbps: f64, value: f64) -> Row {
        let (kbps, si_sdr) = (Some(kbps), Some(value));
        Row { file: file.to_owned(), codec: codec.to_owned(), kbps, si_sdr, ..Row::default() }
    }

    #[test]
    fn a_codec_that_overspends_is_read_at_the_rate_of_the_others() {
        let mut rows = Vec::new();
        for file in ["a.wav", "b.wav"] {
            rows.extend([row(file, "one", 16.0, 10.0), row(file, "one", 64.0, 20.0)]);
            rows.extend([row(file, "two", 8.0, 0.0), row(file, "two", 128.0, 40.0)]);
        }
        // One file more that only one of them has.
        rows.extend([row("c.wav", "one", 16.0, -100.0), row("c.wav", "one", 64.0, -100.0)]);
        let all = at_equal_rates(&rows);
        let at = |kbps: f64, codec: &str| {
            all.iter().find(|one| one.kbps == kbps && one.codec == codec).map(|one| (one.mean, one.files))
        };
        let near = |found: Option<(f64, usize)>, value: f64| {
            found.is_some_and(|(mean, files)| (mean - value).abs() < 1e-9 && files == 2)
        };
        assert!(near(at(32.0, "one"), 15.0) && near(at(32.0, "two"), 20.0), "{all:?}");
        assert!(near(at(64.0, "one"), 20.0) && near(at(64.0, "two"), 30.0), "{all:?}");
        // Only one of them goes there.
        assert_eq!((at(8.0, "two"), at(128.0, "two")), (None, None));
        let table = equal_rate_table(&all);
        assert!(table.contains("\nSI-SDR         32      2   15.00   20.00\n"), "{table}");
        assert_eq!(equal_rate_table(&[]), "");
        let picture = Row { bpp: Some(1.0), psnr: Some(30.0), ..Row::default() };
        assert_eq!(at_equal_rates(&[picture]), []);
    }
}
