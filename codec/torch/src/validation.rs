//! Rate and quality on signals that are not trained on.

use crate::layers::Levels;
use crate::loss::samples;
use crate::model::{Model, Rounding};
use crate::optimizer;
use crate::params::Params;
use crate::{data, packets};
use std::io::Write;
use std::path::Path;
use tch::{Device, Kind, Tensor};
use wavern::internals::network::{self, ModelConfig};

/// Fixed signals, one tensor each.
///
/// # Errors
/// If the folder holds none.
pub fn validation_set(config: &ModelConfig, folder: &Path, device: Device) -> Result<Vec<Tensor>, String> {
    let packets: Vec<Tensor> = match config.kind {
        network::Kind::Image => data::centres(folder, 384, 64)?
            .iter()
            .step_by(3)
            .map(|(h, w, pixels)| packets::of_picture(pixels, *h, *w, config))
            .collect(),
        network::Kind::Audio => data::sounds(folder)?
            .iter()
            .map(|sound| {
                let (frames, packets) = packets::of_sound(sound, config);
                let frames = frames.min(512) / 8 * 8;
                let width = packets::width(config);
                Tensor::from_slice(&packets[..frames * width]).view([1, 1, frames as i64, width as i64])
            })
            .collect(),
    };
    Ok(packets.into_iter().map(|p| p.to_device(device)).collect())
}

/// Means over a set at one anchor level, on rounded symbols.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    /// The anchor.
    pub anchor: usize,
    /// Bits per pixel, or per sample and channel.
    pub rate: f64,
    /// Those of them for ẑ.
    pub hyper_rate: f64,
    /// PSNR of RGB in dB, or weighted signal-to-noise ratio of sound.
    pub quality: f64,
}

/// Rate and quality of a set at an anchor level.
pub fn measure(model: &Model, params: &Params, set: &[Tensor], anchor: usize) -> Measured {
    let anchors = model.config.lambdas.len();
    let (mut rate, mut hyper_rate, mut quality) = (0.0, 0.0, 0.0);
    for packets in set {
        let outcome = tch::no_grad(|| {
            let levels = Levels::new(&[anchor as f64], anchors, packets.device());
            model.forward(params, packets, &levels, Rounding::Hard)
        });
        let samples = samples(&model.config, packets);
        let hyper_bits = optimizer::value(&outcome.hyper_bits.sum(Kind::Float));
        rate += (optimizer::value(&outcome.latent_bits.sum(Kind::Float)) + hyper_bits) / samples;
        hyper_rate += hyper_bits / samples;
        let mse = optimizer::value(&outcome.mse.sum(Kind::Float));
        quality += 10.0 * (peak(model.config.kind) / mse.max(1e-12)).log10();
    }
    let n = set.len().max(1) as f64;
    Measured { anchor, rate: rate / n, hyper_rate: hyper_rate / n, quality: quality / n }
}

/// Every other anchor and the last, into the curve.
pub(crate) fn validate(
    model: &Model,
    params: &Params,
    set: &[Tensor],
    minutes: f64,
    crops: f64,
    curve: &mut Curve,
) -> std::io::Result<()> {
    if set.is_empty() {
        return Ok(());
    }
    let anchors = model.config.lambdas.len();
    for anchor in (0..anchors).step_by(2).chain(anchors.is_multiple_of(2).then_some(anchors - 1)) {
        curve.row(minutes, crops, &measure(model, params, set, anchor))?;
    }
    Ok(())
}

/// The validation curve.
pub(crate) struct Curve(std::fs::File);

impl Curve {
    pub(crate) fn open(path: &Path, append: bool) -> std::io::Result<Self> {
        if append && path.exists() {
            return Ok(Self(std::fs::OpenOptions::new().append(true).open(path)?));
        }
        let mut file = std::fs::File::create(path)?;
        writeln!(file, "minutes,crops,anchor,bits_per_sample,hyper_bits_per_sample,psnr_or_snr_db")?;
        Ok(Self(file))
    }

    fn row(&mut self, minutes: f64, crops: f64, at: &Measured) -> std::io::Result<()> {
        let Measured { anchor, rate, hyper_rate, quality } = at;
        writeln!(self.0, "{minutes:.2},{crops:.0},{anchor},{rate:.5},{hyper_rate:.5},{quality:.3}")?;
        self.0.flush()
    }
}

/// What a squared error is compared with: full scale of a picture; of a sound, 1, since its errors are weighted.
pub(crate) fn peak(kind: network::Kind) -> f64 {
    match kind {
        network::Kind::Image => (255.0 / f64::from(wavern::internals::color::UNIT)).powi(2),
        network::Kind::Audio => 1.0,
    }
}
