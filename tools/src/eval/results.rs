//! What comes out of a run: tables on standard output, CSV, JSON, charts.

use super::bd_table::{Versus, bd_table, range};
use super::codec::Codec;
use super::shared::Shared;
use crate::cli::{self, Common};
use crate::error::{At, Error, Result};
use crate::files::input::Input;
use crate::files::output::Output;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;
use wavern::{Image, Samples};
use wavern_eval::chart::{self, Panel};
use wavern_eval::{
    Comparison, Curve, Exact, Metric, Row, at_equal_rates, compare, equal_rate_table, exact, exact_panels,
    exact_table, means, table, to_csv,
};

/// Destinations, checked before anything is measured.
pub(crate) struct Outputs {
    csv: Option<Output>,
    json: Option<Output>,
    plot: Option<(Output, Drawing)>,
}

/// How to draw, by the extension of a file.
#[derive(Debug, Clone, Copy)]
enum Drawing {
    Svg,
    Png,
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
    /// What was asked for, or the first codec behind the `own` that are Wavern's, or, if there is none, Wavern itself
    /// for its variants.
    pub(crate) fn new(asked: Option<&str>, codecs: &[Codec], own: usize) -> Result<Self> {
        let Some(asked) = asked else {
            let first = codecs.get(own).or(codecs.first().filter(|_| own > 1));
            return Ok(first.map_or(Self::None, |codec| Self::Codec(codec.name.clone())));
        };
        if codecs.iter().any(|codec| codec.name == asked) {
            return Ok(Self::Codec(asked.to_owned()));
        }
        let path = Path::new(asked);
        if !path.is_file() {
            let names = codecs.iter().map(|codec| codec.name.as_str()).collect::<Vec<_>>().join(", ");
            return Err(Error::usage(format!(
                "anchor {asked} is neither a file nor a codec of this run ({names})"
            )));
        }
        let input = Input::read(path)?;
        let file = path.file_stem().unwrap_or_default().display().to_string();
        let mut curves = Curve::parse(input.bytes(), &file).map_err(Error::corrupt).at(input.name())?;
        // Not to be taken for a codec of this run.
        for curve in curves.iter_mut().filter(|curve| codecs.iter().any(|codec| codec.name == curve.name)) {
            curve.name = format!("{} of {file}", curve.name);
        }
        Ok(Self::Curves(curves))
    }

    fn curves(&self, rows: &[Row]) -> Vec<Curve> {
        match self {
            Self::None => Vec::new(),
            Self::Codec(name) => vec![Curve { name: name.clone(), rows: of_codec(rows, name) }],
            Self::Curves(curves) => curves.clone(),
        }
    }
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
        let plot = match &args.plot {
            Some(path) => {
                let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
                let drawing = match extension.to_str() {
                    Some("svg") => Drawing::Svg,
                    Some("png") => Drawing::Png,
                    _ => {
                        return Err(
                            Error::usage("the plot is SVG or PNG (expected .svg or .png)").at(path.display())
                        );
                    }
                };
                Some((Output::new(path, force)?, drawing))
            }
            None => None,
        };
        Ok(Self { csv: open(args.csv.as_deref())?, json: open(args.json.as_deref())?, plot })
    }

    pub(crate) fn write(self, results: &Results<'_>, common: &Common) -> Result<()> {
        let rows = results.rows;
        let anchor = results.exact_anchor();
        cli::print(&if results.is_exact() { exact_table(rows, anchor) } else { table(rows) })?;
        cli::print(&bd_table(&results.versus))?;
        let at_rates = at_equal_rates(rows);
        cli::print(&equal_rate_table(&at_rates))?;
        for versus in &results.versus {
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
                "codecs": results.codecs.iter().map(codec_json).collect::<Vec<_>>(),
                "rows": rows,
                "means": means(rows),
                "equal_rates": at_rates,
                "lossless": results.exact(),
                "bd_rates": results.versus.iter().flat_map(versus_json).collect::<Vec<_>>(),
            });
            output.write_bytes(format!("{object:#}\n").as_bytes())?;
        }
        if let Some((output, drawing)) = self.plot {
            let (panels, names) = (results.panels(), results.curve_names());
            let bytes = match drawing {
                Drawing::Svg => chart::svg(&panels, &names).map_err(Error::failed)?.into_bytes(),
                Drawing::Png => png_of(&chart::picture(&panels, &names).map_err(Error::failed)?)?,
            };
            output.write_bytes(&bytes)?;
        }
        Ok(())
    }
}

/// Everything that was measured, and what follows from it.
pub(crate) struct Results<'a> {
    pub(crate) rows: &'a [Row],
    pub(crate) codecs: &'a [Codec],
    pub(crate) versus: Vec<Versus>,
    /// What sizes without loss are compared with.
    exact_anchor: Option<String>,
    /// Curves from a file, which are drawn beside the curves of the run.
    foreign: Vec<Curve>,
}

impl<'a> Results<'a> {
    pub(crate) fn new(rows: &'a [Row], codecs: &'a [Codec], anchor: &Anchor) -> Self {
        let foreign = match anchor {
            Anchor::Curves(curves) => curves.clone(),
            Anchor::None | Anchor::Codec(_) => Vec::new(),
        };
        let mut results = Self { rows, codecs, versus: Vec::new(), exact_anchor: None, foreign };
        match anchor {
            _ if !results.is_exact() => results.versus = versus(rows, codecs, anchor),
            Anchor::Codec(name) => results.exact_anchor = Some(name.clone()),
            Anchor::None | Anchor::Curves(_) => {}
        }
        results
    }

    /// Whether these are measurements without loss.
    pub(crate) fn is_exact(&self) -> bool {
        self.rows.iter().any(|row| row.bps.is_some())
    }

    /// Sizes and speeds without loss, if these are such measurements.
    pub(crate) fn exact(&self) -> Vec<Exact> {
        exact(self.rows, self.exact_anchor())
    }

    /// What those sizes are compared with.
    pub(crate) fn exact_anchor(&self) -> Option<&str> {
        self.exact_anchor.as_deref()
    }

    /// Names of the codecs that have rows, in the order of their colours.
    pub(crate) fn names(&self) -> Vec<String> {
        wavern_eval::codecs(self.rows).into_iter().map(str::to_owned).collect()
    }

    /// Names of everything that is drawn, in the order of their colours: the codecs, then the curves from a file.
    pub(crate) fn curve_names(&self) -> Vec<String> {
        self.names().into_iter().chain(self.foreign.iter().map(|curve| curve.name.clone())).collect()
    }

    /// What the first anchor is called, if there is one.
    pub(crate) fn anchor(&self) -> Option<&str> {
        self.versus.first().map(|versus| versus.anchor.as_str())
    }

    /// The comparisons with the first anchor in one metric, each with the place of its codec among the names.
    pub(crate) fn against_anchor(&self, metric: Metric) -> Vec<(usize, &Comparison)> {
        let names = self.names();
        let of = |versus: &'_ Versus| names.iter().position(|name| *name == versus.codec);
        let versus = self.versus.iter().filter(|versus| Some(versus.anchor.as_str()) == self.anchor());
        let pairs = versus.filter_map(|versus| {
            let comparison = versus.comparisons.iter().find(|comparison| comparison.metric == metric)?;
            Some((of(versus)?, comparison))
        });
        pairs.collect()
    }

    /// Curves, speeds, spreads.
    pub(crate) fn panels(&self) -> Vec<Panel> {
        if self.is_exact() {
            return exact_panels(self.rows);
        }
        let mut rows = self.rows.to_vec();
        let files: BTreeSet<&str> = self.rows.iter().map(Row::stem).collect();
        for curve in &self.foreign {
            // Of the same files, if it has any of them: as BD-rates are taken.
            let is_common = |row: &&Row| files.contains(row.stem());
            let has_common = curve.rows.iter().any(|row| is_common(&row));
            let drawn = curve.rows.iter().filter(|row| !has_common || is_common(row));
            rows.extend(drawn.map(|row| Row { codec: curve.name.clone(), ..row.clone() }));
        }
        let mut panels = chart::rate_distortion(&rows);
        let Some(against) = self.anchor() else { return panels };
        let (names, metrics) = (self.names(), Metric::present(self.rows));
        if let Some(&first) = metrics.first() {
            let comparisons = self.against_anchor(first).into_iter();
            let mut points: Vec<(usize, f64)> =
                comparisons.filter_map(|(color, c)| Some((color, c.curves.as_ref().ok()?.percent))).collect();
            points.extend(names.iter().position(|name| name == against).map(|color| (color, 0.0)));
            panels.extend(chart::speed(self.rows, &points, &format!("{against}, {}", first.name())));
        }
        let shown = [Metric::Psnr, Metric::Ssimulacra2, Metric::SiSdr, Metric::Zimtohrli];
        for metric in shown.into_iter().filter(|metric| metrics.contains(metric)) {
            panels.extend(chart::spread(&names, &self.against_anchor(metric), against));
        }
        panels
    }
}

/// An 8-bit RGB picture as a PNG file.
pub(crate) fn png_of(picture: &Image) -> Result<Vec<u8>> {
    match picture.samples() {
        Samples::U8(samples) => png_bytes(picture.width(), picture.height(), samples),
        Samples::U16(_) => Err(Error::failed("a picture of 16 bits (expected 8)")),
    }
}

/// The samples of an 8-bit RGB picture as a PNG file.
pub(crate) fn png_bytes(width: u32, height: u32, rgb: &[u8]) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgb);
    let mut writer = encoder.write_header().map_err(Error::failed)?;
    writer.write_image_data(rgb).map_err(Error::failed)?;
    writer.finish().map_err(Error::failed)?;
    Ok(bytes)
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
