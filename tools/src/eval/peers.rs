//! The codecs that Wavern is measured beside, as the command lines of their own tools.

/// Formats that the tools read and write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Ppm,
    Png,
    Wav,
}

impl Format {
    pub(crate) const fn extension(self) -> &'static str {
        match self {
            Self::Ppm => "ppm",
            Self::Png => "png",
            Self::Wav => "wav",
        }
    }
}

/// The number that sets rate and quality.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Knob {
    pub(crate) lowest: f64,
    pub(crate) highest: f64,
    /// Steps that make a difference.
    pub(crate) step: f64,
    /// Whether a larger number is a larger file.
    pub(crate) rises: bool,
}

/// A codec as its tools present it. In the command lines, `{in}` and `{out}` stand for files, `{q}` for the setting,
/// `{threads}` for a number of threads, `{rate}` for the sample rate of the original.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer {
    /// Short name, for `--peers` and the column `codec`.
    pub(crate) name: &'static str,
    /// What to call it in a chart.
    pub(crate) title: &'static str,
    pub(crate) encoder: &'static str,
    pub(crate) encode: &'static [&'static str],
    pub(crate) decoder: &'static str,
    pub(crate) decode: &'static [&'static str],
    /// What the encoder reads.
    pub(crate) source: Format,
    /// What the decoder writes.
    pub(crate) result: Format,
    pub(crate) extension: &'static str,
    pub(crate) knob: Knob,
    /// Settings that cover the rates people use, about 0.15 to 2 bpp, or 32 to 160 kbit/s.
    pub(crate) settings: &'static [f64],
    /// How to ask the encoder for its version, and the words in the answer that stand before each part of it.
    pub(crate) version: (&'static str, &'static [(&'static str, &'static str)]),
    /// An option that only newer versions of the encoder know: a small picture is coded first to find out.
    pub(crate) needs: Option<&'static str>,
}

/// Constant quality. The bounds leave the level to cq-level alone.
macro_rules! avif {
    ($($option:literal),*) => {
        &["-c", "aom", "-s", "6", $($option,)* "-d", "8", "-j", "{threads}", "--min", "0", "--max", "63",
          "-a", "end-usage=q", "-a", "cq-level={q}", "{in}", "{out}"]
    };
}

const AVIF: Peer = Peer {
    name: "avif",
    title: "AVIF (libaom, speed 6)",
    encoder: "avifenc",
    encode: avif!["-y", "420"],
    decoder: "avifdec",
    decode: &["-j", "{threads}", "-d", "8", "--png-compress", "0", "{in}", "{out}"],
    source: Format::Png,
    result: Format::Png,
    extension: "avif",
    knob: Knob { lowest: 0.0, highest: 63.0, step: 1.0, rises: false },
    settings: &[54.0, 46.0, 37.0, 28.0, 18.0, 7.0],
    version: ("--version", &[("libavif", "Version: "), ("libaom", "aom [enc/dec]:")]),
    needs: None,
};

/// Pictures. Chroma is halved (4:2:0) in JPEG, WebP and AVIF, as is usual for them, and kept in `avif444`, which is the
/// one to compare Wavern's RGB with.
pub(crate) const IMAGES: [Peer; 7] = [
    Peer {
        name: "jpeg",
        title: "JPEG (libjpeg-turbo)",
        encoder: "cjpeg",
        encode: &["-quality", "{q}", "-sample", "2x2", "-optimize", "-outfile", "{out}", "{in}"],
        decoder: "djpeg",
        decode: &["-pnm", "-outfile", "{out}", "{in}"],
        source: Format::Ppm,
        result: Format::Ppm,
        extension: "jpg",
        knob: Knob { lowest: 1.0, highest: 100.0, step: 1.0, rises: true },
        settings: &[10.0, 25.0, 45.0, 65.0, 82.0, 92.0],
        version: ("-version", &[("libjpeg-turbo", "libjpeg-turbo version ")]),
        needs: None,
    },
    Peer {
        name: "webp",
        title: "WebP (libwebp, -m 6)",
        encoder: "cwebp",
        encode: &["-quiet", "-m", "6", "-mt", "-q", "{q}", "{in}", "-o", "{out}"],
        decoder: "dwebp",
        decode: &["-quiet", "-mt", "-ppm", "{in}", "-o", "{out}"],
        source: Format::Ppm,
        result: Format::Ppm,
        extension: "webp",
        knob: Knob { lowest: 0.0, highest: 100.0, step: 1.0, rises: true },
        settings: &[2.0, 20.0, 45.0, 70.0, 86.0, 95.0],
        version: ("-version", &[("libwebp", "")]),
        needs: None,
    },
    AVIF,
    Peer { name: "avif444", title: "AVIF 4:4:4 (libaom, speed 6)", encode: avif!["-y", "444"], ..AVIF },
    Peer {
        name: "avif-psnr",
        title: "AVIF 4:4:4 (libaom, speed 6, tune=psnr)",
        encode: avif!["-y", "444", "-a", "tune=psnr"],
        needs: Some("tune=psnr"),
        ..AVIF
    },
    Peer {
        name: "avif-iq",
        title: "AVIF (libaom, speed 6, tune=iq)",
        encode: avif!["-y", "420", "-a", "tune=iq"],
        needs: Some("tune=iq"),
        ..AVIF
    },
    Peer {
        name: "jxl",
        title: "JPEG XL (libjxl, -e 7)",
        encoder: "cjxl",
        encode: &["{in}", "{out}", "-e", "7", "-d", "{q}", "--num_threads={threads}", "--quiet"],
        decoder: "djxl",
        decode: &["{in}", "{out}", "--num_threads={threads}", "--quiet"],
        source: Format::Ppm,
        result: Format::Ppm,
        extension: "jxl",
        knob: Knob { lowest: 0.1, highest: 15.0, step: 0.05, rises: false },
        settings: &[12.0, 7.0, 4.0, 2.2, 1.1, 0.5],
        version: ("--version", &[("libjxl", "cjxl ")]),
        needs: None,
    },
];

/// Kilobits a second.
const BITRATE: Knob = Knob { lowest: 32.0, highest: 320.0, step: 1.0, rises: true };

const OPUS: Peer = Peer {
    name: "opus",
    title: "Opus (libopus)",
    encoder: "opusenc",
    encode: &["--quiet", "--bitrate", "{q}", "{in}", "{out}"],
    decoder: "opusdec",
    decode: &["--quiet", "--force-wav", "--no-dither", "--rate", "{rate}", "{in}", "{out}"],
    source: Format::Wav,
    result: Format::Wav,
    extension: "opus",
    knob: BITRATE,
    settings: BITRATES,
    version: ("--version", &[("libopus", "libopus ")]),
    needs: None,
};

/// Sounds. The setting is the bit rate in kbit/s that the tool is asked for; what counts is the rate of the file.
pub(crate) const AUDIO: [Peer; 6] = [
    OPUS,
    Peer {
        name: "opus-speech",
        title: "Opus (libopus, --speech)",
        encode: &["--quiet", "--speech", "--bitrate", "{q}", "{in}", "{out}"],
        ..OPUS
    },
    Peer {
        name: "mp3",
        title: "MP3 (LAME)",
        encoder: "lame",
        encode: &["--quiet", "-b", "{q}", "{in}", "{out}"],
        // LAME lowers the sample rate at low bit rates; its own decoder does not raise it again.
        decoder: "ffmpeg",
        decode: FFMPEG,
        source: Format::Wav,
        result: Format::Wav,
        extension: "mp3",
        knob: BITRATE,
        settings: BITRATES,
        version: ("--version", &[("lame", "version ")]),
        needs: None,
    },
    Peer {
        name: "aac",
        title: "AAC (ffmpeg)",
        encoder: "ffmpeg",
        encode: &["-loglevel", "error", "-y", "-i", "{in}", "-c:a", "aac", "-b:a", "{q}k", "{out}"],
        decoder: "ffmpeg",
        decode: FFMPEG,
        source: Format::Wav,
        result: Format::Wav,
        extension: "m4a",
        knob: BITRATE,
        settings: BITRATES,
        version: ("-version", &[("ffmpeg", "ffmpeg version ")]),
        needs: None,
    },
    Peer {
        name: "vorbis",
        title: "Vorbis (libvorbis)",
        encoder: "oggenc",
        encode: &["--quiet", "-b", "{q}", "-o", "{out}", "{in}"],
        decoder: "oggdec",
        decode: &["--quiet", "-o", "{out}", "{in}"],
        source: Format::Wav,
        result: Format::Wav,
        extension: "ogg",
        knob: BITRATE,
        settings: BITRATES,
        version: ("--version", &[("vorbis-tools", "vorbis-tools ")]),
        needs: None,
    },
    FLAC,
];

/// Without loss: beside lossy codecs for what it costs, and in the list of those without loss.
pub(super) const FLAC: Peer = Peer {
    name: "flac",
    title: "FLAC (lossless, -8)",
    encoder: "flac",
    encode: &["--silent", "-f", "-{q}", "-o", "{out}", "{in}"],
    decoder: "flac",
    decode: &["-d", "--silent", "-f", "-o", "{out}", "{in}"],
    source: Format::Wav,
    result: Format::Wav,
    extension: "flac",
    knob: Knob { lowest: 8.0, highest: 8.0, step: 1.0, rises: true },
    settings: &[8.0],
    version: ("--version", &[("flac", "flac ")]),
    needs: None,
};

const BITRATES: &[f64] = &[48.0, 64.0, 80.0, 96.0, 128.0, 160.0];
const FFMPEG: &[&str] =
    &["-loglevel", "error", "-y", "-i", "{in}", "-c:a", "pcm_s16le", "-ar", "{rate}", "{out}"];

impl Knob {
    /// The setting whose rate is nearest to a target, by bisection over the steps. `rate` may be slow, and fail.
    pub(crate) fn search<E>(
        self,
        target: f64,
        mut rate: impl FnMut(f64) -> Result<f64, E>,
    ) -> Result<f64, E> {
        let count = ((self.highest - self.lowest) / self.step).round();
        // Place 0 is the smallest file.
        let setting = |place: f64| {
            let place = if self.rises { place } else { count - place };
            // Steps such as 0.05 are not binary fractions: no noise in the last digits.
            ((self.lowest + place * self.step) * 1e6).round() / 1e6
        };
        let (mut below, mut above) = (0.0, count);
        while above - below > 1.0 {
            let middle = ((below + above) / 2.0_f64).floor();
            if rate(setting(middle))? <= target { below = middle } else { above = middle }
        }
        let distance = |rate: f64| (rate / target).ln().abs();
        let (low, high) = (setting(below), setting(above));
        Ok(if distance(rate(low)?) <= distance(rate(high)?) { low } else { high })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_search_finds_the_nearest_setting_in_either_direction() {
        let rising = Knob { lowest: 0.0, highest: 100.0, step: 1.0, rises: true };
        let rate = |setting: f64| Ok::<_, ()>(0.1 + 0.02 * setting);
        assert_eq!(rising.search(0.5, rate), Ok(20.0));
        assert_eq!(rising.search(0.001, rate), Ok(0.0));
        assert_eq!(rising.search(9.0, rate), Ok(100.0));
        let falling = Knob { lowest: 0.1, highest: 15.0, step: 0.05, rises: false };
        assert_eq!(falling.search(0.5, |setting| Ok::<_, ()>(1.0 / setting)), Ok(2.0));
        assert_eq!(falling.search(0.5, |_| Err("stop")), Err("stop"));
    }
}
