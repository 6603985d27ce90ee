//! Eight opinions about one decision become one probability \[1].
//!
//! \[1] M. Mahoney, Adaptive weighing of context models for lossless data compression, Florida Tech CS-2005-16.

use super::bits::Bits;
use super::logistic::{LIMIT, squash, stretch};
use super::slots::Lines;

/// Contexts that have a say in a decision.
pub(super) const CONTEXTS: usize = 8;

/// A weight of 1.
const ONE: i16 = 1 << 13;

/// Sets of weights for each choice of the first group: by how well three of the contexts are known.
const KNOWN: usize = 27;

type Eight = [i16; CONTEXTS];

/// Two groups of weights: a decision uses the sum of a set of each.
#[derive(Clone, Debug)]
pub(super) struct Mixer {
    first: Vec<Eight>,
    second: Vec<Eight>,
    /// How many decisions each set of the first group has seen, up to 255.
    ages: Vec<u8>,
    /// The contexts whose counts choose among the sets of the first group.
    telling: [usize; 3],
}

/// What is decided, and where the opinions about it are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question<'a> {
    pub(super) places: &'a [usize; CONTEXTS],
    /// In the line at each place.
    pub(super) nodes: [usize; CONTEXTS],
    pub(super) first: usize,
    pub(super) second: usize,
}

impl Mixer {
    /// For `Question::first` below `first` and `Question::second` below `second`.
    pub(super) fn new(first: usize, second: usize, telling: [usize; 3]) -> Self {
        let sets = first * KNOWN;
        let start = [ONE / 10 * 3; CONTEXTS];
        Self { first: vec![start; sets], second: vec![[0; CONTEXTS]; second], ages: vec![0; sets], telling }
    }

    /// Codes a decision, and lets the weights and the probabilities learn from it.
    #[inline]
    pub(super) fn decide<B: Bits>(
        &mut self,
        bits: &mut B,
        lines: &mut Lines,
        question: &Question<'_>,
        decision: bool,
    ) -> bool {
        let Question { places, nodes, .. } = question;
        let mut inputs = [0; CONTEXTS];
        for ((input, &place), &node) in inputs.iter_mut().zip(*places).zip(nodes) {
            *input = stretch(lines.line(place).probability[node]);
        }
        let known = self.telling.map(|i| match lines.line(places[i]).count[nodes[i]] {
            0 => 0,
            1 | 2 => 1,
            _ => 2,
        });
        let first = question.first * KNOWN + 9 * known[0] + 3 * known[1] + known[2];
        let (a, b) = (&mut self.first[first], &mut self.second[question.second]);
        let probability = squash((dot(&inputs, a, b) >> 13).clamp(-LIMIT, LIMIT));

        let decision = bits.bit(decision, probability);

        let error = (i32::from(decision) << 16) - i32::from(probability);
        let age = &mut self.ages[first];
        let gain = 6 + (i32::from(255 - *age) >> 4);
        *age += u8::from(*age < 255);
        step(&inputs, a, b, ((error * gain) >> 5).clamp(-32768, 32767) as i16);
        for (&place, &node) in places.iter().zip(nodes) {
            lines.line(place).adapt(node, decision);
        }
        decision
    }
}

/// Inputs times weights. A function of its own because alone the compiler makes vectors of it.
#[inline(never)]
fn dot(inputs: &Eight, a: &Eight, b: &Eight) -> i32 {
    let mut sum = 0;
    for i in 0..CONTEXTS {
        sum += i32::from(inputs[i]) * i32::from(a[i].saturating_add(b[i]));
    }
    sum
}

/// Moves the weights towards the inputs that said the decision. A function of its own for the same reason.
#[inline(never)]
fn step(inputs: &Eight, a: &mut Eight, b: &mut Eight, error: i16) {
    for i in 0..CONTEXTS {
        let step = ((i32::from(inputs[i]) * i32::from(error) + 0x8000) >> 16) as i16;
        a[i] = a[i].saturating_add(step);
        b[i] = b[i].saturating_add(step);
    }
}
