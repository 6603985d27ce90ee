//! A codec that can be run: its tools were found, its command lines are filled in, its version is known.

use super::peers::{Format, Knob, Peer};
use super::process::{self, Cost};
use crate::error::{At, Error, Result};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::{fs, io};
use wavern::Kind;
use wavern::internals::weights;

/// A codec and how to run it.
#[derive(Debug, Clone)]
pub(crate) struct Codec {
    /// Short name, the cell `codec` of its rows.
    pub(crate) name: String,
    /// What to call it in a chart.
    pub(crate) title: String,
    /// Its version, for people, and to recognise rows of another version.
    pub(crate) version: String,
    /// Settings to measure at.
    pub(crate) settings: Vec<f64>,
    pub(crate) knob: Knob,
    /// What its encoder reads.
    pub(crate) source: Format,
    /// What its decoder writes.
    pub(crate) result: Format,
    extension: String,
    encoder: Command,
    decoder: Command,
}

/// Wavern as a codec of one kind.
#[derive(Debug, Clone)]
pub(crate) struct Own {
    pub(crate) settings: Vec<f64>,
    /// Options of both verbs, `encode` and `decode`.
    pub(crate) engine: Vec<String>,
    /// The option of `wavern encode` that takes the setting, `{q}`.
    pub(crate) option: &'static [&'static str],
    pub(crate) knob: Knob,
    /// What it reads and writes.
    pub(crate) format: Format,
}

/// A program with its arguments, in which `{in}`, `{out}`, `{q}`, `{threads}` and `{rate}` stand for something.
#[derive(Debug, Clone)]
struct Command {
    program: PathBuf,
    arguments: Vec<String>,
}

impl Command {
    /// If the program is installed.
    fn find<S: AsRef<str>>(program: &str, arguments: &[S]) -> Option<Self> {
        let arguments = arguments.iter().map(|argument| argument.as_ref().to_owned()).collect();
        Some(Self { program: process::find(program)?, arguments })
    }

    fn run(&self, fill: &Fill<'_>, input: &Path, output: &Path) -> Result<Cost> {
        let argument = |argument: &String| match argument.as_str() {
            "{in}" => input.into(),
            "{out}" => output.into(),
            _ => OsString::from(fill.fill(argument)),
        };
        process::run(&self.program, &self.arguments.iter().map(argument).collect::<Vec<_>>())
    }
}

struct Fill<'a> {
    setting: &'a str,
    threads: usize,
    sample_rate: u32,
}

impl Fill<'_> {
    fn fill(&self, argument: &str) -> String {
        let argument = argument.replace("{q}", self.setting).replace("{threads}", &self.threads.to_string());
        argument.replace("{rate}", &self.sample_rate.to_string())
    }
}

impl Codec {
    /// A peer, or why it is not there.
    pub(crate) fn peer(peer: &Peer) -> Result<Self, String> {
        let command = |tool: &str, arguments: &[&str]| {
            Command::find(tool, arguments).ok_or_else(|| format!("{tool} is not installed"))
        };
        let (encoder, decoder) = (command(peer.encoder, peer.encode)?, command(peer.decoder, peer.decode)?);
        let (question, parts) = peer.version;
        let answer = process::ask(&encoder.program, &[question]).unwrap_or_default();
        let version = version(&answer, parts);
        if let Some(option) = peer.needs.filter(|_| !knows_its_options(&encoder, peer)) {
            return Err(format!("{version} does not know {option}"));
        }
        Ok(Self {
            name: peer.name.to_owned(),
            title: peer.title.to_owned(),
            version,
            settings: peer.settings.to_vec(),
            knob: peer.knob,
            source: peer.source,
            result: peer.result,
            extension: peer.extension.to_owned(),
            encoder,
            decoder,
        })
    }

    /// A codec by its command lines.
    pub(crate) fn custom(given: &PeerCommand, format: Format) -> Result<Self> {
        let command = |words: &[String]| {
            Command::find(&words[0], &words[1..])
                .ok_or_else(|| Error::usage(format!("{}: {} is not installed", given.name, words[0])))
        };
        let (encoder, decoder) = (command(&given.encode)?, command(&given.decode)?);
        let version = match &given.version {
            Some(words) => {
                let asked = command(words)?;
                let arguments: Vec<&str> = asked.arguments.iter().map(String::as_str).collect();
                let answer = process::ask(&asked.program, &arguments).unwrap_or_default();
                answer.lines().next().unwrap_or("of unknown version").to_owned()
            }
            None => {
                format!("{}, {}", given.encode[0], digest(&fs::read(&encoder.program).at(&given.encode[0])?))
            }
        };
        Ok(Self {
            name: given.name.clone(),
            title: given.name.clone(),
            version,
            settings: Vec::new(),
            knob: Knob { lowest: 0.0, highest: 100.0, step: 1.0, rises: true },
            source: format,
            result: format,
            extension: given.name.clone(),
            encoder,
            decoder,
        })
    }

    /// This program. `variant` is a name and further options of `wavern encode`.
    pub(crate) fn wavern(variant: Option<&Variant>, own: &Own) -> Result<Self> {
        let program = process::own_binary()?;
        let strings =
            |arguments: &[&str]| arguments.iter().map(|&argument| argument.to_owned()).collect::<Vec<_>>();
        let mut encode = strings(&["encode", "--quiet", "-f", "-j", "{threads}"]);
        encode.extend(own.engine.iter().cloned());
        encode.extend(strings(own.option));
        encode.extend(variant.iter().flat_map(|variant| variant.options.clone()));
        encode.extend(strings(&["{in}", "{out}"]));
        let mut decode = strings(&["decode", "--quiet", "-f", "-j", "{threads}"]);
        decode.extend(own.engine.iter().cloned());
        decode.extend(strings(&["{in}", "{out}"]));
        // All weights that are built in: which of them a file needs is up to the options.
        let kind = if own.format == Format::Wav { Kind::Audio } else { Kind::Image };
        let ids = weights::listed(kind).into_iter().map(|(id, _)| id.to_string());
        let weights = ids.collect::<Vec<_>>().join("/");
        // Another build may encode differently: rows of two builds must not be mixed.
        let build = digest(&fs::read(&program).at(program.display())?);
        let name = variant.map_or("wavern", |variant| &variant.name);
        Ok(Self {
            name: name.to_owned(),
            title: name.to_owned(),
            version: format!("wavern {}, weights {weights}, build {build}", env!("CARGO_PKG_VERSION")),
            settings: own.settings.clone(),
            knob: own.knob,
            source: own.format,
            result: own.format,
            extension: "wvn".to_owned(),
            encoder: Command { program: program.clone(), arguments: encode },
            decoder: Command { program, arguments: decode },
        })
    }

    /// Options of the encoder as a person would type them, without files.
    pub(crate) fn arguments(&self, setting: f64, threads: usize) -> String {
        let fill = Fill { setting: &setting.to_string(), threads, sample_rate: 0 };
        let mut options = Vec::new();
        let names_output = |option: &mut String| ["-o", "--o"].iter().any(|o| option.starts_with(o));
        for argument in &self.encoder.arguments {
            match argument.as_str() {
                "{in}" => {}
                // Of tools that name the output by an option, that option goes with it.
                "{out}" => drop(options.pop_if(names_output)),
                _ => options.push(fill.fill(argument)),
            }
        }
        options.join(" ")
    }

    /// Codes `source` into a file in `folder`. Returns where it is, its bytes, and what the encoder cost.
    pub(crate) fn encode(
        &self,
        source: &Path,
        setting: f64,
        threads: usize,
        folder: &Path,
    ) -> Result<(PathBuf, u64, Cost)> {
        let coded = folder.join("coded").with_extension(&self.extension);
        // Some encoders do not overwrite.
        match fs::remove_file(&coded) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error).at(coded.display()),
            _ => {}
        }
        let fill = Fill { setting: &setting.to_string(), threads, sample_rate: 0 };
        let cost = self.encoder.run(&fill, source, &coded)?;
        let bytes = fs::metadata(&coded).at(coded.display())?.len();
        Ok((coded, bytes, cost))
    }

    /// Decodes a coded file to `result`.
    pub(crate) fn decode(
        &self,
        coded: &Path,
        threads: usize,
        sample_rate: u32,
        result: &Path,
    ) -> Result<Cost> {
        self.decoder.run(&Fill { setting: "", threads, sample_rate }, coded, result)
    }
}

/// Wavern with further options, as a codec of its own: `NAME=OPTIONS`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Variant {
    name: String,
    options: Vec<String>,
}

impl std::str::FromStr for Variant {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = "expected NAME=OPTIONS, such as 'effort 9=--effort 9'";
        let (name, options) = text.split_once('=').ok_or(expected)?;
        if name.is_empty() || options.trim().is_empty() {
            return Err(expected.to_owned());
        }
        Ok(Self { name: name.to_owned(), options: options.split_whitespace().map(str::to_owned).collect() })
    }
}

/// Another codec by its command lines: `NAME=ENCODE :: DECODE` or `NAME=ENCODE :: DECODE :: VERSION`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PeerCommand {
    pub(crate) name: String,
    encode: Vec<String>,
    decode: Vec<String>,
    /// Whose first line says the version.
    version: Option<Vec<String>>,
}

impl std::str::FromStr for PeerCommand {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected =
            "expected NAME=ENCODE :: DECODE, such as 'x=xenc -q {q} {in} {out} :: xdec {in} {out}'";
        let (name, lines) = text.split_once('=').ok_or(expected)?;
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let lines: Vec<Vec<String>> = lines.split(" :: ").map(words).collect();
        let has_files =
            |line: &Vec<String>| ["{in}", "{out}"].iter().all(|file| line.iter().any(|w| w == file));
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        match &lines[..] {
            [encode, decode, rest @ ..]
                if has_files(encode)
                    && has_files(decode)
                    && rest.len() < 2
                    && rest.iter().all(|line| !line.is_empty())
                    && !name.is_empty()
                    && name.chars().all(is_name) =>
            {
                Ok(Self {
                    name: name.to_owned(),
                    encode: encode.clone(),
                    decode: decode.clone(),
                    version: rest.first().cloned(),
                })
            }
            _ => Err(expected.to_owned()),
        }
    }
}

/// Whether an encoder takes all its options: a gray picture of 64 × 64 is coded.
fn knows_its_options(encoder: &Command, peer: &Peer) -> bool {
    let trial = || -> Result<()> {
        let folder = tempfile::tempdir().at("a temporary folder")?;
        let (source, coded) =
            (folder.path().join("in.png"), folder.path().join("out").with_extension(peer.extension));
        image::GrayImage::from_pixel(64, 64, image::Luma([128])).save(&source).map_err(Error::failed)?;
        let setting = peer.settings[0].to_string();
        encoder.run(&Fill { setting: &setting, threads: 1, sample_rate: 0 }, &source, &coded)?;
        Ok(())
    };
    trial().is_ok()
}

/// The first 12 hexadecimal digits of the BLAKE3 hash.
pub(crate) fn digest(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex()[..12].to_owned()
}

/// `libavif 0.11.1, libaom v3.6.0`: each part is the word after a marker in what the tool says of itself.
fn version(answer: &str, parts: &[(&str, &str)]) -> String {
    let word = |marker: &str| {
        let (_, rest) = answer.split_once(marker)?;
        rest.split(|c: char| c.is_whitespace() || matches!(c, ',' | ')' | ';')).find(|word| !word.is_empty())
    };
    let parts =
        parts.iter().map(|(name, marker)| format!("{name} {}", word(marker).unwrap_or("of unknown version")));
    parts.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_what_the_tools_say() {
        let avif = "Version: 0.11.1 (dav1d [dec]:1.0.0, aom [enc/dec]:v3.6.0, rav1e [enc]:0.5.1)\nlibyuv : available\n";
        let parts = [("libavif", "Version: "), ("libaom", "aom [enc/dec]:")];
        assert_eq!(version(avif, &parts), "libavif 0.11.1, libaom v3.6.0");
        assert_eq!(version("1.2.4\nlibsharpyuv: 0.2.0\n", &[("libwebp", "")]), "libwebp 1.2.4");
        assert_eq!(version("", &[("lame", "version ")]), "lame of unknown version");
    }

    #[test]
    fn arguments_are_told_without_files() {
        let command = |arguments: &[&str]| Command {
            program: PathBuf::new(),
            arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
        };
        for (template, expected) in [
            (&["-q", "{q}", "{in}", "-o", "{out}"][..], "-q 2.5"),
            (&["-q", "{q}", "-outfile", "{out}", "{in}"], "-q 2.5"),
            (&["{in}", "{out}", "-d", "{q}", "--threads={threads}"], "-d 2.5 --threads=3"),
            (&["--encode", "--preset", "{q}", "{in}", "--output", "{out}"], "--encode --preset 2.5"),
        ] {
            let codec = Codec { encoder: command(template), ..any() };
            assert_eq!(codec.arguments(2.5, 3), expected);
        }
    }

    fn any() -> Codec {
        let nothing = Command { program: PathBuf::new(), arguments: Vec::new() };
        Codec {
            name: String::new(),
            title: String::new(),
            version: String::new(),
            settings: Vec::new(),
            knob: Knob { lowest: 0.0, highest: 1.0, step: 1.0, rises: true },
            source: Format::Ppm,
            result: Format::Ppm,
            extension: "x".to_owned(),
            encoder: nothing.clone(),
            decoder: nothing,
        }
    }

    #[test]
    fn a_peer_has_a_name_and_command_lines() {
        let peer: PeerCommand = "x-1=enc -q {q} {in} {out} :: dec {in} {out} :: enc -V".parse().unwrap();
        assert_eq!((peer.name.as_str(), peer.encode.len(), peer.decode.len()), ("x-1", 5, 3));
        assert_eq!(peer.version, Some(vec!["enc".to_owned(), "-V".to_owned()]));
        for wrong in
            ["x", "x=enc {in} {out}", "x=enc {in} :: dec {in} {out}", "a b=e {in} {out} :: d {in} {out}"]
        {
            assert!(wrong.parse::<PeerCommand>().unwrap_err().contains("NAME=ENCODE :: DECODE"));
        }
    }

    #[test]
    fn a_variant_has_a_name_and_options() {
        let variant: Variant = "slow=--effort 9 --tune visual".parse().unwrap();
        assert_eq!((variant.name.as_str(), variant.options.len()), ("slow", 4));
        assert!("slow".parse::<Variant>().is_err() && "=x".parse::<Variant>().is_err());
    }
}
