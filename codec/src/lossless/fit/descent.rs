//! Descent from the networks of a set to those that suit one picture.

use super::batch::{Batch, MARGIN};
use super::real::{Memory, slope};
use crate::lossless::Planes;
use crate::lossless::color::Transform;
use crate::lossless::network::inputs::Plane;
use crate::lossless::network::model::Parameters;
use crate::lossless::network::shape::{Shape, WEIGHT};
use crate::lossless::weights::Set;
use rayon::prelude::*;

/// Rows and columns of a stretch of samples.
const ROWS: usize = 8;
const COLUMNS: usize = 128;

/// Where the samples of a picture come from.
pub trait Samples: Sync {
    /// Columns and rows.
    fn size(&self) -> [usize; 2];
    /// The samples of a rectangle: its left and top, its columns and rows.
    fn part(&self, at: [usize; 2], size: [usize; 2]) -> Planes;
}

/// How long to look for better networks.
#[derive(Clone, Copy, Debug)]
pub struct Descent {
    /// Steps of the descent.
    pub steps: usize,
    /// Samples of each plane that a step sees; in stretches of 1,024.
    pub samples: usize,
}

/// Bits that a change of a weight by one step costs, about.
const PRICE: f32 = 1.5;
/// Step size at the start; it falls to zero.
const RATE: f32 = 4e-3;

impl Descent {
    /// Networks for a picture from those of a set, or nothing if the picture is too small for it.
    pub fn run(self, picture: &impl Samples, transform: Transform, from: &Set, planes: usize) -> Option<Set> {
        let size = picture.size();
        let [columns, rows] = [COLUMNS, ROWS].map(|side| side + 2 * MARGIN);
        if size[0] < columns || size[1] < rows {
            return None;
        }
        let pixels = (size[0] * size[1]) as f32;
        let mut states: Vec<State> =
            Plane::ALL.into_iter().zip(from).take(planes).map(|(plane, p)| State::new(plane, p)).collect();
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        for step in 0..self.steps {
            let stretches: Vec<[usize; 2]> = (0..self.samples.div_ceil(ROWS * COLUMNS))
                .map(|_| [random.below(size[0] - columns + 1), random.below(size[1] - rows + 1)])
                .collect();
            let tiles: Vec<_> = stretches
                .par_iter()
                .map(|&at| transform.planes(&picture.part(at, [columns, rows])))
                .collect();
            let rate = RATE * (1.0 - step as f32 / self.steps as f32);
            states.par_iter_mut().for_each(|state| {
                state.batch.clear();
                for tile in &tiles {
                    state.batch.take(state.plane, tile, MARGIN..MARGIN + ROWS, COLUMNS);
                }
                state.step(rate, PRICE / pixels);
            });
        }
        let mut set = from.clone();
        for (parameters, state) in set.iter_mut().zip(states) {
            *parameters = Parameters::nearest(Shape::of(state.plane), &state.parameters);
        }
        Some(set)
    }
}

/// A network on its way.
struct State {
    plane: Plane,
    base: Vec<f32>,
    parameters: Vec<f32>,
    slope: Vec<f32>,
    /// Running means of slopes and of their squares.
    first: Vec<f32>,
    second: Vec<f32>,
    steps: i32,
    batch: Batch,
    memory: Memory,
}

impl State {
    fn new(plane: Plane, parameters: &Parameters) -> Self {
        let base = parameters.reals();
        let zeros = vec![0.0; base.len()];
        Self {
            plane,
            parameters: base.clone(),
            base,
            slope: zeros.clone(),
            first: zeros.clone(),
            second: zeros,
            steps: 0,
            batch: Batch::default(),
            memory: Memory::default(),
        }
    }

    /// A step of Adam, where a change from the base has a price for each 1/64.
    fn step(&mut self, rate: f32, price: f32) {
        let shape = Shape::of(self.plane);
        slope(shape, &self.parameters, &self.batch, &mut self.slope, &mut self.memory);
        self.steps += 1;
        let (c1, c2) = (1.0 - 0.9f32.powi(self.steps), 1.0 - 0.99f32.powi(self.steps));
        for i in 0..self.parameters.len() {
            let change = self.parameters[i] - self.base[i];
            let pull = if change == 0.0 { 0.0 } else { change.signum() * price * WEIGHT };
            let g = self.slope[i] + pull;
            self.first[i] += 0.1 * (g - self.first[i]);
            self.second[i] += 0.01 * (g * g - self.second[i]);
            self.parameters[i] -= rate * (self.first[i] / c1) / ((self.second[i] / c2).sqrt() + 1e-7);
        }
    }
}

/// Xorshift*: the same places for the same picture.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32;
        ((high * bound as u64) >> 32) as usize
    }
}
