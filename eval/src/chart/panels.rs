//! Rows in, panels out: what is worth a diagram.

use super::{Panel, Series};
use crate::{Comparison, Metric, Row, codecs, means};

/// Titles of panels of speeds.
pub(crate) const ENCODING: &str = "Encoding speed";
pub(crate) const DECODING: &str = "Decoding speed";

/// One panel for each metric: the mean curves of all codecs.
pub fn rate_distortion(rows: &[Row]) -> Vec<Panel> {
    let rate = if rows.iter().any(Row::is_image) { "bits per pixel" } else { "kbit/s" };
    let means = means(rows);
    let panel = |metric: Metric| {
        let of_codec = |(color, codec): (usize, &str)| {
            let rows = means.iter().map(|mean| &mean.row).filter(|row| row.codec == codec);
            let points: Vec<(f64, f64)> = rows
                .filter_map(|row| Some((row.rate()?, metric.on_axis(metric.of(row)?))))
                .filter(|point| point.1.is_finite())
                .collect();
            Series { color, points, line: true }
        };
        // One point is not a curve; a lossless codec would lie far off to the right.
        let series: Vec<Series> = codecs(rows).into_iter().enumerate().map(of_codec).collect();
        let has_curve = series.iter().any(|series| series.points.len() > 1);
        let series = series.into_iter().filter(|series| !has_curve || series.points.len() > 1).collect();
        Panel {
            title: metric.name().to_owned(),
            axes: (rate.to_owned(), metric.axis().to_owned()),
            log_x: false,
            places: Vec::new(),
            series,
        }
    };
    Metric::present(rows).into_iter().map(panel).collect()
}

/// Speed of encoders and of decoders against BD-rate: two panels. `bd_rates` has the codecs by their places in the
/// list of codecs; the anchor is at 0 %.
pub fn speed(rows: &[Row], bd_rates: &[(usize, f64)], against: &str) -> Vec<Panel> {
    let unit = if rows.iter().any(Row::is_image) { "megapixels per second" } else { "times real time" };
    let panel = |title: &str, seconds: fn(&Row) -> Option<f64>| {
        let of_codec = |&(color, percent): &(usize, f64)| {
            let codec = codecs(rows).get(color).copied().unwrap_or_default();
            let point = speed_of(rows, codec, seconds).map(|speed| (speed, percent));
            Series { color, points: point.into_iter().collect(), line: false }
        };
        Panel {
            title: title.to_owned(),
            axes: (unit.to_owned(), format!("BD-rate against {against} (%)")),
            log_x: true,
            places: Vec::new(),
            series: bd_rates.iter().map(of_codec).collect(),
        }
    };
    vec![panel(ENCODING, |row| row.encode_s), panel(DECODING, |row| row.decode_s)]
}

/// Megapixels or seconds of sound for each second, over all rows of a codec.
pub fn speed_of(rows: &[Row], codec: &str, seconds: fn(&Row) -> Option<f64>) -> Option<f64> {
    let rows = rows.iter().filter(|row| row.codec == codec);
    let each = rows.filter_map(|row| Some((row.extent()?, seconds(row)?)));
    let (extent, time) = each.fold((0.0, 0.0), |sum, (extent, time)| (sum.0 + extent, sum.1 + time));
    (time > 0.0).then_some(extent / time)
}

/// The BD-rate of each file in one metric, a column for each codec.
pub fn spread(names: &[String], comparisons: &[(usize, &Comparison)], against: &str) -> Option<Panel> {
    let metric = comparisons.first()?.1.metric;
    let place = |(place, (color, comparison)): (usize, &(usize, &Comparison))| {
        let points = comparison.files.iter().map(|(_, percent)| (place as f64, *percent)).collect();
        Series { color: *color, points, line: false }
    };
    Some(Panel {
        title: format!("{} of each file", metric.name()),
        axes: (String::new(), format!("BD-rate against {against} (%)")),
        log_x: false,
        places: comparisons.iter().map(|(color, _)| names.get(*color).cloned().unwrap_or_default()).collect(),
        series: comparisons.iter().enumerate().map(place).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare;
    use crate::compare::tests::rows;

    #[test]
    fn every_metric_has_a_panel_and_every_codec_a_curve() {
        let both = [rows("wavern", 0.5), rows("jpeg", 1.0)].concat();
        let panels = rate_distortion(&both);
        assert_eq!((panels.len(), panels[0].title.as_str(), panels[0].series.len()), (1, "PSNR", 2));
        assert_eq!(panels[0].series[1].points, [(0.2, 30.5), (0.5, 34.5), (1.4, 39.5)]);
        let lossless: Vec<Row> =
            rows("flac", 9.0).into_iter().filter(|row| row.setting == Some(90.0)).collect();
        assert_eq!(rate_distortion(&[both, lossless].concat())[0].series.len(), 2);
    }

    #[test]
    fn speed_is_signal_over_time() {
        let timed = |row: Row| Row { width: Some(1000), height: Some(500), encode_s: Some(0.25), ..row };
        let rows: Vec<Row> = rows("wavern", 0.5).into_iter().map(timed).collect();
        let panels = speed(&rows, &[(0, -50.0)], "jpeg");
        assert_eq!(panels[0].series[0].points, [(2.0, -50.0)]);
        assert_eq!(panels[1].series[0].points, []);
    }

    #[test]
    fn the_spread_has_a_column_for_each_codec() {
        let comparison = &compare(&rows("jpeg", 1.0), &rows("wavern", 0.5))[0];
        let panel = spread(&["wavern".to_owned()], &[(0, comparison)], "jpeg").unwrap();
        assert_eq!((panel.places.len(), panel.series[0].points.len()), (1, 2));
    }
}
