//! Endless batches of packets, prepared beside the training.

use crate::crops::Crops;
use crate::data::{self, Random};
use crate::options::Options;
use crate::packets;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use tch::Tensor;
use wavern::Kind;

/// Batches that wait to be trained on.
const AHEAD: usize = 3;
/// Share of crops of sound that are silent, so that silence is cheap.
const SILENT: f64 = 0.02;

/// Signals in memory.
pub enum Source {
    /// Crops of pictures.
    Pictures(Crops, usize),
    /// Packets `[frames, width]` of whole sounds.
    Packets(Vec<(usize, Vec<f32>)>),
}

impl Source {
    /// Reads the folder of training signals.
    ///
    /// # Errors
    /// If it cannot be read, or holds nothing that is large enough.
    pub fn open(options: &Options) -> Result<Self, String> {
        match options.config.kind {
            Kind::Image => {
                let pictures = data::pictures(&options.data, options.crop, &options.favour, options.device)?;
                let count = pictures.len();
                let (crop, drawings) = (options.crop, options.drawings);
                Ok(Self::Pictures(
                    Crops::new(pictures, &options.config, crop, drawings, options.device),
                    count,
                ))
            }
            Kind::Audio => {
                let sounds = data::sounds(&options.data)?;
                let packets = sounds.iter().map(|sound| packets::of_sound(sound, &options.config));
                let packets: Vec<_> = packets.filter(|(frames, _)| *frames >= options.crop).collect();
                match packets.is_empty() {
                    true => Err(format!("no sound of {} frames", options.crop)),
                    false => Ok(Self::Packets(packets)),
                }
            }
        }
    }

    /// Signals that crops are taken of.
    pub fn len(&self) -> usize {
        match self {
            Self::Pictures(_, count) => *count,
            Self::Packets(all) => all.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Batches `[batch, rows, columns, channels]` without end. Those of a seed are always the same.
    pub fn stream(self, options: &Options, seed: u64) -> Receiver<Tensor> {
        let (send, receive) = sync_channel(AHEAD);
        let options = options.clone();
        std::thread::spawn(move || {
            // The thread that trains has its own.
            tch::set_num_threads(1);
            let mut random = Random::new(seed);
            match self {
                Self::Pictures(crops, _) => {
                    while send.send(tch::no_grad(|| crops.batch(options.batch, &mut random))).is_ok() {}
                }
                Self::Packets(all) => sounds(&all, &options, &mut random, &send),
            }
        });
        receive
    }
}

fn sounds(all: &[(usize, Vec<f32>)], options: &Options, random: &mut Random, send: &SyncSender<Tensor>) {
    let (batch, crop, channels) = (options.batch, options.crop, options.config.packet_channels());
    let width = packets::width(&options.config);
    let longest = options.config.longest_span();
    // Long sounds are drawn more often, but not in proportion: they are alike throughout.
    let mut ends: Vec<f64> = all.iter().map(|(frames, _)| (*frames as f64).sqrt()).collect();
    (1..ends.len()).for_each(|i| ends[i] += ends[i - 1]);
    loop {
        let mut values = Vec::with_capacity(batch * crop * width);
        for _ in 0..batch {
            let place = random.unit() * ends.last().copied().unwrap_or(1.0);
            let (frames, packets) = &all[ends.partition_point(|&e| e < place).min(all.len() - 1)];
            let first = random.below(frames - crop + 1) / longest * longest;
            let silent = random.unit() < SILENT;
            let gain = if silent { 0.0 } else { 2f64.powf(random.unit() * 4.0 - 3.0) as f32 };
            let side = if random.below(2) == 0 { gain } else { -gain };
            let part = &packets[first * width..][..crop * width];
            // Channels: even bands of mid and side, odd bands of mid and side, and the code of a span.
            values.extend(part.iter().enumerate().map(|(i, v)| match i % width {
                i if i >= channels => *v,
                i if i / (channels / 4) % 2 == 1 => v * side,
                _ => v * gain,
            }));
        }
        let shape = [batch as i64, 1, crop as i64, width as i64];
        if send.send(Tensor::from_slice(&values).view(shape).to_device(options.device)).is_err() {
            return;
        }
    }
}
