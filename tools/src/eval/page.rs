//! The report for a browser: one page that opens from disk, with the pictures or sounds it shows in a folder beside it.

use super::bd_table::range;
use super::results::Results;
use crate::error::{At, Error, Result};
use crate::files::output::Output;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};
use wavern_eval::{Comparison, Interval, Mean, Metric, Row, chart, means};

/// A file of the run as decoded by several codecs at about the same size, to look at or listen to.
pub(crate) struct Exhibit {
    pub(crate) title: String,
    /// What the rates have in common, and how this file compares.
    pub(crate) note: String,
    /// The original first, then the codecs.
    pub(crate) versions: Vec<Version>,
    pub(crate) is_sound: bool,
}

/// One version of an exhibit. Paths start at the folder of the page.
pub(crate) struct Version {
    pub(crate) name: String,
    pub(crate) caption: String,
    pub(crate) media: String,
    /// Spectrogram of a sound, or of its difference from the original.
    pub(crate) picture: Option<String>,
}

/// The folder of a report.
pub(crate) struct Folder {
    path: PathBuf,
    force: bool,
}

impl Folder {
    /// The folder is made if it is not there; a report that is there needs `force`.
    pub(crate) fn new(path: &Path, force: bool) -> Result<Self> {
        if path.join("index.html").exists() && !force {
            return Err(Error::failed("holds a report already (use -f to overwrite)").at(path.display()));
        }
        fs::create_dir_all(path.join("media")).at(path.display())?;
        Ok(Self { path: path.to_owned(), force })
    }

    /// Writes a picture or a sound and returns its path from the page on.
    pub(crate) fn add(&self, name: &str, bytes: &[u8]) -> Result<String> {
        let path = format!("media/{name}");
        Output::new(&self.path.join(&path), true)?.write_bytes(bytes)?;
        Ok(path)
    }

    /// Where a file of this name would be.
    pub(crate) fn place(&self, name: &str) -> PathBuf {
        self.path.join("media").join(name)
    }

    /// Writes the page: last, so that what it shows is there.
    pub(crate) fn finish(self, results: &Results<'_>, exhibits: &[Exhibit], threads: usize) -> Result<()> {
        let page = page(results, exhibits, threads)?.into_string();
        Output::new(&self.path.join("index.html"), self.force)?.write_bytes(page.as_bytes())
    }
}

fn page(results: &Results<'_>, exhibits: &[Exhibit], threads: usize) -> Result<Markup> {
    let (rows, names) = (results.rows, results.names());
    let is_image = rows.iter().any(Row::is_image);
    let what = if is_image { "picture" } else { "sound" };
    let files = rows.iter().map(|row| &row.file).collect::<std::collections::BTreeSet<_>>().len();
    let plural = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    let title = match names.len() {
        0 | 1 => format!("Wavern on {}", plural(files, what)),
        count => format!("Wavern beside {} on {}", plural(count - 1, "other codec"), plural(files, what)),
    };
    let panels = results.panels();
    let charts: Vec<String> =
        panels.iter().map(chart::panel_svg).collect::<Result<_, _>>().map_err(Error::failed)?;
    Ok(html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                link rel="icon" href="data:,";
                style { (PreEscaped(include_str!("page/page.css"))) }
            }
            body {
                main {
                    h1 { (title) }
                    p.soft { "Measured " (today()) " by wavern eval " (env!("CARGO_PKG_VERSION")) ", " (machine()) ", "
                        (threads) " threads for each codec. Rates count the bytes of whole files; times and memory are of whole \
                        processes, one at a time." }
                    h2 { "Summary" }
                    @if results.is_exact() { (exact_summary(results, is_image)) } @else { (summary(results, is_image)) }
                    h2 { "Charts" }
                    @if results.is_exact() {
                        p.soft { "Means over all files at each setting: the best codec is at the bottom right." }
                    } @else {
                        p.soft { "Curves: means over all files at each setting; rate to the right, quality upwards unless the axis says that \
                            lower is better. Speeds: the best codec is at the bottom right. Dots above the names of codecs are single files; \
                            lower is better." }
                    }
                    ul.legend { @for (index, name) in results.curve_names().iter().enumerate() { li { (dot(index)) (name) } } }
                    div.charts { @for chart in &charts { div.card { (PreEscaped(chart)) } } }
                    (numbers(rows))
                    @if !exhibits.is_empty() {
                        h2 { @if is_image { "Look" } @else { "Listen" } " at equal size" }
                        (guide(is_image))
                        div.exhibits { @for exhibit in exhibits { (show(exhibit)) } }
                    }
                    h2 { "Codecs" }
                    (settings(results))
                }
                script { (PreEscaped(include_str!("page/page.js"))) }
            }
        }
    })
}

fn guide(is_image: bool) -> Markup {
    html! {
        @if is_image {
            p.soft { "The same part of the same picture, from files of nearly equal size. The pictures on which Wavern does worst come first, and \
                the part shown is the one it changes most. Drag to move the border, or press Flicker." }
        } @else {
            p.soft { "The same clip from files of nearly equal size; the clips on which Wavern does worst come first. Starting another version \
                continues at the same moment. The pictures are spectrograms: of the original, and of what each codec changed, \
                on the same scale (0 to -100 dB, 0 Hz at the bottom)." }
        }
    }
}

fn summary(results: &Results<'_>, is_image: bool) -> Markup {
    let rows = results.rows;
    let metrics = Metric::present(rows);
    let against = results.anchor();
    let speed_unit = if is_image { "MP/s" } else { "× real time" };
    let mean = |codec: &str, cell: fn(&Row) -> Option<f64>| {
        let values: Vec<f64> = rows.iter().filter(|row| row.codec == codec).filter_map(cell).collect();
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    };
    let cell = |value: Option<f64>, digits: usize| {
        value.map_or("–".to_owned(), |value| format!("{value:.digits$}"))
    };
    html! {
        @if let Some(against) = against {
            p { "BD-rate: how much larger, in percent, a codec’s files are than those of " b { (against) } " at the same quality; negative means \
                smaller. It is computed between the mean curves, over the range of quality that both cover (“over”). The small print is the \
                95 % confidence interval over files." }
        }
        div.scroll { table {
            thead { tr {
                th { "codec" }
                @if against.is_some() { @for metric in &metrics { th { (metric.name()) small { "BD-rate" } } } }
                th { "encode" small { (speed_unit) } } th { "decode" small { (speed_unit) } } th { "encode" small { "MiB" } } th { "decode" small { "MiB" } }
            } }
            tbody { @for (index, name) in results.names().iter().enumerate() { tr {
                td { (dot(index)) (name) }
                @if against.is_some() { @for &metric in &metrics {
                    td { (bd_cell(results.against_anchor(metric).iter().find(|(place, _)| *place == index).map(|(_, c)| *c), against == Some(name))) }
                } }
                td { (cell(chart::speed_of(rows, name, |row| row.encode_s), 1)) }
                td { (cell(chart::speed_of(rows, name, |row| row.decode_s), 1)) }
                td { (cell(mean(name, |row| row.encode_mib), 0)) }
                td { (cell(mean(name, |row| row.decode_mib), 0)) }
            } } }
        } }
    }
}

/// Sizes and speeds without loss.
fn exact_summary(results: &Results<'_>, is_image: bool) -> Markup {
    let anchor = results.exact_anchor();
    let names = results.names();
    let place = |codec: &str| names.iter().position(|name| name == codec).unwrap_or_default();
    let cell = |value: Option<f64>| value.map_or("–".to_owned(), |value| format!("{value:.2}"));
    let unit = if is_image { "MP/s" } else { "× real time" };
    html! {
        p { "Without loss: all samples of every file came back from every codec, as counted here."
            @if let Some(anchor) = anchor {
                " Percentages are bytes more than those of " b { (anchor) } " at the setting where it takes fewest; negative is less."
            }
        }
        div.scroll { table {
            thead { tr {
                th { "codec" } th { "setting" } th { "files" } th { "bytes" } th { "bits per sample" }
                @if let Some(anchor) = anchor { th { "against " (anchor) } }
                th { "encode" small { (unit) } } th { "decode" small { (unit) } }
            } }
            tbody { @for one in results.exact() { tr {
                td { (dot(place(&one.codec))) (one.codec) }
                td { (one.setting.map_or("–".to_owned(), |setting| setting.to_string())) }
                td { (one.files) }
                td { (one.bytes) }
                td { (format!("{:.4}", one.bps)) }
                @if anchor.is_some() { td { (one.against.map_or("–".to_owned(), |p| signed(&format!("{p:+.2} %")))) } }
                td { (cell(one.encode_speed)) }
                td { (cell(one.decode_speed)) }
            } } }
        } }
    }
}

fn bd_cell(comparison: Option<&Comparison>, is_anchor: bool) -> Markup {
    let Some(comparison) = comparison else { return html! { @if is_anchor { "0" } @else { "–" } } };
    match &comparison.curves {
        Ok(bd) => {
            let (from, to) = range(comparison.metric, bd.from, bd.to);
            let interval = |Interval { from, to }| signed(&format!("{from:+.1} to {to:+.1} %"));
            html! {
                (signed(&format!("{:+.1} %", bd.percent)))
                @if let Some(found) = comparison.curves_interval { small { (interval(found)) } }
                small { (signed(&format!("over {from:.1} to {to:.1}"))) }
            }
        }
        Err(problem) => html! { span title=(problem) { "–" } small { "curves do not overlap enough" } },
    }
}

/// With the sign that is as wide as a plus.
fn signed(text: &str) -> String {
    text.replace('-', "−")
}

/// What the curves are drawn from.
fn numbers(rows: &[Row]) -> Markup {
    let metrics = Metric::present(rows);
    let is_image = rows.iter().any(Row::is_image);
    let cell = |value: Option<f64>, digits: usize| {
        value.map_or("–".to_owned(), |value| signed(&format!("{value:.digits$}")))
    };
    html! {
        details { summary { "The means as numbers" } div.scroll { table {
            thead { tr {
                th { "codec" } th { "setting" } th { "files" } th { @if is_image { "bpp" } @else { "kbit/s" } }
                @for metric in &metrics { th { (metric.name()) } }
                th { "encode" small { "s" } } th { "decode" small { "s" } }
            } }
            tbody { @for Mean { files, row } in means(rows) { tr {
                td { (row.codec) }
                td { (row.goal().map_or("–".to_owned(), |goal| goal.to_string())) }
                td { (files) }
                td { (cell(row.rate(), if is_image { 3 } else { 1 })) }
                @for metric in &metrics { td { (cell(metric.of(&row), metric.digits())) } }
                td { (cell(row.encode_s, 3)) }
                td { (cell(row.decode_s, 3)) }
            } } }
        } } }
    }
}

fn dot(index: usize) -> Markup {
    html! { span.dot style=(format!("background:{}", chart::color(index))) {} }
}

fn show(exhibit: &Exhibit) -> Markup {
    html! {
        section.card.exhibit[!exhibit.is_sound] {
            h3 { (exhibit.title) }
            p.soft { (exhibit.note) }
            @if exhibit.is_sound { (listen(&exhibit.versions)) } @else { (look(&exhibit.versions)) }
        }
    }
}

fn look(versions: &[Version]) -> Markup {
    // Wavern and the strongest of the usual peers, or what there is.
    let left = 1.min(versions.len() - 1);
    let strongest = versions.iter().position(|version| version.name == "avif");
    let right = strongest.unwrap_or(if versions.len() > 2 { versions.len() - 1 } else { 0 });
    let select = |label: &str, chosen: usize| {
        html! {
            select aria-label=(label) {
                @for (index, version) in versions.iter().enumerate() {
                    option value=(version.media) data-caption=(version.caption) selected[index == chosen] { (version.name) }
                }
            }
        }
    };
    html! {
        div.controls { (select("left", left)) button type="button" aria-pressed="false" { "Flicker" } (select("right", right)) }
        div.viewer {
            img src=(versions[left].media) alt=(versions[left].name);
            img src=(versions[right].media) alt=(versions[right].name);
            div.edge {}
            input type="range" min="0" max="100" step="0.1" value="50" aria-label="border between left and right";
        }
        div.sides { div { (versions[left].caption) } div { (versions[right].caption) } }
    }
}

fn listen(versions: &[Version]) -> Markup {
    html! {
        div.sound { @for version in versions {
            figure {
                figcaption { b { (version.name) } " " span.soft { (version.caption) } }
                audio controls preload="none" src=(version.media) {}
                @if let Some(picture) = &version.picture { img src=(picture) loading="lazy" alt=(format!("spectrogram, {}", version.name)); }
            }
        } }
    }
}

fn settings(results: &Results<'_>) -> Markup {
    let names = results.names();
    let lines = names.iter().filter_map(|name| {
        let codec = results.codecs.iter().find(|codec| codec.name == *name)?;
        let rows: Vec<&Row> = results.rows.iter().filter(|row| row.codec == *name).collect();
        let mut settings: Vec<f64> = rows.iter().filter_map(|row| row.setting).collect();
        settings.sort_by(f64::total_cmp);
        settings.dedup();
        Some((codec, rows.first()?.arguments.as_str(), in_words(&settings)))
    });
    html! {
        div.scroll.settings { table {
            thead { tr { th { "codec" } th { "version" } th { "options, at one of its settings" } th { "settings" } } }
            tbody { @for (codec, arguments, settings) in lines { tr {
                td { (codec.title) }
                td { (codec.version) }
                td { code { (arguments) } }
                td { (settings) }
            } } }
        } }
    }
}

/// All of a few settings, or how many there are and between what.
fn in_words(settings: &[f64]) -> String {
    match settings {
        [first, .., last] if settings.len() > 12 => format!("{} from {first} to {last}", settings.len()),
        _ => settings.iter().map(f64::to_string).collect::<Vec<_>>().join(", "),
    }
}

/// The date in UTC as year, month, day.
fn today() -> String {
    let days = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs() / 86_400) as i64;
    let (year, month, day) = date(days);
    format!("{year:04}-{month:02}-{day:02}")
}

/// Days since 1970-01-01 as a date, by eras of 400 years that begin on the first of March.
fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (400 * era + year_of_era + i64::from(month <= 2), month, day)
}

/// The processor, as the system names it.
fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": ").map(|(_, name)| name.trim()));
    format!("{cores} cores of {}", model.unwrap_or("an unnamed processor"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(date(0), (1970, 1, 1));
        assert_eq!(date(11_016), (2000, 2, 29));
        assert_eq!(date(20_778), (2026, 11, 21));
        assert_eq!(date(-1), (1969, 12, 31));
    }

    #[test]
    fn few_settings_are_listed_and_many_counted() {
        assert_eq!(in_words(&[0.5, 1.0]), "0.5, 1");
        let many: Vec<f64> = (10..30).map(f64::from).collect();
        assert_eq!(in_words(&many), "20 from 10 to 29");
        assert_eq!(in_words(&[]), "");
    }

    #[test]
    fn an_exhibit_is_escaped_and_has_its_versions() {
        let version = |name: &str| Version {
            name: name.to_owned(),
            caption: "12 kB".to_owned(),
            media: format!("media/{name}.png"),
            picture: None,
        };
        let exhibit = Exhibit {
            title: "<a>.png".to_owned(),
            note: String::new(),
            versions: vec![version("original"), version("wavern"), version("avif")],
            is_sound: false,
        };
        let text = show(&exhibit).into_string();
        assert!(text.contains("&lt;a&gt;.png") && !text.contains("<a>"), "{text}");
        assert_eq!(text.matches("data-caption=\"12 kB\"").count(), 6);
        let sound = Exhibit { is_sound: true, ..exhibit };
        assert_eq!(show(&sound).into_string().matches("<audio").count(), 3);
    }
}
