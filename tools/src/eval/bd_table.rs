//! BD-rates as tables for people.

use std::fmt::Write as _;
use wavern_eval::{Comparison, Interval, Metric};

const HEAD: [&str; 7] = ["metric", "codec", "mean curves", "over", "shared", "mean of files", "files"];

/// BD-rates of one codec against one curve.
pub(crate) struct Versus {
    pub(crate) codec: String,
    pub(crate) anchor: String,
    pub(crate) comparisons: Vec<Comparison>,
}

/// The range of a metric as its axis shows it: quality is turned around where lower is better.
pub(crate) fn range(metric: Metric, from: f64, to: f64) -> (f64, f64) {
    if metric.lower_is_better() { (-from, -to) } else { (from, to) }
}

/// A table for each anchor with a line for each metric and codec; curves that cannot be compared are named below it.
pub(crate) fn bd_table(all: &[Versus]) -> String {
    let mut out = String::new();
    let mut anchors: Vec<&str> = all.iter().map(|versus| versus.anchor.as_str()).collect();
    anchors.dedup();
    for anchor in anchors {
        let of_anchor: Vec<&Versus> = all.iter().filter(|versus| versus.anchor == anchor).collect();
        let mut comparisons: Vec<(&str, &Comparison)> = of_anchor
            .iter()
            .flat_map(|versus| {
                versus.comparisons.iter().map(|comparison| (versus.codec.as_str(), comparison))
            })
            .collect();
        // Stable: codecs stay in the order of the run.
        comparisons.sort_by_key(|(_, comparison)| comparison.metric);
        if comparisons.is_empty() {
            continue;
        }
        let lines: Vec<[String; 7]> = std::iter::once(HEAD.map(str::to_owned))
            .chain(comparisons.iter().map(|(codec, comparison)| line(codec, comparison)))
            .collect();
        // Writing to a String cannot fail.
        let _ = writeln!(
            out,
            "\nBD-rate against {anchor}: percent more bytes for the same quality, with 95 % intervals over files. \"over\" is the range\n\
             of quality that both curves cover, \"shared\" its share of the anchor's curve and of the codec's.\n"
        );
        table(&lines, &mut out);
        for (codec, comparison) in &comparisons {
            if let Err(problem) = &comparison.curves {
                let _ = writeln!(
                    out,
                    "{codec}, {}: no BD-rate of the mean curves: {problem}",
                    comparison.metric.name()
                );
            }
        }
    }
    out
}

fn line(codec: &str, comparison: &Comparison) -> [String; 7] {
    let none = || "-".to_owned();
    let with = |percent: f64, interval: Option<Interval>| {
        let interval = interval.map(|Interval { from, to }| format!("  {from:+6.1} .. {to:+6.1}"));
        format!("{percent:+6.1}{}", interval.unwrap_or_default())
    };
    let (curves, over, shared) = match &comparison.curves {
        Ok(bd) => {
            let (from, to) = range(comparison.metric, bd.from, bd.to);
            let shared = format!("{:.0} %, {:.0} %", 100.0 * bd.anchor_share, 100.0 * bd.test_share);
            (with(bd.percent, comparison.curves_interval), format!("{from:.2} .. {to:.2}"), shared)
        }
        Err(_) => (none(), none(), none()),
    };
    let files = comparison.files_mean().map_or_else(none, |mean| with(mean, comparison.files_interval));
    let count = match (comparison.files.len(), comparison.left_out) {
        (count, 0) => count.to_string(),
        (count, left_out) => format!("{count}, {left_out} without overlap"),
    };
    [comparison.metric.name().to_owned(), codec.to_owned(), curves, over, shared, files, count]
}

/// Columns as wide as their widest cell.
fn table<const COLUMNS: usize>(lines: &[[String; COLUMNS]], out: &mut String) {
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; COLUMNS] = std::array::from_fn(width);
    for line in lines {
        let cells: Vec<String> =
            line.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        let _ = writeln!(out, "{}", cells.join("   ").trim_end());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wavern_eval::{Row, compare};

    fn rows(factor: f64) -> Vec<Row> {
        let at = |(rate, psnr): (f64, f64)| Row {
            file: "a.png".to_owned(),
            setting: Some(rate),
            bpp: Some(rate * factor),
            psnr: Some(psnr),
            ssimulacra2: Some(if factor < 1.0 { psnr } else { 50.0 + psnr }),
            ..Row::default()
        };
        [(0.2, 30.0), (0.5, 34.0), (1.4, 39.0)].map(at).to_vec()
    }

    #[test]
    fn a_line_says_how_much_less_and_curves_that_do_not_meet_say_so() {
        let comparisons = compare(&rows(1.0), &rows(0.5));
        let versus = Versus { codec: "wavern".to_owned(), anchor: "jpeg".to_owned(), comparisons };
        let text = bd_table(&[versus]);
        assert!(text.starts_with("\nBD-rate against jpeg: "), "{text}");
        assert!(
            text.contains(
                "\nPSNR          wavern    -50.0        30.00 .. 39.00   100 %, 100 %    -50.0          1\n"
            ),
            "{text}"
        );
        let apart = "wavern, SSIMULACRA2: no BD-rate of the mean curves: no common range of quality";
        assert!(text.contains(apart), "{text}");
        assert_eq!(bd_table(&[]), "");
    }
}
