//! How two codecs compare on many files: BD-rates of the mean curves and of each file, with an interval that says how
//! much of it is the choice of files.

use crate::{BdRate, Metric, Row, bd_rate};
use std::collections::BTreeMap;

/// How often the files are drawn anew for an interval.
const DRAWS: usize = 1000;
/// Share of the draws outside of the interval on each side.
const TAIL: f64 = 0.025;
/// The draws are the same in every run.
const SEED: u64 = 0x5eed;

/// Where 95 of 100 results fall if the files are drawn again, with replacement, from those that were measured.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Interval {
    /// The 2.5th percentile.
    pub from: f64,
    /// The 97.5th percentile.
    pub to: f64,
}

/// How two sets of rows compare in one metric. All BD-rates are in percent; negative is fewer bits than the anchor.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// What is compared.
    pub metric: Metric,
    /// Of the mean curves, or why they cannot be compared.
    pub curves: Result<BdRate, String>,
    /// Of the mean curves, if files are drawn again.
    pub curves_interval: Option<Interval>,
    /// The BD-rate of each file that both have and where the curves overlap, in order of name.
    pub files: Vec<(String, f64)>,
    /// Files that both have and that could not be compared.
    pub left_out: usize,
    /// Of the mean over the files, if files are drawn again.
    pub files_interval: Option<Interval>,
}

impl Comparison {
    /// The mean of the BD-rates of the files.
    pub fn files_mean(&self) -> Option<f64> {
        let values: Vec<f64> = self.files.iter().map(|(_, percent)| *percent).collect();
        (!values.is_empty()).then(|| mean(&values))
    }
}

/// BD-rates of `test` against `anchor` in every metric that both have. MS-SSIM is taken in dB. Where the two have files
/// in common, only those count; otherwise the curves are compared as they are.
pub fn compare(anchor: &[Row], test: &[Row]) -> Vec<Comparison> {
    let metrics = Metric::present(test).into_iter().filter(|&metric| has(anchor, metric));
    metrics.map(|metric| compare_in(metric, anchor, test)).collect()
}

fn has(rows: &[Row], metric: Metric) -> bool {
    rows.iter().any(|row| metric.of(row).is_some())
}

fn compare_in(metric: Metric, anchor: &[Row], test: &[Row]) -> Comparison {
    let (mut anchor, mut test) = (Measured::new(metric, anchor), Measured::new(metric, test));
    let common: Vec<String> =
        test.files.keys().filter(|file| anchor.files.contains_key(*file)).cloned().collect();
    if !common.is_empty() {
        anchor.files.retain(|file, _| common.contains(file));
        test.files.retain(|file, _| common.contains(file));
    }
    let curves = bd_rate(&anchor.mean_curve(None), &test.mean_curve(None)).map_err(|error| error.to_string());

    let mut files = Vec::new();
    for file in &common {
        if let Ok(bd) = bd_rate(&anchor.file_curve(file), &test.file_curve(file)) {
            files.push((file.clone(), bd.percent));
        }
    }
    let values: Vec<f64> = files.iter().map(|(_, percent)| *percent).collect();
    let files_interval =
        bootstrap(values.len(), |draw| Some(mean(&draw.iter().map(|&at| values[at]).collect::<Vec<_>>())));
    let curves_interval = if curves.is_ok() && !test.is_curve() {
        let fixed = common.is_empty().then(|| anchor.mean_curve(None));
        bootstrap(test.files.len(), |draw| {
            let anchor = fixed.clone().unwrap_or_else(|| anchor.mean_curve(Some(draw)));
            bd_rate(&anchor, &test.mean_curve(Some(draw))).ok().map(|bd| bd.percent)
        })
    } else {
        None
    };
    let left_out = common.len() - files.len();
    Comparison { metric, curves, curves_interval, files, left_out, files_interval }
}

/// What a row says about rate and quality: the goal, the rate, the value of the metric.
type Point = (u64, f64, f64);

/// The points of one codec, by file.
struct Measured {
    metric: Metric,
    files: BTreeMap<String, Vec<Point>>,
}

impl Measured {
    fn new(metric: Metric, rows: &[Row]) -> Self {
        let mut files: BTreeMap<String, Vec<Point>> = BTreeMap::new();
        for row in rows {
            if let (Some(rate), Some(value)) = (row.rate(), metric.of(row)) {
                let goal = row.goal().map_or(u64::MAX, f64::to_bits);
                files.entry(row.stem().to_owned()).or_default().push((goal, rate, value));
            }
        }
        Self { metric, files }
    }

    /// Rows without names of files are a curve already.
    fn is_curve(&self) -> bool {
        self.files.keys().all(String::is_empty)
    }

    /// Means over files of equal goal: of all files, or of those drawn (places in the order of names).
    fn mean_curve(&self, draw: Option<&[usize]>) -> Vec<(f64, f64)> {
        if self.is_curve() {
            return self.files.values().flatten().filter_map(|&point| self.place(point)).collect();
        }
        let files: Vec<&Vec<Point>> = self.files.values().collect();
        let mut sums: BTreeMap<u64, (f64, f64, f64)> = BTreeMap::new();
        let mut add = |points: &[Point]| {
            for &(goal, rate, value) in points {
                let sum = sums.entry(goal).or_default();
                *sum = (sum.0 + 1.0, sum.1 + rate, sum.2 + value);
            }
        };
        match draw {
            Some(draw) => draw.iter().for_each(|&at| add(files[at])),
            None => files.iter().for_each(|points| add(points)),
        }
        let means = sums.into_iter().map(|(goal, (n, rate, value))| (goal, rate / n, value / n));
        means.filter_map(|point| self.place(point)).collect()
    }

    fn file_curve(&self, file: &str) -> Vec<(f64, f64)> {
        self.files.get(file).into_iter().flatten().filter_map(|&point| self.place(point)).collect()
    }

    /// Equal pictures are infinitely close: such a point has no place on a curve.
    fn place(&self, (_, rate, value): Point) -> Option<(f64, f64)> {
        let quality = self.metric.as_quality(value);
        quality.is_finite().then_some((rate, quality))
    }
}

/// The interval of a statistic over draws of `count` places with replacement. `None` for fewer than three places, or if
/// the statistic fails for more than a tenth of the draws.
fn bootstrap(count: usize, statistic: impl Fn(&[usize]) -> Option<f64>) -> Option<Interval> {
    if count < 3 {
        return None;
    }
    let mut random = fastrand::Rng::with_seed(SEED);
    let mut values: Vec<f64> = (0..DRAWS)
        .filter_map(|_| statistic(&(0..count).map(|_| random.usize(..count)).collect::<Vec<_>>()))
        .collect();
    if values.len() * 10 < DRAWS * 9 {
        return None;
    }
    values.sort_by(f64::total_cmp);
    let at = |share: f64| values[((values.len() - 1) as f64 * share).round() as usize];
    Some(Interval { from: at(TAIL), to: at(1.0 - TAIL) })
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::from_csv;

    /// Two files at three settings, at this many times the rate.
    pub(crate) fn rows(codec: &str, factor: f64) -> Vec<Row> {
        let points = [(10.0, 0.2, 30.0), (50.0, 0.5, 34.0), (90.0, 1.4, 39.0)];
        let of_file = |file: &str, shift: f64| {
            points.map(|(setting, rate, psnr)| Row {
                file: file.to_owned(),
                codec: codec.to_owned(),
                setting: Some(setting),
                bpp: Some(rate * factor),
                psnr: Some(psnr + shift),
                bytes: 10,
                ..Row::default()
            })
        };
        [of_file("x/a.png", 0.0), of_file("x/b.png", 1.0)].concat()
    }

    #[test]
    fn half_the_rate_is_minus_50_percent_on_the_mean_and_for_each_file() {
        let comparison = &compare(&rows("a", 1.0), &rows("b", 0.5))[0];
        assert_eq!(comparison.metric, Metric::Psnr);
        assert!((comparison.curves.as_ref().unwrap().percent - -50.0).abs() < 1e-9);
        assert!((comparison.files_mean().unwrap() - -50.0).abs() < 1e-9);
        let names: Vec<&str> = comparison.files.iter().map(|(file, _)| file.as_str()).collect();
        assert_eq!((names, comparison.left_out), (vec!["a", "b"], 0));
    }

    #[test]
    fn the_interval_holds_the_mean_and_narrows_where_files_agree() {
        let shifted = |factor: &dyn Fn(usize) -> f64| -> Vec<Row> {
            let all = (0..20).flat_map(|index| {
                let file = format!("{index}.png");
                let of_file = rows("t", factor(index)).into_iter().filter(|row| row.stem() == "a");
                of_file.map(move |row| Row { file: file.clone(), ..row }).collect::<Vec<_>>()
            });
            all.collect()
        };
        let anchor = shifted(&|_| 1.0);
        let agreeing = &compare(&anchor, &shifted(&|_| 0.8))[0];
        let interval = agreeing.files_interval.unwrap();
        assert!((interval.from + 20.0).abs() < 1e-9 && (interval.to + 20.0).abs() < 1e-9, "{interval:?}");

        let differing = &compare(&anchor, &shifted(&|index| 0.7 + 0.01 * index as f64))[0];
        let (mean, interval) = (differing.files_mean().unwrap(), differing.files_interval.unwrap());
        // The deviation of the mean of 20 draws from -30, -29 .. -11 is sqrt((20² - 1) / 12 / 20) = 1.29; 1.96 of it is
        // 2.53.
        assert!((mean + 20.5).abs() < 1e-9, "{mean}");
        assert!((interval.from + 23.03).abs() < 0.4 && (interval.to + 17.97).abs() < 0.4, "{interval:?}");
        let curves = differing.curves_interval.unwrap();
        let percent = differing.curves.as_ref().unwrap().percent;
        assert!(curves.from < percent && percent < curves.to);
    }

    #[test]
    fn only_common_files_count() {
        let test: Vec<Row> = rows("b", 0.5).into_iter().filter(|row| row.stem() == "b").collect();
        let comparison = &compare(&rows("a", 1.0), &test)[0];
        assert!((comparison.curves.as_ref().unwrap().percent - -50.0).abs() < 1e-9);
    }

    #[test]
    fn a_curve_without_settings_or_files_is_an_anchor_too() {
        let anchor = from_csv(b"bpp,psnr\n0.4,30.5\n1,34.5\n2.8,39.5\n").unwrap();
        let comparison = &compare(&anchor, &rows("a", 1.0))[0];
        assert!((comparison.curves.as_ref().unwrap().percent - -50.0).abs() < 1e-9);
        assert_eq!((comparison.files_mean(), comparison.left_out), (None, 0));
        let apart = from_csv(b"bpp,psnr\n0.4,3\n1,4\n").unwrap();
        let comparison = &compare(&apart, &rows("a", 1.0))[0];
        assert_eq!(comparison.curves, Err("no common range of quality".to_owned()));
    }

    #[test]
    fn a_lossless_point_is_passed_over() {
        let mut test = rows("b", 0.5);
        test.iter_mut()
            .filter(|row| row.setting == Some(90.0))
            .for_each(|row| row.psnr = Some(f64::INFINITY));
        let comparison = &compare(&rows("a", 1.0), &test)[0];
        assert!(comparison.curves.is_ok(), "{comparison:?}");
    }
}
