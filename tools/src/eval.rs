//! `wavern eval`: codes many files at many settings and measures what it costs and what it keeps.

use crate::cli::{self, Common};
use crate::codec::{self, Rate, Target};
use crate::error::{At, Error, Result};
use crate::files::input::Input;
use crate::files::output::Output;
use crate::files::{self, InputKind};
use crate::metrics;
use crate::report::{self, Comparison, Metric, Row};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;
use wavern::signal::Signal;

/// Measure rate and distortion on pictures and sounds
///
/// Every file is really coded and decoded at every setting. Rates are those of whole .wvn files; times are those of this
/// process, without reading and writing files. Pictures: PSNR over RGB and MS-SSIM. Sounds: SI-SDR and log-spectral
/// distance. The means over the files are printed; --csv and --json keep every number.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Files and folders to measure; folders are searched for pictures and WAVs, folders inside them too
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,

    /// Qualities to code at
    #[arg(short, long, value_name = "LIST", value_parser = cli::parse_quality, value_delimiter = ',',
          default_value = "0,20,40,60,80,100")]
    quality: Vec<f32>,

    /// Bit rates to code sounds at, such as 64k,96k,128k, instead of qualities
    #[arg(long, value_name = "LIST", value_parser = cli::parse_bitrate, value_delimiter = ',')]
    bitrate: Vec<u32>,

    /// Write every measurement as a row of this CSV file
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,

    /// Write measurements and means to this JSON file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// Compare with the rows of this CSV file (columns bpp or kbps, and psnr, ms_ssim, si_sdr or lsd): BD-rates
    #[arg(long, value_name = "CSV")]
    anchor: Option<PathBuf>,

    /// Overwrite the CSV and JSON files if they exist
    #[arg(short, long)]
    force: bool,

    #[command(flatten)]
    common: Common,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let open = |path: &Option<PathBuf>| path.as_deref().map(|path| Output::new(path, args.force)).transpose();
    let (csv, json) = (open(&args.csv)?, open(&args.json)?);
    let anchor = match &args.anchor {
        Some(path) => {
            let input = Input::read(path)?;
            report::from_csv(input.bytes()).at(input.name())?
        }
        None => Vec::new(),
    };
    let files = find(&args.paths)?;
    if files.is_empty() {
        return Err(Error::failed("no picture and no WAV in the paths given"));
    }

    let (rows, failed) = measure(&files, args);
    let (images, sounds): (Vec<Row>, Vec<Row>) = rows.iter().cloned().partition(|row| row.bpp.is_some());
    let mut comparisons = Vec::new();
    for (what, rows) in
        [("pictures", &images), ("sounds", &sounds)].into_iter().filter(|(_, rows)| !rows.is_empty())
    {
        cli::print(&format!("{what}, means\n{}", report::table(rows)))?;
        let same_kind: Vec<Row> =
            anchor.iter().filter(|row| row.bpp.is_some() == rows[0].bpp.is_some()).cloned().collect();
        for comparison in report::compare(&same_kind, rows) {
            cli::print(&format!("{}\n", sentence(&comparison)))?;
            comparisons.push(comparison);
        }
    }
    if !anchor.is_empty() && comparisons.is_empty() {
        args.common.say("note: the anchor has no measure in common with these files");
    }
    if let Some(output) = csv {
        output.write_bytes(&report::to_csv(&rows)?)?;
    }
    if let Some(output) = json {
        let means = |rows: &[Row]| -> Vec<_> {
            report::means(rows)
                .into_iter()
                .map(|(files, mean)| json!({ "files": files, "mean": mean }))
                .collect()
        };
        let object = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "rows": rows,
            "means": { "pictures": means(&images), "sounds": means(&sounds) },
            "bd_rates": comparisons.iter().map(comparison_json).collect::<Vec<_>>(),
        });
        output.write_bytes(format!("{object:#}\n").as_bytes())?;
    }
    match failed {
        0 => Ok(()),
        count => Err(Error::failed(format!("{count} of {} files could not be measured", files.len()))),
    }
}

/// All files to measure, in the order of the arguments and of their names.
fn find(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in paths {
        let name = path.display();
        if fs::metadata(path).at(name)?.is_dir() {
            search(path, &mut found)?
        } else {
            found.push(path.clone())
        }
    }
    Ok(found)
}

fn search(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    let entries: Vec<fs::DirEntry> =
        fs::read_dir(folder).and_then(|entries| entries.collect()).at(folder.display())?;
    let mut entries: Vec<(PathBuf, bool)> = entries
        .iter()
        .filter(|entry| !entry.file_name().as_encoded_bytes().starts_with(b"."))
        .map(|entry| (entry.path(), entry.file_type().is_ok_and(|kind| kind.is_dir())))
        .collect();
    entries.sort();
    for (path, is_folder) in entries {
        if is_folder {
            search(&path, found)?;
        } else if is_signal(&path) {
            found.push(path);
        }
    }
    Ok(())
}

/// Told by the first bytes; what lies in a folder and is neither a picture nor a sound is passed over.
fn is_signal(path: &Path) -> bool {
    use std::io::Read;
    let mut head = [0; 32];
    let length = fs::metadata(path)
        .ok()
        .filter(fs::Metadata::is_file)
        .and_then(|_| fs::File::open(path).ok())
        .and_then(|mut file| file.read(&mut head).ok())
        .unwrap_or(0);
    matches!(InputKind::of(&head[..length]), Ok(InputKind::Image(_) | InputKind::Wav))
}

/// Rows of all files, and how many files failed. One at a time, so that the times mean something.
fn measure(files: &[PathBuf], args: &Args) -> (Vec<Row>, usize) {
    let progress =
        if args.common.is_quiet() { ProgressBar::hidden() } else { ProgressBar::new(files.len() as u64) };
    let style = ProgressStyle::with_template("{pos}/{len} files  {wide_bar}  {eta} left  {msg}");
    progress.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let (mut rows, mut failed) = (Vec::new(), 0);
    for file in files {
        progress.set_message(file.file_name().unwrap_or_default().to_string_lossy().into_owned());
        match measure_file(file, args) {
            Ok(more) => rows.extend(more),
            Err(error) => {
                failed += 1;
                progress.suspend(|| cli::tell_error(&error));
            }
        }
        progress.inc(1);
    }
    progress.finish_and_clear();
    (rows, failed)
}

fn measure_file(path: &Path, args: &Args) -> Result<Vec<Row>> {
    let input = Input::read(path)?;
    let signal = files::read_signal(&input)?.signal;
    let targets: Vec<Target> = match &signal {
        Signal::Audio(audio) if audio.frames() == 0 => {
            return Err(Error::unsupported("a sound without samples has no rate").at(input.name()));
        }
        Signal::Audio(_) if !args.bitrate.is_empty() => {
            args.bitrate.iter().copied().map(Target::Bitrate).collect()
        }
        _ => args.quality.iter().copied().map(Target::Quality).collect(),
    };
    targets.into_iter().map(|target| measure_at(&input, &signal, target, args).at(input.name())).collect()
}

fn measure_at(input: &Input, signal: &Signal, target: Target, args: &Args) -> Result<Row> {
    let engine = args.common.engine();
    let start = Instant::now();
    let stream = codec::encode(signal, target, engine)?;
    let encode_s = start.elapsed().as_secs_f64();
    let start = Instant::now();
    let decoded = codec::decode(&stream.bytes, engine)?;
    let decode_s = start.elapsed().as_secs_f64();

    let mut row = Row {
        file: input.name().to_owned(),
        level: Some(stream.level),
        bytes: stream.bytes.len() as u64,
        encode_s,
        decode_s,
        ..Row::default()
    };
    match target {
        Target::Quality(quality) => row.quality = Some(f64::from(quality)),
        Target::Bitrate(bits) => row.bitrate = Some(f64::from(bits)),
    }
    match codec::rate(signal, stream.bytes.len()) {
        Rate::BitsPerPixel(rate) => row.bpp = Some(rate),
        Rate::KilobitsPerSecond(rate) => row.kbps = Some(rate),
        Rate::NoTime => {}
    }
    match (signal, &decoded) {
        (Signal::Image(original), Signal::Image(decoded)) => {
            row.psnr = metrics::psnr(original, decoded);
            row.ms_ssim = metrics::ms_ssim(original, decoded);
        }
        (Signal::Audio(original), Signal::Audio(decoded)) => {
            row.si_sdr = metrics::si_sdr(original, decoded);
            row.lsd = metrics::log_spectral_distance(original, decoded);
        }
        _ => return Err(Error::failed("a picture was decoded as a sound, or a sound as a picture")),
    }
    Ok(row)
}

fn sentence(comparison: &Comparison) -> String {
    let name = comparison.metric.name();
    let curves = match &comparison.curves {
        Ok(bd) => format!(
            "{:+.2} % on the mean curves over {:.2}..{:.2}{}",
            bd.percent,
            bd.from,
            bd.to,
            unit(comparison)
        ),
        Err(problem) => format!("none on the mean curves: {problem}"),
    };
    let files =
        comparison.per_file.map(|(percent, count)| format!("; {percent:+.2} % as mean of {count} files"));
    format!("BD-rate {name}: {curves}{}", files.unwrap_or_default())
}

fn unit(comparison: &Comparison) -> &'static str {
    match comparison.metric {
        Metric::MsSsim => " dB of -10 log10(1 - MS-SSIM)",
        Metric::Lsd => " dB, sign turned",
        Metric::Psnr | Metric::SiSdr => " dB",
    }
}

fn comparison_json(comparison: &Comparison) -> serde_json::Value {
    let mut object = json!({ "metric": comparison.metric.name() });
    match &comparison.curves {
        Ok(bd) => object["mean_curves"] = json!({ "percent": bd.percent, "from": bd.from, "to": bd.to }),
        Err(problem) => object["problem"] = problem.as_str().into(),
    }
    if let Some((percent, files)) = comparison.per_file {
        object["per_file"] = json!({ "percent": percent, "files": files });
    }
    object
}
