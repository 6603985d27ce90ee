//! Values on the command line: numbers with units and bounds.

/// `96k`, `128000`, `1.5M`: bits per second.
pub(crate) fn parse_bitrate(text: &str) -> Result<u32, String> {
    let (digits, unit) = match text.char_indices().last() {
        Some((at, 'k' | 'K')) => (&text[..at], 1e3),
        Some((at, 'm' | 'M')) => (&text[..at], 1e6),
        _ => (text, 1.0),
    };
    let expected = "expected bits per second, such as 96k or 128000";
    let bits = digits.parse::<f64>().map_err(|_| expected.to_owned())? * unit;
    if (500.0..=100e6).contains(&bits) { Ok(bits as u32) } else { Err(format!("{expected}, in 500..=100M")) }
}

/// A time in seconds, from 0 on.
pub(crate) fn parse_seconds(text: &str) -> Result<f64, String> {
    let value = text.parse::<f64>().ok().filter(|value| (0.0..1e9).contains(value));
    value.ok_or_else(|| "expected seconds, such as 12.5".to_owned())
}

/// What `-q` asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Wanted {
    /// 0 to 100.
    Quality(f32),
    /// Every sample as it was.
    Lossless,
}

/// A quality, or `lossless`.
pub(crate) fn parse_wanted(text: &str) -> Result<Wanted, String> {
    if text == "lossless" {
        return Ok(Wanted::Lossless);
    }
    let or_word = |problem: String| format!("{problem} or lossless");
    parse_quality(text).map(Wanted::Quality).map_err(or_word)
}

/// A number in 0..=100.
pub(crate) fn parse_quality(text: &str) -> Result<f32, String> {
    let value = text.parse::<f32>().ok().filter(|value| (0.0..=100.0).contains(value));
    value.ok_or_else(|| "expected a number in 0..=100".to_owned())
}

/// `1/2`: how much smaller.
pub(crate) fn parse_scale(text: &str) -> Result<wavern::Scale, String> {
    match text {
        "1" | "1/1" => Ok(wavern::Scale::Whole),
        "1/2" => Ok(wavern::Scale::Half),
        "1/4" => Ok(wavern::Scale::Quarter),
        "1/8" => Ok(wavern::Scale::Eighth),
        _ => Err("expected 1/2, 1/4 or 1/8".to_owned()),
    }
}

/// `10,20,300,200`: pixels to the left, rows above, columns, rows.
pub(crate) fn parse_region(text: &str) -> Result<wavern::Region, String> {
    let numbers: Option<Vec<u32>> = text.split(',').map(|number| number.trim().parse().ok()).collect();
    match numbers.as_deref() {
        Some(&[x, y, width, height]) => Ok(wavern::Region { x, y, width, height }),
        _ => Err("expected x,y,width,height in pixels, such as 0,0,640,480".to_owned()),
    }
}

/// `50000`, `50k`, `1.5M`: bytes.
pub(crate) fn parse_size(text: &str) -> Result<u64, String> {
    let (digits, unit) = match text.char_indices().last() {
        Some((at, 'k' | 'K')) => (&text[..at], 1e3),
        Some((at, 'm' | 'M')) => (&text[..at], 1e6),
        _ => (text, 1.0),
    };
    let bytes = digits.parse::<f64>().ok().map(|value| value * unit);
    let bytes = bytes.filter(|bytes| (1.0..=1e12).contains(bytes));
    bytes.map(|bytes| bytes as u64).ok_or_else(|| "expected a number of bytes, such as 50k or 50000".into())
}

/// `268435456`, `512M`, `4G`: an integer, at least 1; k, M and G are powers of 1024.
pub(crate) fn parse_count(text: &str) -> Result<u64, String> {
    let (digits, shift) = match text.char_indices().last() {
        Some((at, 'k' | 'K')) => (&text[..at], 10),
        Some((at, 'M')) => (&text[..at], 20),
        Some((at, 'G')) => (&text[..at], 30),
        _ => (text, 0),
    };
    let count = digits.parse::<u64>().ok().and_then(|count| count.checked_mul(1 << shift));
    count.filter(|&count| count > 0).ok_or_else(|| "expected an integer, such as 100000 or 512M".to_owned())
}

/// A side of tiles.
pub(crate) fn parse_tile_side(text: &str) -> Result<u32, String> {
    let side = text.parse().ok().filter(|side| [256, 512, 1024, 2048].contains(side));
    side.ok_or_else(|| "expected 256, 512, 1024 or 2048".to_owned())
}

/// A number above 0.
pub(crate) fn parse_positive(text: &str) -> Result<f64, String> {
    let value = text.parse::<f64>().ok().filter(|value| *value > 0.0 && value.is_finite());
    value.ok_or_else(|| "expected a number above 0".to_owned())
}

/// `--tune`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Tune {
    /// Pixel values: smallest squared error, for measurement and machines
    #[default]
    Psnr,
    /// What people see: structure and luma before colour
    Visual,
    /// A fast decoder: 0.6 of the time of psnr, files a tenth larger
    Fast,
}

impl From<Tune> for wavern::Tune {
    fn from(tune: Tune) -> Self {
        match tune {
            Tune::Psnr => Self::Psnr,
            Tune::Visual => Self::Visual,
            Tune::Fast => Self::Fast,
        }
    }
}

/// 1 to 9.
pub(crate) fn parse_effort(text: &str) -> Result<wavern::Effort, String> {
    let effort = text.parse().ok().and_then(|value| wavern::Effort::new(value).ok());
    effort.ok_or_else(|| "expected an integer in 1..=9".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bit_rates_have_units_and_bounds() {
        assert_eq!(parse_bitrate("96k"), Ok(96_000));
        assert_eq!(parse_bitrate("1.5M"), Ok(1_500_000));
        assert_eq!(parse_bitrate("128000"), Ok(128_000));
        for wrong in ["", "k", "96kb", "-5k", "NaN", "1", "1e12", "\u{e9}"] {
            assert!(parse_bitrate(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn regions_and_scales_are_parsed() {
        let region = wavern::Region { x: 1, y: 2, width: 30, height: 4 };
        assert_eq!(parse_region("1,2, 30,4"), Ok(region));
        assert_eq!(parse_scale("1/4"), Ok(wavern::Scale::Quarter));
        for wrong in ["", "1,2,3", "1,2,3,4,5", "-1,0,1,1", "a,b,c,d"] {
            assert!(parse_region(wrong).is_err(), "{wrong}");
        }
        assert!(parse_scale("1/3").is_err() && parse_scale("0.5").is_err());
    }

    #[test]
    fn counts_have_units_and_do_not_overflow() {
        assert_eq!((parse_count("7"), parse_count("4G")), (Ok(7), Ok(1 << 32)));
        for wrong in ["", "0", "-1", "1.5M", "18446744073709551615k", "M"] {
            assert!(parse_count(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn sizes_and_efforts_have_bounds() {
        assert_eq!(parse_size("50k"), Ok(50_000));
        assert_eq!(parse_size("1.5M"), Ok(1_500_000));
        assert_eq!(parse_effort("9").map(wavern::Effort::value), Ok(9));
        for wrong in ["", "0", "-1", "NaN", "inf", "k"] {
            assert!(parse_size(wrong).is_err() && parse_positive(wrong).is_err(), "{wrong}");
        }
        assert_eq!(parse_tile_side("256"), Ok(256));
        assert!(["0", "128", "300", "4096", ""].iter().all(|wrong| parse_tile_side(wrong).is_err()));
        assert!(["0", "10", "1.5", ""].iter().all(|wrong| parse_effort(wrong).is_err()));
    }

    #[test]
    fn quality_is_a_number_from_0_to_100() {
        assert_eq!(parse_quality("62.5"), Ok(62.5));
        for wrong in ["-1", "101", "best", "NaN", "inf"] {
            assert_eq!(parse_quality(wrong).unwrap_err(), "expected a number in 0..=100", "{wrong}");
        }
    }
}
