//! What comes out of a run: tables on standard output, CSV, JSON.

use super::Shared;
use super::codec::Codec;
use crate::cli::{self, Common};
use crate::error::{At, Error, Result};
use crate::files::input::Input;
use crate::files::output::Output;
use serde_json::{Value, json};
use std::path::Path;
use wavern_eval::{Comparison, Curve, Interval, Metric, Row, compare, means, table, to_csv};

/// Destinations, checked before anything is measured.
pub(crate) struct Outputs {
    csv: Option<Output>,
    json: Option<Output>,
}

/// What BD-rates are taken against.
pub(crate) enum Anchor {
    None,
    /// A codec of the run, by name.
    Codec(String),
    /// Curves from a file.
    Curves(Vec<Curve>),
}

impl Anchor {
    /// What was asked for, or the first codec after Wavern's own.
    pub(crate) fn new(asked: Option<&str>, codecs: &[Codec]) -> Result<Self> {
        let Some(asked) = asked else {
            return Ok(codecs.get(1).map_or(Self::None, |codec| Self::Codec(codec.name.clone())));
        };
        if codecs.iter().any(|codec| codec.name == asked) {
            return Ok(Self::Codec(asked.to_owned()));
        }
        let path = Path::new(asked);
        if !path.is_file() {
            let names = codecs.iter().map(|codec| codec.name.as_str()).collect::<Vec<_>>().join(", ");
            return Err(Error::usage(format!(
                "anchor {asked} is no file and no codec of this run ({names})"
            )));
        }
        let input = Input::read(path)?;
        let name = path.file_stem().unwrap_or_default().display().to_string();
        Curve::parse(input.bytes(), &name).map(Self::Curves).map_err(Error::corrupt).at(input.name())
    }

    fn curves(&self, rows: &[Row]) -> Vec<Curve> {
        match self {
            Self::None => Vec::new(),
            Self::Codec(name) => vec![Curve { name: name.clone(), rows: of_codec(rows, name) }],
            Self::Curves(curves) => curves.clone(),
        }
    }
}

/// BD-rates of one codec against one curve.
pub(crate) struct Versus {
    pub(crate) codec: String,
    pub(crate) anchor: String,
    pub(crate) comparisons: Vec<Comparison>,
}

/// Every codec against every anchor.
fn versus(rows: &[Row], codecs: &[Codec], anchor: &Anchor) -> Vec<Versus> {
    let mut all = Vec::new();
    for curve in anchor.curves(rows) {
        for codec in codecs {
            if matches!(anchor, Anchor::Codec(name) if *name == codec.name) {
                continue;
            }
            let comparisons = compare(&curve.rows, &of_codec(rows, &codec.name));
            all.push(Versus { codec: codec.name.clone(), anchor: curve.name.clone(), comparisons });
        }
    }
    all
}

fn of_codec(rows: &[Row], codec: &str) -> Vec<Row> {
    rows.iter().filter(|row| row.codec == codec).cloned().collect()
}

impl Outputs {
    pub(crate) fn new(args: &Shared) -> Result<Self> {
        let force = args.force || args.resume;
        let open = |path: Option<&Path>| path.map(|path| Output::new(path, force)).transpose();
        Ok(Self { csv: open(args.csv.as_deref())?, json: open(args.json.as_deref())? })
    }

    pub(crate) fn write(
        self,
        rows: &[Row],
        codecs: &[Codec],
        anchor: &Anchor,
        common: &Common,
    ) -> Result<()> {
        let versus = versus(rows, codecs, anchor);
        cli::print(&table(rows))?;
        for versus in &versus {
            for comparison in &versus.comparisons {
                cli::print(&format!("{}\n", sentence(versus, comparison)))?;
            }
            if versus.comparisons.is_empty() {
                common.say(format_args!(
                    "note: {} and {} have no metric in common",
                    versus.codec, versus.anchor
                ));
            }
        }
        if let Some(output) = self.csv {
            output.write_bytes(&to_csv(rows).map_err(Error::failed)?)?;
        }
        if let Some(output) = self.json {
            let object = json!({
                "version": env!("CARGO_PKG_VERSION"),
                "codecs": codecs.iter().map(codec_json).collect::<Vec<_>>(),
                "rows": rows,
                "means": means(rows),
                "bd_rates": versus.iter().flat_map(versus_json).collect::<Vec<_>>(),
            });
            output.write_bytes(format!("{object:#}\n").as_bytes())?;
        }
        Ok(())
    }
}

fn sentence(versus: &Versus, comparison: &Comparison) -> String {
    let around = |interval: Option<Interval>| {
        interval.map_or(String::new(), |interval| format!(" [{:+.1}, {:+.1}]", interval.from, interval.to))
    };
    let curves = match &comparison.curves {
        Ok(bd) => {
            let (from, to) = range(comparison.metric, bd.from, bd.to);
            let shares = format!("{:.0} % and {:.0} %", 100.0 * bd.anchor_share, 100.0 * bd.test_share);
            let interval = around(comparison.curves_interval);
            format!(
                "{:+.1} %{interval} on the mean curves over {from:.2}..{to:.2} ({shares} of them)",
                bd.percent
            )
        }
        Err(problem) => format!("none on the mean curves: {problem}"),
    };
    let files = comparison.files_mean().map(|mean| {
        let interval = around(comparison.files_interval);
        format!("; {mean:+.1} %{interval} as mean of {} files", comparison.files.len())
    });
    let left_out = match comparison.left_out {
        0 => String::new(),
        count => format!(" ({count} without overlap left out)"),
    };
    let (codec, anchor, metric) = (&versus.codec, &versus.anchor, comparison.metric.name());
    format!("BD-rate {codec} against {anchor}, {metric}: {curves}{}{left_out}", files.unwrap_or_default())
}

/// The range of a metric as its axis shows it: quality is turned around where lower is better.
fn range(metric: Metric, from: f64, to: f64) -> (f64, f64) {
    if metric.lower_is_better() { (-from, -to) } else { (from, to) }
}

fn codec_json(codec: &Codec) -> Value {
    json!({ "name": codec.name, "title": codec.title, "version": codec.version })
}

fn versus_json(versus: &Versus) -> Vec<Value> {
    let object = |comparison: &Comparison| {
        let mut object = json!({
            "codec": versus.codec,
            "anchor": versus.anchor,
            "metric": comparison.metric.name(),
        });
        match &comparison.curves {
            Ok(bd) => {
                let (from, to) = range(comparison.metric, bd.from, bd.to);
                object["mean_curves"] = json!({
                    "percent": bd.percent,
                    "interval": comparison.curves_interval,
                    "from": from,
                    "to": to,
                    "anchor_share": bd.anchor_share,
                    "test_share": bd.test_share,
                });
            }
            Err(problem) => object["problem"] = problem.as_str().into(),
        }
        if let Some(percent) = comparison.files_mean() {
            object["per_file"] = json!({
                "percent": percent,
                "interval": comparison.files_interval,
                "files": comparison.files,
                "left_out": comparison.left_out,
            });
        }
        object
    };
    versus.comparisons.iter().map(object).collect()
}
