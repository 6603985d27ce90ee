//! Colours that cannot be seen: those of pixels whose alpha is 0.
//!
//! They cost bytes, and where they differ from what can be seen beside them, noise at its rim. What takes their place
//! is smooth, and at a border goes on as the visible side ends: averages of visible pixels over ever larger squares,
//! each square without any interpolated between larger ones.

use super::{Image, Samples};

impl Image {
    /// The same picture with the colours of fully transparent pixels replaced by what continues the visible ones.
    ///
    /// Whoever paints the picture over another sees no difference. It takes five bytes of memory for each pixel.
    pub fn with_hidden_colors_extended(mut self) -> Self {
        let channels = self.color.channels();
        let size = [self.width as usize, self.height as usize];
        match (&mut self.samples, &self.alpha) {
            (Samples::U8(samples), Some(Samples::U8(alpha))) if alpha.contains(&0) => {
                extend(samples, alpha, channels, size);
            }
            (Samples::U16(samples), Some(Samples::U16(alpha))) if alpha.contains(&0) => {
                extend(samples, alpha, channels, size);
            }
            _ => {}
        }
        self
    }
}

/// Averages of visible pixels over squares.
struct Level {
    size: [usize; 2],
    /// `[height, width, channels]`.
    colors: Vec<f32>,
    /// Whether anything in the square can be seen.
    known: Vec<bool>,
}

/// A sample of either depth.
trait Sample: Copy + PartialEq + Default + Into<f32> {
    fn nearest(value: f32) -> Self;
}

impl Sample for u8 {
    fn nearest(value: f32) -> Self {
        (value + 0.5) as u8
    }
}

impl Sample for u16 {
    fn nearest(value: f32) -> Self {
        (value + 0.5) as u16
    }
}

fn extend<T: Sample>(samples: &mut [T], alpha: &[T], channels: usize, size: [usize; 2]) {
    let visible = |at: usize| alpha[at] != T::default();
    let mut levels = vec![halved(size, channels, visible, |at| samples[at].into())];
    while let Some(last) = levels.last().filter(|level| level.size != [1, 1]) {
        let next = halved(last.size, channels, |at| last.known[at], |at| last.colors[at]);
        levels.push(next);
    }
    for index in (0..levels.len() - 1).rev() {
        let (finer, coarser) = levels.split_at_mut(index + 1);
        let (finer, coarser) = (&mut finer[index], &coarser[0]);
        for at in (0..finer.known.len()).filter(|&at| !finer.known[at]) {
            let place = [at % finer.size[0], at / finer.size[0]];
            for channel in 0..channels {
                finer.colors[at * channels + channel] = coarser.between(place, channels, channel);
            }
        }
    }
    for at in (0..alpha.len()).filter(|&at| !visible(at)) {
        let place = [at % size[0], at / size[0]];
        for channel in 0..channels {
            samples[at * channels + channel] = T::nearest(levels[0].between(place, channels, channel));
        }
    }
}

/// Averages over squares of two by two.
fn halved(
    size: [usize; 2],
    channels: usize,
    known: impl Fn(usize) -> bool,
    color: impl Fn(usize) -> f32,
) -> Level {
    let [width, height] = size.map(|side| side.div_ceil(2));
    let mut level = Level {
        size: [width, height],
        colors: vec![0.0; width * height * channels],
        known: vec![false; width * height],
    };
    for at in 0..width * height {
        let [x, y] = [at % width * 2, at / width * 2];
        let mut count = 0.0;
        let sum = &mut level.colors[at * channels..][..channels];
        for row in y..(y + 2).min(size[1]) {
            for place in (x..(x + 2).min(size[0])).map(|column| row * size[0] + column) {
                if known(place) {
                    count += 1.0;
                    sum.iter_mut().enumerate().for_each(|(c, sum)| *sum += color(place * channels + c));
                }
            }
        }
        level.known[at] = count > 0.0;
        sum.iter_mut().filter(|_| count > 0.0).for_each(|sum| *sum /= count);
    }
    level
}

impl Level {
    /// The colour at a place of the next finer level: between the centres of the squares around it.
    fn between(&self, place: [usize; 2], channels: usize, channel: usize) -> f32 {
        let axis = |at: usize, side: usize| {
            let near = at / 2;
            let far = if at.is_multiple_of(2) { near.saturating_sub(1) } else { (near + 1).min(side - 1) };
            [near, far]
        };
        let [columns, rows] = [axis(place[0], self.size[0]), axis(place[1], self.size[1])];
        let color = |row: usize, column: usize| {
            self.colors[(rows[row] * self.size[0] + columns[column]) * channels + channel]
        };
        let line = |row: usize| 0.75 * color(row, 0) + 0.25 * color(row, 1);
        0.75 * line(0) + 0.25 * line(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::Color;

    fn image(width: u32, height: u32, colors: Vec<u8>, alpha: Vec<u8>) -> Image {
        let color = if colors.len() == alpha.len() { Color::Gray } else { Color::Rgb };
        let image = Image::new(width, height, color, Samples::U8(colors)).unwrap();
        image.with_alpha(Samples::U8(alpha)).unwrap()
    }

    fn samples(image: &Image) -> &[u8] {
        let Samples::U8(samples) = image.samples() else { panic!("8 bits") };
        samples
    }

    #[test]
    fn what_can_be_seen_stays_and_the_rest_continues_it() {
        let (mut colors, mut alpha) = (Vec::new(), Vec::new());
        for at in 0..40 * 30 {
            let seen = at % 40 < 17;
            colors.extend(if seen {
                [200, 100, 50]
            } else {
                [(at * 37) as u8, (at * 91) as u8, (at * 13) as u8]
            });
            alpha.push(if seen { 1 + (at % 255) as u8 } else { 0 });
        }
        let before = image(40, 30, colors, alpha);
        let after = before.clone().with_hidden_colors_extended();
        assert!(samples(&after).chunks_exact(3).all(|pixel| pixel == [200, 100, 50]));
        assert_eq!(after.alpha(), before.alpha());
    }

    #[test]
    fn a_border_is_no_edge() {
        // A ramp of which every second square of four columns is hidden black.
        let seen = |x: usize| (x / 4).is_multiple_of(2);
        let colors = (0..64 * 8).map(|at| if seen(at % 64) { at % 64 * 4 } else { 0 } as u8).collect();
        let alpha = (0..64 * 8).map(|at| if seen(at % 64) { 255 } else { 0 }).collect();
        let after = image(64, 8, colors, alpha).with_hidden_colors_extended();
        let row = &samples(&after)[..64];
        assert!(row.windows(2).all(|pair| pair[0].abs_diff(pair[1]) <= 20), "{row:?}");
    }

    #[test]
    fn nothing_to_see_is_black_and_nothing_hidden_stays() {
        let noise: Vec<u8> = (0..63).map(|at| (at * 53) as u8).collect();
        let hidden = image(7, 9, noise.clone(), vec![0; 63]).with_hidden_colors_extended();
        assert!(samples(&hidden).iter().all(|&sample| sample == 0));
        let shown = image(7, 9, noise.clone(), vec![1; 63]).with_hidden_colors_extended();
        assert_eq!(samples(&shown), noise);
        for (width, height) in [(1, 1), (1, 5), (6, 1)] {
            let count = (width * height) as usize;
            let alpha = (0..count).map(|at| (at % 2) as u8).collect();
            let _ = image(width, height, vec![9; count], alpha).with_hidden_colors_extended();
        }
    }
}
