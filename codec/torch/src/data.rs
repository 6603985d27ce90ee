//! Training data: photographs and sounds held in memory, random crops of them.

use image::ImageReader;
use rayon::prelude::*;
use std::path::{Path, PathBuf};

/// A small fast generator (xorshift64*): crops need no better one, and runs can be repeated.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// Seeded; any seed will do.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// Uniform in 0.0..1.0.
    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Uniform in 0..n; 0 for n = 0.
    pub fn below(&mut self, n: usize) -> usize {
        ((self.unit() * n as f64) as usize).min(n.saturating_sub(1))
    }
}

/// An RGB picture, row-major, interleaved.
#[derive(Debug)]
pub struct Picture {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

/// All pictures below `folder` whose sides are at least `side`, in order of name. Files named with one of the
/// prefixes in `favour` appear twice, so that they are drawn twice as often.
///
/// # Errors
/// If the folder cannot be read or holds no picture that is large enough; single unreadable pictures are skipped.
pub fn pictures(
    folder: &Path,
    side: usize,
    favour: &[String],
) -> Result<Vec<std::sync::Arc<Picture>>, String> {
    let files = list(folder)?;
    let loaded: Vec<_> = files
        .par_iter()
        .filter_map(|path| {
            let image = ImageReader::open(path).ok()?.with_guessed_format().ok()?.decode().ok()?.into_rgb8();
            let (width, height) = (image.width() as usize, image.height() as usize);
            let picture = Picture { width, height, pixels: image.into_raw() };
            (width >= side && height >= side).then(|| (path, std::sync::Arc::new(picture)))
        })
        .collect();
    let mut all = Vec::new();
    for (path, picture) in loaded {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if favour.iter().any(|prefix| name.starts_with(prefix.as_str())) {
            all.push(picture.clone());
        }
        all.push(picture);
    }
    if all.is_empty() {
        return Err(format!("{}: no picture of at least {side} pixels a side", folder.display()));
    }
    Ok(all)
}

/// A random square of `side` pixels, randomly mirrored and transposed, as `[side, side, 3]`.
pub fn crop(picture: &Picture, side: usize, random: &mut Random) -> Vec<u8> {
    let mut out = Vec::with_capacity(side * side * 3);
    let x0 = random.below(picture.width - side + 1);
    let y0 = random.below(picture.height - side + 1);
    let symmetry = random.below(8);
    let last = side - 1;
    for y in 0..side {
        for x in 0..side {
            let (mut u, mut v) = if symmetry & 4 != 0 { (y, x) } else { (x, y) };
            if symmetry & 1 != 0 {
                u = last - u;
            }
            if symmetry & 2 != 0 {
                v = last - v;
            }
            let at = ((y0 + v) * picture.width + x0 + u) * 3;
            out.extend_from_slice(&picture.pixels[at..at + 3]);
        }
    }
    out
}

/// The centre of a picture as `[rows, columns, 3]`, sides the largest multiples of `unit` up to `side`.
pub fn centre(picture: &Picture, side: usize, unit: usize) -> (usize, usize, Vec<u8>) {
    let fit = |length: usize| (length.min(side) / unit).max(1) * unit;
    let (h, w) = (fit(picture.height), fit(picture.width));
    let (y0, x0) = ((picture.height - h) / 2, (picture.width - w) / 2);
    let mut out = Vec::with_capacity(h * w * 3);
    for y in y0..y0 + h {
        out.extend_from_slice(&picture.pixels[(y * picture.width + x0) * 3..][..w * 3]);
    }
    (h, w, out)
}

/// A sound as mid and side signals at its own rate, full scale 1, orthonormal: mid = (l + r)/√2.
#[derive(Debug)]
pub struct Sound {
    /// Mid and side, of equal length.
    pub mid_side: [Vec<f32>; 2],
}

/// All sounds below `folder`, in order of name.
///
/// # Errors
/// If the folder cannot be read or holds no sound; single unreadable files are skipped.
pub fn sounds(folder: &Path) -> Result<Vec<Sound>, String> {
    let all: Vec<Sound> = list(folder)?.par_iter().filter_map(|path| sound(path)).collect();
    if all.is_empty() { Err(format!("{}: no sound that can be read", folder.display())) } else { Ok(all) }
}

fn sound(path: &Path) -> Option<Sound> {
    use symphonia::core::{
        codecs::audio::AudioDecoderOptions, formats::TrackType, formats::probe::Hint, io::MediaSourceStream,
    };
    let file = std::fs::File::open(path).ok()?;
    let stream = MediaSourceStream::new(Box::new(file), Default::default());
    let mut format = symphonia::default::get_probe()
        .probe(&Hint::new(), stream, Default::default(), Default::default())
        .ok()?;
    let track = format.default_track(TrackType::Audio)?;
    let id = track.id;
    let parameters = track.codec_params.as_ref()?.audio()?.clone();
    let mut decoder = symphonia::default::get_codecs()
        .make_audio_decoder(&parameters, &AudioDecoderOptions::default())
        .ok()?;
    let mut mid_side = [Vec::new(), Vec::new()];
    let mut interleaved: Vec<f32> = Vec::new();
    while let Ok(Some(packet)) = format.next_packet() {
        if packet.track_id != id {
            continue;
        }
        let Ok(decoded) = decoder.decode(&packet) else { continue };
        let channels = decoded.spec().channels().count();
        interleaved.clear();
        decoded.copy_to_vec_interleaved(&mut interleaved);
        for frame in interleaved.chunks_exact(channels) {
            let (l, r) = (frame[0], frame[channels.min(2) - 1]);
            mid_side[0].push((l + r) * std::f32::consts::FRAC_1_SQRT_2);
            mid_side[1].push((l - r) * std::f32::consts::FRAC_1_SQRT_2);
        }
    }
    (!mid_side[0].is_empty()).then_some(Sound { mid_side })
}

fn list(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = std::fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let mut files: Vec<PathBuf> =
        entries.filter_map(|e| e.ok().map(|e| e.path())).filter(|p| p.is_file()).collect();
    files.sort();
    Ok(files)
}
