//! The envelope of sounds in training, the twin of [`wavern::internals::envelope`]: levels are measured, not learned,
//! so no gradient passes through them.

use tch::{Device, Kind, Tensor};
use wavern::internals::envelope::{self, SIGNALS, channel_of};
use wavern::internals::network::EnvelopeConfig;

/// The envelope of a batch of packets.
#[derive(Debug)]
pub struct Envelope {
    /// The levels of ẑ: `[batch, 1, blocks, 2 · cells]`, integers.
    pub levels: Tensor,
    /// What is coded of ẑ: the same, and a channel more for the codes of spans if there are any.
    pub residuals: Tensor,
    /// 1 where `residuals` are coded, 0 in spans after their first position; none without spans.
    pub coded: Option<Tensor>,
    /// What h_s takes, `[batch, 1, blocks, channels]`.
    pub inputs: Tensor,
    /// What the packets are divided by, `[batch, 1, frames, 2 · bands]`.
    pub shape: Tensor,
}

/// A batch of a model with spans carries one channel more behind its packets, the code of each frame's span: packets
/// `[batch, 1, frames, 2 · bands]` and codes `[batch, frames]`.
pub fn split(batch: &Tensor, config: &EnvelopeConfig) -> (Tensor, Option<Tensor>) {
    if config.spans.is_empty() {
        return (batch.shallow_clone(), None);
    }
    let channels = batch.size()[3] - 1;
    (batch.narrow(3, 0, channels), Some(batch.select(3, channels).squeeze_dim(1)))
}

/// Measures packets `[batch, 1, frames, 2 · bands]` with the codes `[batch, frames]` of a model with spans. Frames must
/// be a multiple of the block and of the longest span.
pub fn measure(packets: &Tensor, codes: Option<&Tensor>, config: &EnvelopeConfig) -> Envelope {
    let size = packets.size();
    let (batch, frames, channels) = (size[0], size[2], size[3]);
    let (block, cells) = (config.block as i64, config.edges.len() as i64 - 1);
    let blocks = frames / block;
    let device = packets.device();
    let (average, spread) = matrices(config, channels as usize, device);
    let over = |energy: &Tensor, count: i64| {
        energy.reshape([batch, -1, count, channels]).mean_dim([2i64].as_slice(), false, Kind::Float)
    };
    let mut energy = over(&packets.square(), block);
    let codes = codes.map(|codes| codes.view([batch, blocks, block]).select(2, 0).unsqueeze(2));
    if let Some(codes) = &codes {
        for (index, &span) in config.spans.iter().enumerate() {
            let count = span as i64 / block;
            let joined = over(&energy, count).repeat_interleave_self_int(count, 1, None);
            energy = joined.where_self(&codes.eq(index as i64 + 1), &energy);
        }
    }
    let decibels = energy.matmul(&average).clamp_min(1e-20).log10() * 10.0;
    let levels =
        ((decibels - envelope::FLOOR_DB) / envelope::STEP_DB).round().clamp(0.0, f64::from(envelope::TOP));
    let times = in_time(frames as usize, blocks as usize, config.block, device);
    let mut in_time = times.matmul(&levels);
    if let Some(codes) = &codes {
        // Within a span nothing changes with time.
        let own = |of: &Tensor| of.repeat_interleave_self_int(block, 1, None);
        in_time = in_time.where_self(&own(&codes.eq(0)), &own(&levels));
    }
    let logs = in_time.matmul(&spread);
    let (zero, one) = (f64::from(envelope::log_amplitude(0.0)), f64::from(envelope::log_amplitude(1.0)));
    let shape = ((logs * (one - zero) + zero) * config.exponent).exp2().unsqueeze(1);
    let residuals = residuals(&levels.view([batch, blocks, SIGNALS as i64, cells]));
    let mut residuals = residuals.view([batch, 1, blocks, SIGNALS as i64 * cells]);
    let levels = levels.unsqueeze(1);
    let mut inputs = &levels - f64::from(envelope::FIRST);
    let mut coded = None;
    if let Some(codes) = &codes {
        let mut repeats = codes.zeros_like();
        for (index, &span) in config.spans.iter().enumerate() {
            let inside = Tensor::arange(blocks, (Kind::Int64, device)).remainder(span as i64 / block).ne(0);
            let inside = inside.to_kind(Kind::Float).view([1, blocks, 1]);
            repeats += codes.eq(index as i64 + 1).to_kind(Kind::Float) * inside;
        }
        let levels_coded = (repeats.ones_like() - &repeats).unsqueeze(1).expand_as(&levels).shallow_clone();
        coded = Some(Tensor::cat(&[levels_coded, codes.ones_like().unsqueeze(1)], 3));
        let before = Tensor::cat(&[codes.narrow(1, 0, 1).zeros_like(), codes.narrow(1, 0, blocks - 1)], 1);
        residuals = Tensor::cat(&[residuals, (codes - before).unsqueeze(1)], 3);
        let kinds = (1..=config.spans.len() as i64)
            .map(|code| codes.eq(code).to_kind(Kind::Float).unsqueeze(1) * f64::from(envelope::IN_SPAN));
        inputs = Tensor::cat(&std::iter::once(inputs).chain(kinds).collect::<Vec<_>>(), 3);
    }
    Envelope { levels, residuals, coded, inputs, shape }
}

/// [`envelope::predict`] for `[batch, blocks, signals, cells]`.
fn residuals(z: &Tensor) -> Tensor {
    let (blocks, cells) = (z.size()[1], z.size()[3]);
    let first = z.narrow(1, 0, 1);
    let below = Tensor::cat(&[first.narrow(3, 0, 1), first.narrow(3, 0, cells - 1)], 3);
    // The first cell of mid is predicted at a constant, that of side at the one of mid.
    let corner = first.narrow(2, 0, 1).narrow(3, 0, 1);
    let corner = Tensor::cat(&[corner.zeros_like() + f64::from(envelope::FIRST), corner], 2);
    let below = Tensor::cat(&[corner, below.narrow(3, 1, cells - 1)], 3);
    let change = z.narrow(1, 1, blocks - 1) - z.narrow(1, 0, blocks - 1);
    let half = ((change.narrow(3, 0, cells - 1) + 1.0) * 0.5).floor();
    let later = Tensor::cat(&[change.narrow(3, 0, 1), change.narrow(3, 1, cells - 1) - half], 3);
    Tensor::cat(&[first - below, later], 1)
}

/// Channels → cells (means of energy), and cells → channels (interpolation between centres).
fn matrices(config: &EnvelopeConfig, channels: usize, device: Device) -> (Tensor, Tensor) {
    let (bands, cells) = (channels / SIGNALS, config.edges.len() - 1);
    let mut average = vec![0f32; channels * SIGNALS * cells];
    let mut spread = vec![0f32; SIGNALS * cells * channels];
    let interpolation = envelope::Cells::new(config);
    for signal in 0..SIGNALS {
        for (cell, edge) in config.edges.windows(2).enumerate() {
            for band in edge[0]..edge[1] {
                average[channel_of(signal, band, bands) * SIGNALS * cells + signal * cells + cell] =
                    1.0 / (edge[1] - edge[0]) as f32;
            }
        }
        for (band, &(below, t)) in interpolation.between().iter().enumerate() {
            let above = (below + 1).min(cells - 1);
            let mut add = |cell: usize, share: f32| {
                spread[(signal * cells + cell) * channels + channel_of(signal, band, bands)] += share;
            };
            add(below, 1.0 - t);
            add(above, t);
        }
    }
    let tensor =
        |values: &[f32], rows: usize| Tensor::from_slice(values).view([rows as i64, -1]).to_device(device);
    (tensor(&average, channels), tensor(&spread, SIGNALS * cells))
}

/// Blocks → frames: interpolation between the centres of blocks.
fn in_time(frames: usize, blocks: usize, block: usize, device: Device) -> Tensor {
    let mut values = vec![0f32; frames * blocks];
    for (frame, row) in values.chunks_exact_mut(blocks).enumerate() {
        let (before, t) = envelope::between_blocks(frame, block, blocks);
        row[before] += 1.0 - t;
        row[(before + 1).min(blocks - 1)] += t;
    }
    Tensor::from_slice(&values).view([frames as i64, blocks as i64]).to_device(device)
}

#[cfg(test)]
mod tests {
    use super::*;
    use wavern::Array;
    use wavern::internals::array::Symbols;
    use wavern::internals::network::ModelConfig;

    #[test]
    fn the_codec_measures_the_same() {
        let config = ModelConfig::audio();
        let envelope = config.envelope.as_ref().unwrap();
        let values: Vec<f32> =
            (0..24 * 512).map(|i| ((i * 7919 % 1013) as f32 - 500.0) * 2f32.powi(-(i % 19))).collect();
        let codes = [0usize, 1, 2, 2, 1, 0];
        let frames: Vec<f32> = (0..24).map(|frame| codes[frame / 4] as f32).collect();
        let packets = Tensor::from_slice(&values).view([1, 1, 24, 512]);
        let ours = measure(&packets, Some(&Tensor::from_slice(&frames).view([1, 24])), envelope);
        let cells = envelope::Cells::new(envelope);
        let z = cells.measure(&Array::from_vec([1, 24, 512], values), &codes);
        let whole = |t: &Tensor| Vec::<f32>::try_from(t.contiguous().view([-1])).unwrap();
        let same = |a: &[i32], b: &[f32]| a.len() == b.len() && a.iter().zip(b).all(|(&a, &b)| a as f32 == b);
        let levels: Vec<i32> = z.data().chunks_exact(37).flat_map(|z| z[..36].to_vec()).collect();
        assert!(same(&levels, &whole(&ours.levels)));
        let starts = cells.spans().starts(&codes);
        assert_eq!(starts, [0, 1, 2, 4, 5]);
        let coded: Vec<i32> = starts.iter().flat_map(|&start| levels[start * 36..][..36].to_vec()).collect();
        let residuals = envelope::predict(&Symbols::from_vec([1, 5, 36], coded));
        let theirs = whole(&ours.residuals);
        let theirs: Vec<f32> = starts.iter().flat_map(|&start| theirs[start * 37..][..36].to_vec()).collect();
        assert!(same(residuals.data(), &theirs));
        let steps = whole(&ours.residuals.select(3, 36));
        assert!(same(&envelope::code_steps(&codes.map(|code| code as i32)), &steps));
        let coded = ours.coded.as_ref().unwrap();
        assert_eq!(whole(&coded.select(3, 0)), [1.0, 1.0, 1.0, 0.0, 1.0, 1.0]);
        assert_eq!(whole(&coded.select(3, 36)), [1.0; 6]);
        let inputs = envelope::HyperInput::new(&config).of(&z, 24, 127);
        assert!(same(inputs.data(), &whole(&ours.inputs)));
        for (a, b) in cells.shape(&z, 24).data().iter().zip(whole(&ours.shape)) {
            assert!((a / b - 1.0).abs() < 1e-4, "{a} {b}");
        }
    }
}
