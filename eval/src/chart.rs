//! Charts of measurements: panels with lines or dots, as SVG or PNG.

mod panels;

pub(crate) use panels::{DECODING, ENCODING};
pub use panels::{rate_distortion, speed, speed_of, spread};

use crate::Error;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::sync::Once;
use wavern::{Image, Samples};

/// Width and height of a panel, in pixels at scale 1.
const PANEL: (u32, u32) = (420, 320);
/// Height of the line that says which colour is which codec.
const LEGEND: u32 = 44;
/// Panels side by side.
const COLUMNS: usize = 3;
/// Colours that remain distinct for most kinds of colour blindness (Okabe and Ito), Wavern's first.
const COLORS: [RGBColor; 8] = [
    RGBColor(213, 94, 0),
    RGBColor(0, 114, 178),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(90, 90, 90),
    RGBColor(0, 0, 0),
];

/// One diagram.
#[derive(Debug, Clone, PartialEq)]
pub struct Panel {
    /// What stands above it.
    pub title: String,
    /// What is on the axes, with units.
    pub axes: (String, String),
    /// Whether equal steps of x are equal factors.
    pub log_x: bool,
    /// Names of the places 0, 1, 2 … on the x axis, instead of numbers.
    pub places: Vec<String>,
    /// What is drawn.
    pub series: Vec<Series>,
}

/// The points of one codec.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// The codec; its place in the list of all codecs chooses the colour.
    pub color: usize,
    /// x and y.
    pub points: Vec<(f64, f64)>,
    /// Whether a line joins the points.
    pub line: bool,
}

/// All panels of a figure as SVG. `codecs` names the colours.
///
/// # Errors
/// [`Error::Output`] if it cannot be drawn.
pub fn svg(panels: &[Panel], codecs: &[String]) -> Result<String, Error> {
    let size = figure_size(panels.len());
    let mut out = String::new();
    draw_figure(&SVGBackend::with_string(&mut out, size).into_drawing_area(), panels, codecs, 1)?;
    Ok(out)
}

/// One panel as SVG, without the names of the colours.
///
/// # Errors
/// As [`svg`].
pub fn panel_svg(panel: &Panel) -> Result<String, Error> {
    let mut out = String::new();
    let area = SVGBackend::with_string(&mut out, PANEL).into_drawing_area();
    draw_panel(&area, panel, 1)?;
    area.present().map_err(Error::output)?;
    drop(area);
    Ok(out)
}

/// All panels of a figure as a picture, 8-bit RGB, at twice the size of the SVG.
///
/// # Errors
/// As [`svg`].
pub fn picture(panels: &[Panel], codecs: &[String]) -> Result<Image, Error> {
    let scale = 2;
    let (width, height) = figure_size(panels.len());
    let size = (width * scale, height * scale);
    let mut out = vec![255; (size.0 * size.1 * 3) as usize];
    draw_figure(&BitMapBackend::with_buffer(&mut out, size).into_drawing_area(), panels, codecs, scale)?;
    Image::new(size.0, size.1, wavern::Color::Rgb, Samples::U8(out)).map_err(Error::output)
}

/// The colour of a codec as `#rrggbb`.
pub fn color(index: usize) -> String {
    let RGBColor(r, g, b) = COLORS[index % COLORS.len()];
    format!("#{r:02x}{g:02x}{b:02x}")
}

fn figure_size(panels: usize) -> (u32, u32) {
    let rows = panels.div_ceil(COLUMNS).max(1) as u32;
    (PANEL.0 * panels.clamp(1, COLUMNS) as u32, LEGEND + PANEL.1 * rows)
}

type Area<B> = DrawingArea<B, Shift>;

fn draw_figure<B: DrawingBackend>(
    area: &Area<B>,
    panels: &[Panel],
    codecs: &[String],
    scale: u32,
) -> Result<(), Error> {
    use_font();
    area.fill(&WHITE).map_err(Error::output)?;
    let (legend, rest) = area.split_vertically(LEGEND * scale);
    let size = |pixels: u32| (pixels * scale) as i32;
    let style = ("sans-serif", size(18)).into_font().color(&BLACK).pos(Pos::new(HPos::Left, VPos::Center));
    let mut x = size(20);
    for (index, codec) in codecs.iter().enumerate() {
        let color = COLORS[index % COLORS.len()];
        let (top, bottom) = (size(LEGEND / 2 - 6), size(LEGEND / 2 + 6));
        let swatch = Rectangle::new([(x, top), (x + size(12), bottom)], color.filled());
        legend.draw(&swatch).map_err(Error::output)?;
        x += size(18);
        legend.draw_text(codec, &style, (x, size(LEGEND / 2))).map_err(Error::output)?;
        let width = legend.estimate_text_size(codec, &style).map_or(0, |size| size.0 as i32);
        x += width + size(22);
    }
    let rows = panels.len().div_ceil(COLUMNS).max(1);
    let columns = panels.len().clamp(1, COLUMNS);
    for (panel, area) in panels.iter().zip(rest.split_evenly((rows, columns))) {
        draw_panel(&area, panel, scale)?;
    }
    area.present().map_err(Error::output)
}

fn draw_panel<B: DrawingBackend>(area: &Area<B>, panel: &Panel, scale: u32) -> Result<(), Error> {
    use_font();
    area.fill(&WHITE).map_err(Error::output)?;
    let size = |pixels: u32| (pixels * scale) as i32;
    let place = |x: f64| if panel.log_x { x.log10() } else { x };
    let points = || panel.series.iter().flat_map(|series| &series.points);
    let mut x_range = range(points().map(|point| place(point.0)));
    if !panel.places.is_empty() {
        x_range = -0.5..panel.places.len() as f64 - 0.5;
    }
    let y_range = range(points().map(|point| point.1));
    let x_label = |x: &f64| {
        if panel.log_x {
            let value = 10_f64.powf(*x);
            // Ticks are at even powers: 0.316 is said as 0.32.
            let unit = 10_f64.powf(x.floor() - 1.0);
            return short((value / unit).round() * unit);
        }
        let is_place = (x - x.round()).abs() < 1e-9 && *x >= 0.0;
        let name = is_place.then(|| panel.places.get(x.round() as usize)).flatten();
        match (panel.places.is_empty(), name) {
            (true, _) => short(*x),
            (false, name) => name.cloned().unwrap_or_default(),
        }
    };
    let mut chart = ChartBuilder::on(area)
        .caption(&panel.title, ("sans-serif", size(20)))
        .margin(size(10))
        .x_label_area_size(size(44))
        .y_label_area_size(size(58))
        .build_cartesian_2d(x_range, y_range)
        .map_err(Error::output)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(RGBColor(225, 225, 225))
        .axis_style(RGBColor(120, 120, 120))
        .x_labels(if panel.places.is_empty() { 6 } else { 2 * panel.places.len() + 1 })
        .y_labels(7)
        .x_label_formatter(&x_label)
        .y_label_formatter(&|y| short(*y))
        .x_desc(&panel.axes.0)
        .y_desc(&panel.axes.1)
        .label_style(("sans-serif", size(15)))
        .axis_desc_style(("sans-serif", size(16)))
        .draw()
        .map_err(Error::output)?;
    for series in panel.series.iter().rev() {
        let color = COLORS[series.color % COLORS.len()];
        let points: Vec<(f64, f64)> = series.points.iter().map(|&(x, y)| (place(x), y)).collect();
        if series.line {
            let width = if series.color == 0 { 2 * scale } else { scale };
            let line = LineSeries::new(points.clone(), color.stroke_width(width));
            chart.draw_series(line).map_err(Error::output)?;
        }
        let radius = size(if series.line { 3 } else { 4 });
        let style = if series.line { color.filled() } else { color.mix(0.6).filled() };
        chart
            .draw_series(points.iter().map(|&point| Circle::new(point, radius, style)))
            .map_err(Error::output)?;
    }
    Ok(())
}

/// What the values cover, with a little air. Something that can be drawn even for one value or none.
fn range(values: impl Iterator<Item = f64>) -> std::ops::Range<f64> {
    let ends = |(low, high): (f64, f64), value: f64| (low.min(value), high.max(value));
    let (low, high) = values.filter(|value| value.is_finite()).fold((f64::INFINITY, f64::NEG_INFINITY), ends);
    if low > high {
        return 0.0..1.0;
    }
    let air = if high > low { 0.06 * (high - low) } else { 0.5 };
    low - air..high + air
}

/// Three digits that count.
fn short(value: f64) -> String {
    let size = value.abs();
    let digits = if size >= 99.95 || size == 0.0 {
        0
    } else if size >= 9.995 {
        1
    } else if size >= 0.995 {
        2
    } else {
        3
    };
    let text = format!("{value:.digits$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// Text is measured and, in PNG, drawn with this font, so that charts do not depend on what is installed.
fn use_font() {
    static FONT: &[u8] = include_bytes!("chart/Roboto-Latin.ttf");
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // It is a font: a test draws with it.
        let known = plotters::style::register_font("sans-serif", FontStyle::Normal, FONT);
        debug_assert!(known.is_ok());
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn panel() -> Panel {
        Panel {
            title: "PSNR".to_owned(),
            axes: ("bits per pixel".to_owned(), "dB".to_owned()),
            log_x: false,
            places: Vec::new(),
            series: vec![Series {
                color: 0,
                points: vec![(0.1, 28.0), (0.5, 33.0), (1.5, 38.0)],
                line: true,
            }],
        }
    }

    #[test]
    fn a_figure_has_its_titles_axes_and_names() {
        let figure = svg(&[panel(), panel()], &["wavern".to_owned(), "avif".to_owned()]).unwrap();
        for text in ["PSNR", "bits per pixel", "dB", "wavern", "avif", "#D55E00", "0.5"] {
            assert!(figure.contains(text), "{text}: {figure}");
        }
        for svg in [figure, panel_svg(&panel()).unwrap()] {
            // Closed once, at its end: browsers refuse what comes after.
            assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"), "{svg}");
            assert_eq!(svg.matches("</svg>").count(), 1, "{svg}");
        }
    }

    #[test]
    fn pixels_show_the_colour_of_the_codec_and_dark_text() {
        let picture = picture(&[panel()], &["wavern".to_owned()]).unwrap();
        assert_eq!((picture.width(), picture.height()), (840, 728));
        let Samples::U8(pixels) = picture.samples() else { panic!("8 bits") };
        let pixels = pixels.as_chunks::<3>().0;
        assert!(pixels.contains(&[213, 94, 0]) && pixels.iter().any(|pixel| pixel.iter().all(|&s| s < 60)));
    }

    #[test]
    fn nothing_to_draw_is_an_empty_panel() {
        let empty = Panel { series: Vec::new(), ..panel() };
        let one =
            Panel { series: vec![Series { color: 1, points: vec![(2.0, 3.0)], line: false }], ..panel() };
        let infinite =
            Panel { series: vec![Series { color: 1, points: vec![], line: true }], log_x: true, ..panel() };
        assert!(svg(&[empty, one, infinite], &[]).is_ok());
    }

    #[test]
    fn numbers_are_short() {
        let short: Vec<String> = [0.1, 1.0, 12.26, 150.4, -0.0, 0.0316].map(short).to_vec();
        assert_eq!(short, ["0.1", "1", "12.3", "150", "0", "0.032"]);
    }
}
