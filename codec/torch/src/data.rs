//! Training data: photographs and sounds held in memory, random crops of them.

use image::{ImageReader, RgbImage};
use rayon::prelude::*;
use std::path::{Path, PathBuf};
use tch::{Device, Tensor};

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

/// An RGB picture on the device that trains.
#[derive(Debug)]
pub struct Picture {
    /// Bytes, `[3, height, width]`.
    planes: Tensor,
}

/// Interleaved pixels → planes `[3, height, width]`, bytes.
pub fn tensor(pixels: &[u8], height: usize, width: usize) -> Tensor {
    Tensor::from_slice(pixels).view([height as i64, width as i64, 3]).permute([2, 0, 1]).contiguous()
}

impl Picture {
    /// From interleaved pixels, row by row.
    pub fn new(pixels: &[u8], height: usize, width: usize, device: Device) -> Self {
        Self { planes: tensor(pixels, height, width).to_device(device) }
    }

    /// The shorter side in pixels.
    pub fn shorter_side(&self) -> usize {
        let size = self.planes.size();
        size[1].min(size[2]) as usize
    }

    /// A random square of `side` pixels, `[3, side, side]`; shares the picture's memory.
    ///
    /// # Panics
    /// If it does not fit.
    pub fn crop(&self, side: usize, random: &mut Random) -> Tensor {
        let size = self.planes.size();
        let mut place = |length: i64| random.below(length as usize - side + 1) as i64;
        let (y, x) = (place(size[1]), place(size[2]));
        self.planes.narrow(1, y, side as i64).narrow(2, x, side as i64)
    }

    /// The same picture once more; shares its memory.
    fn again(&self) -> Self {
        Self { planes: self.planes.shallow_clone() }
    }
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
    device: Device,
) -> Result<Vec<Picture>, String> {
    let mut all = Vec::new();
    for (path, pixels) in read(folder, side)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let picture = Picture::new(&pixels, pixels.height() as usize, pixels.width() as usize, device);
        if favour.iter().any(|prefix| name.starts_with(prefix.as_str())) {
            all.push(picture.again());
        }
        all.push(picture);
    }
    Ok(all)
}

/// All pictures below `folder` whose sides are at least `side`, with their paths, in order of name.
pub(crate) fn read(folder: &Path, side: usize) -> Result<Vec<(PathBuf, RgbImage)>, String> {
    let files = list(folder)?;
    let all: Vec<_> = files
        .into_par_iter()
        .filter_map(|path| {
            let picture =
                ImageReader::open(&path).ok()?.with_guessed_format().ok()?.decode().ok()?.into_rgb8();
            (picture.width().min(picture.height()) as usize >= side).then_some((path, picture))
        })
        .collect();
    if all.is_empty() {
        return Err(format!("{}: no picture of at least {side} pixels a side", folder.display()));
    }
    Ok(all)
}

/// The centres of all pictures below `folder` as `(rows, columns, pixels)`, in order of name, sides the largest
/// multiples of `unit` up to `side`.
///
/// # Errors
/// As [`pictures`].
pub fn centres(folder: &Path, side: usize, unit: usize) -> Result<Vec<(usize, usize, Vec<u8>)>, String> {
    let centre = |picture: RgbImage| {
        let fit = |length: u32| (length as usize).min(side) / unit * unit;
        let (h, w) = (fit(picture.height()), fit(picture.width()));
        let (y, x) = ((picture.height() as usize - h) / 2, (picture.width() as usize - w) / 2);
        let view = image::imageops::crop_imm(&picture, x as u32, y as u32, w as u32, h as u32);
        (h, w, view.to_image().into_raw())
    };
    Ok(read(folder, unit)?.into_iter().map(|(_, picture)| centre(picture)).collect())
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
